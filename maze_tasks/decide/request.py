"""From a hole and a candidate to the call that is made: values in, a value out, nothing sent."""

from __future__ import annotations

from maze_tasks.decide.prompt import SYSTEM_TEXT, build_prompt
from maze_tasks.decide.shape import grammar_of, pattern_of, schema_of
from maze_tasks.decide.tokens import TOKENS_BY_SCALE, prompt_bytes, tokens_to_ask
from maze_tasks.models import Hole, ModelEndpoint, Scale
from maze_tasks.models.calls import Call

BYTES_A_TOKEN = 3  # of a prompt, on the low side for code, so that the room left is not overrated
LEAST_ROOM_TOKENS = TOKENS_BY_SCALE[Scale.NANO]  # with less room than this no fill is worth asking for


def call_for(hole: Hole, endpoint: ModelEndpoint, key: str, *, temperature: float) -> Call:
    """The call that asks an endpoint to fill a hole.

    Args:
        hole: the hole; its own prompt, tokens and temperature go before what is derived.
        endpoint: who is asked; its context bounds the tokens asked for.
        key: value of the ``Idempotency-Key`` header.
        temperature: sampling temperature of the round, for a hole that names none.
    """
    prompt = prompt_of(hole)
    return Call(
        prompt=prompt,
        key=key,
        max_tokens=_within_context(tokens_to_ask(hole), prompt, endpoint.context_tokens),
        temperature=temperature if hole.temperature is None else hole.temperature,
        system=SYSTEM_TEXT,
        prefix=hole.prefix,
        suffix=hole.suffix,
        language=hole.language,
        path=hole.path,
        schema=schema_of(hole),
        grammar=grammar_of(hole),
        regex=pattern_of(hole),
        constraints=hole.constraints,
    )


def prompt_of(hole: Hole) -> str:
    """The hole's own prompt as it is, or one built from what is known."""
    return hole.prompt or build_prompt(hole)


def _within_context(tokens: int, prompt: str, context_tokens: int | None) -> int:
    """Tokens to ask for so that prompt and answer fit the context.

    A prompt that leaves no useful room is sent as it is: the endpoint refuses it unpaid and the next candidate is
    asked, where an answer cut short would be paid for and rejected.
    """
    if context_tokens is None:
        return tokens
    room = context_tokens - prompt_bytes(prompt) // BYTES_A_TOKEN
    return min(tokens, room) if room >= LEAST_ROOM_TOKENS else tokens
