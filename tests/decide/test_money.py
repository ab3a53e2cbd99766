"""Money is exact to the nano-USD."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maze_tasks.decide.money import cost_nano, estimate_nano, price_nano, usd_to_nano
from maze_tasks.models import NANO_PER_USD, ModelEndpoint

EXACT = Context(prec=200)

prices = st.decimals(min_value=0, max_value=1000, places=9).map(float)
counts = st.integers(0, 10**9)


def endpoint(**prices_: Any) -> ModelEndpoint:
    return ModelEndpoint.model_validate({"name": "a", "endpoint_url": "http://a", **prices_})


@pytest.mark.parametrize(
    ("price", "prompt", "generated", "nano"),
    [
        (0.0, 1000, 1000, 0),
        (0.001, 1000, 0, 1_000_000),
        (0.001, 500, 500, 1_000_000),
        (0.1, 3, 0, 300_000),
        (0.0000005, 1, 0, 1),  # half a nano rounds up
        (0.00000049, 1, 0, 0),
        (0.0000005, 1, 2, 2),  # rounded once, after adding
        (60.0, 10**9, 10**9, 120_000_000 * 10**9),
    ],
)
def test_one_price_holds_for_both_kinds_of_tokens(price: float, prompt: int, generated: int, nano: int) -> None:
    assert cost_nano(endpoint(cost_per_1k_tokens=price), prompt, generated) == nano


def test_input_and_output_may_have_prices_of_their_own() -> None:
    own = endpoint(cost_per_1k_tokens=9.0, input_cost_per_1k_tokens=0.00015, output_cost_per_1k_tokens=0.0006)
    assert cost_nano(own, 2000, 1000) == 300_000 + 600_000


def test_a_price_missing_on_one_side_is_the_common_one() -> None:
    assert cost_nano(endpoint(cost_per_1k_tokens=0.002, output_cost_per_1k_tokens=0.004), 1000, 1000) == 6_000_000


def test_an_estimate_takes_bytes_for_tokens_and_64_for_the_framing() -> None:
    assert estimate_nano(endpoint(cost_per_1k_tokens=0.001), 936, 500) == 1_500_000


@settings(deadline=None)
@given(input_price=prices, output_price=prices, prompt=counts, generated=counts)
def test_it_is_what_decimal_arithmetic_gives(
    input_price: float, output_price: float, prompt: int, generated: int
) -> None:
    own = endpoint(input_cost_per_1k_tokens=input_price, output_cost_per_1k_tokens=output_price)
    found = cost_nano(own, prompt, generated)
    usd_per_1k = EXACT.add(
        EXACT.multiply(Decimal(str(input_price)), prompt), EXACT.multiply(Decimal(str(output_price)), generated)
    )
    assert isinstance(found, int)
    assert found == int(EXACT.multiply(usd_per_1k, 10**6).quantize(Decimal(1), ROUND_HALF_UP, EXACT))


@settings(deadline=None)
@given(price=prices, size=counts, max_tokens=counts, data=st.data())
def test_a_call_never_costs_more_than_was_estimated(
    price: float, size: int, max_tokens: int, data: st.DataObject
) -> None:
    own = endpoint(cost_per_1k_tokens=price)
    used = cost_nano(own, data.draw(st.integers(0, size + 64)), data.draw(st.integers(0, max_tokens)))
    assert used <= estimate_nano(own, size, max_tokens)


@given(price=prices, tokens=counts)
def test_the_price_of_a_token_is_rounded_up(price: float, tokens: int) -> None:
    assert price_nano(price) * tokens >= cost_nano(endpoint(cost_per_1k_tokens=price), tokens, 0)
    assert 0 <= price_nano(price) - Decimal(str(price)) * 10**6 < 1


@pytest.mark.parametrize(
    ("usd", "nano"),
    [(0.0, 0), (5.0, 5 * NANO_PER_USD), (0.1, NANO_PER_USD // 10), (1e-9, 1), (1.9e-9, 1), (1e-10, 0)],
)
def test_a_budget_is_taken_as_written_and_never_for_more(usd: float, nano: int) -> None:
    assert usd_to_nano(usd) == nano
