"""From a hole and a candidate to the call that is made: values in, a value out, nothing sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from maze_tasks.decide import prompt
from maze_tasks.decide.middle import code_for_middle
from maze_tasks.decide.prompt import build_prompt, code_around
from maze_tasks.decide.shape import grammar_of, pattern_of, schema_of
from maze_tasks.decide.tokens import FRAMING_TOKENS, TOKENS_BY_SCALE, prompt_bytes, tokens_to_ask
from maze_tasks.decide.windows import Around
from maze_tasks.models import (
    ContextPiece,
    Diagnostic,
    Hole,
    ModelCapability,
    ModelEndpoint,
    Scale,
    Templates,
    default_templates,
    diagnostics_in,
)
from maze_tasks.models.calls import Call
from maze_tasks.models.templates import filled

BYTES_A_TOKEN = 3  # of a prompt, on the low side for code, so that the room left is not overrated
LEAST_ROOM_TOKENS = TOKENS_BY_SCALE[Scale.NANO]  # with less room than this no fill is worth asking for
DEFAULT_PROMPT_TOKENS = prompt.DEFAULT_PROMPT_BYTES // BYTES_A_TOKEN  # where the endpoint's context is not known
LONG_PROMPT_TOKENS = 32_000  # the same for an endpoint of which only LongContext is known


def call_for(
    hole: Hole,
    endpoint: ModelEndpoint,
    key: str,
    *,
    temperature: float,
    diagnostics: Sequence[Diagnostic] = (),
    templates: Templates | None = None,
) -> Call:
    """The call that asks an endpoint to fill a hole.

    Args:
        hole: the hole; its own prompt, tokens and temperature go before what is derived. Its own prompt is sent as it
            is: neither template nor diagnostics are added to it.
        endpoint: who is asked; its context bounds the prompt and the tokens asked for.
        key: value of the ``Idempotency-Key`` header.
        temperature: sampling temperature of the round, for a hole that names none.
        diagnostics: why earlier answers of the run were rejected, the latest first; those that the hole brings along
            come after them.
        templates: the texts of the run; None means those of the package.
    """
    texts = templates or default_templates()
    most = most_prompt_bytes(hole, endpoint, texts)
    told = (*diagnostics, *diagnostics_in(hole.state))
    asked = hole.prompt or build_prompt(hole, most_bytes=most, diagnostics=told, templates=texts)
    system = filled(texts.system, {"language": hole.language or "", "path": hole.path or ""})
    is_part = hole.part is not None  # only words can say which part is wanted, and the whole is what constraints mean
    code = _code_sent(hole, endpoint, most)
    size = max(prompt_bytes(asked), code.size if endpoint.supports_fim else 0) + _beyond_framing(system)
    return Call(
        prompt=asked,
        key=key,
        max_tokens=_within_context(tokens_to_ask(hole), size, endpoint.context_tokens),
        temperature=temperature if hole.temperature is None else hole.temperature,
        system=system,
        prefix=None if hole.prefix is None or is_part else code.before,
        suffix=None if hole.suffix is None or is_part else code.after,
        language=hole.language,
        path=hole.path,
        schema=schema_of(hole),
        grammar=grammar_of(hole),
        regex=pattern_of(hole),
        constraints=() if is_part else hole.constraints,
    )


def prompt_of(hole: Hole) -> str:
    """The hole's own prompt as it is, or one of the usual size built from what is known."""
    return hole.prompt or build_prompt(hole)


def prompt_bound(hole: Hole, endpoint: ModelEndpoint, templates: Templates | None = None) -> int:
    """Bytes that what is sent to an endpoint for a hole never exceeds, in any round; the system text not counted.

    Args:
        hole: the hole.
        endpoint: who may be asked.
        templates: the texts of the run; None means those of the package.
    """
    texts = templates or default_templates()
    most = most_prompt_bytes(hole, endpoint, texts)
    own = prompt_bytes(hole.prompt) if hole.prompt else prompt.prompt_bound(hole, most_bytes=most, templates=texts)
    return max(own, _code_sent(hole, endpoint, most).size if endpoint.supports_fim else 0)


