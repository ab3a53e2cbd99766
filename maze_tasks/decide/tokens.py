"""How many tokens to ask for, at which temperature, and how many a call may use in all.

Source: CONTRACTS section 2, "Tokens to ask for"; PROTOCOL, "Best of N, cache, money, ids".
"""

from __future__ import annotations

from collections.abc import Sequence

from maze_tasks.decide.shape import grammar_of, schema_of
from maze_tasks.models import Hole, Scale

TOKENS_BY_SCALE = {Scale.NANO: 64, Scale.MICRO: 256, Scale.MESO: 512, Scale.MACRO: 1024}
UNKNOWN_SCALE_TOKENS = 256  # what a request asks for by default (CONTRACTS section 1, InferenceRequest)
SCHEMA_TOKENS = 256
GRAMMAR_TOKENS = 256
CONSTRAINT_TOKENS = 32  # for each fill constraint
MOST_FOR_CONSTRAINTS = 2048  # bound of what schema, grammar and constraints may ask for

DEFAULT_TEMPERATURE = 0.7  # where the schedule is empty
FRAMING_TOKENS = 64  # system text and chat template around the prompt


def tokens_to_ask(hole: Hole) -> int:
    """Tokens to ask for: what the hole says, or what its scale and its constraints call for.

    Args:
        hole: the hole; a hole of unknown scale is taken for a statement.

    Returns:
        A number of tokens, at least 1.
    """
    if hole.max_tokens is not None:
        return hole.max_tokens
    by_scale = UNKNOWN_SCALE_TOKENS if hole.state is None else TOKENS_BY_SCALE[hole.state.scale]
    by_constraints = (
        SCHEMA_TOKENS * (schema_of(hole) is not None)
        + GRAMMAR_TOKENS * (grammar_of(hole) is not None)
        + CONSTRAINT_TOKENS * len(hole.spec.fill_constraints)
    )
    return max(by_scale, min(by_constraints, MOST_FOR_CONSTRAINTS))


def temperature(schedule: Sequence[float], round_no: int) -> float:
    """Temperature of a round: the schedule's entry, its last one for later rounds, 0.7 if it is empty.

    Args:
        schedule: temperatures by round.
        round_no: round of refinement, from 0.
    """
    return schedule[min(round_no, len(schedule) - 1)] if schedule else DEFAULT_TEMPERATURE


def prompt_bytes(prompt: str) -> int:
    """Size of a prompt in UTF-8, with lone surrogates (JSON allows them) counted as three bytes each."""
    return len(prompt.encode("utf-8", "surrogatepass"))


def estimate_tokens(prompt: str, max_tokens: int) -> int:
    """Tokens a call uses at most: a byte of the prompt is never more than one token.

    Args:
        prompt: the text for the model.
        max_tokens: tokens asked for.
    """
    return prompt_bytes(prompt) + FRAMING_TOKENS + max_tokens
