"""What a call costs and may cost, in integer nano-USD.

Source: PROTOCOL, "Best of N, cache, money, ids". Prices are decimal numbers that people wrote down (0.0015), so they
are taken as written; binary fractions would put a nano here and there where accounts must agree to the last one.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from maze_tasks.decide.tokens import FRAMING_TOKENS
from maze_tasks.models import ModelEndpoint
from maze_tasks.models.runs import NANO_PER_USD

TOKENS_A_PRICE = 1000  # prices are USD per 1000 tokens


def cost_nano(endpoint: ModelEndpoint, prompt_tokens: int, generated_tokens: int) -> int:
    """Cost of a call in nano-USD, rounded half up.

    Args:
        endpoint: whose prices hold.
        prompt_tokens: tokens of the prompt.
        generated_tokens: tokens generated.
    """
    (asked, of), (given, by) = _ratio(endpoint.input_price), _ratio(endpoint.output_price)
    cost, unit = prompt_tokens * asked * by + generated_tokens * given * of, of * by
    return (2 * cost + unit) // (2 * unit)


def price_nano(usd_per_1k: float) -> int:
    """Price of one token in nano-USD, rounded up: what is reserved by it may be too much, never too little."""
    price, unit = _ratio(usd_per_1k)
    return -(-price // unit)


def estimate_nano(endpoint: ModelEndpoint, prompt_bytes: int, max_tokens: int) -> int:
    """What to reserve for a call before it is made, in nano-USD: (prompt bytes + 64 + max_tokens) x price.

    Args:
        endpoint: whose prices hold.
        prompt_bytes: size of the prompt in UTF-8; a byte is never more than one token.
        max_tokens: tokens asked for.
    """
    return cost_nano(endpoint, prompt_bytes + FRAMING_TOKENS, max_tokens)


def usd_to_nano(usd: float) -> int:
    """An amount that somebody wrote down in USD, in nano-USD, rounded down: a budget is never more than it says."""
    return int(Fraction(repr(usd)) * NANO_PER_USD)


@lru_cache(maxsize=1024)
def _ratio(usd_per_1k: float) -> tuple[int, int]:
    """Exact price of one token in nano-USD as a ratio; the shortest decimal of a float is what was written."""
    return (Fraction(repr(usd_per_1k)) * NANO_PER_USD / TOKENS_A_PRICE).as_integer_ratio()