def most_prompt_tokens(
    hole: Hole, endpoints: Iterable[ModelEndpoint], templates: Templates | None = None, *, grows: bool = False
) -> int:
    """Tokens that the prompt side of a call for a hole never exceeds, whoever of the endpoints is asked.

    A byte is never more than one token. That is what is reserved for a call, and charged for one that is lost.

    Args:
        hole: the hole, as it is submitted: fills of those that it depends on come to it later.
        endpoints: the candidates, at least one.
        templates: the texts of the run; None means those of the package.
        grows: whether it may be divided into parts, whose prompts show the fills of earlier ones.
    """
    texts = templates or default_templates()
    system = filled(texts.system, {"language": hole.language or "", "path": hole.path or ""})
    # Endpoints that read alike have the same bound, and computing it is what takes the time.
    is_long = ModelCapability.LONG_CONTEXT
    alike = {(one.context_tokens, one.supports_fim, is_long in one.capabilities): one for one in endpoints}
    most = max(_bound_with_fills(hole, one, texts, grows=grows) for one in alike.values())
    return most + _beyond_framing(system) + FRAMING_TOKENS


def _bound_with_fills(hole: Hole, endpoint: ModelEndpoint, templates: Templates, *, grows: bool) -> int:
    """`prompt_bound` where fills of other holes may come as further pieces, however long."""
    if hole.prompt:
        beside = most_prompt_bytes(hole, endpoint, templates) if grows else 0
        return prompt_bound(hole, endpoint, templates) + beside
    if not (hole.depends_on or grows):
        return prompt_bound(hole, endpoint, templates)
    some_fill = ContextPiece(kind="dependency", title="fill", text="fill")
    filled_up = hole.model_copy(update={"pieces": (*hole.pieces, some_fill)})
    return max(prompt_bound(filled_up, endpoint, templates), most_prompt_bytes(hole, endpoint, templates))


def most_prompt_bytes(hole: Hole, endpoint: ModelEndpoint, templates: Templates | None = None) -> int:
    """Bytes of UTF-8 that a prompt for this hole may have at an endpoint.

    That is what its context leaves beside the answer, and half of the context where the answer would leave less; where
    the context is not known a usual size, a larger one for `LongContext`.
    """
    context = endpoint.context_tokens
    if context is None:
        is_long = ModelCapability.LONG_CONTEXT in endpoint.capabilities
        return BYTES_A_TOKEN * (LONG_PROMPT_TOKENS if is_long else DEFAULT_PROMPT_TOKENS)
    system = _beyond_framing((templates or default_templates()).system)
    beside_answer = BYTES_A_TOKEN * (context - tokens_to_ask(hole) - FRAMING_TOKENS) - system
    return max(beside_answer, BYTES_A_TOKEN * (context // 2) - system, 0)


def _code_sent(hole: Hole, endpoint: ModelEndpoint, most_bytes: int) -> Around:
    """The code around the hole as the call carries it: what fits, where it is the prompt itself."""
    return code_for_middle(hole, most_bytes) if endpoint.supports_fim and hole.prefix else code_around(hole)


def _beyond_framing(system: str) -> int:
    """Bytes of a system text beyond the package's own, which `FRAMING_TOKENS` accounts for."""
    return max(prompt_bytes(system) - prompt_bytes(default_templates().system), 0)


def _within_context(tokens: int, size: int, context_tokens: int | None) -> int:
    """Tokens to ask for so that prompt (`size` bytes) and answer fit the context.

    A prompt that leaves no useful room is sent as it is: the endpoint refuses it unpaid and the next candidate is
    asked, where an answer cut short would be paid for and rejected.
    """
    if context_tokens is None:
        return tokens
    room = context_tokens - size // BYTES_A_TOKEN
    return min(tokens, room) if room >= LEAST_ROOM_TOKENS else tokens
