"""One exchange with an endpoint, as values: what is asked (`Call`) and what came back (`Reply`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from maze_tasks.models.constraints import ConstraintIR, Grammar, JsonSchema
from maze_tasks.record import record


@record
class Call:
    """One request to an endpoint, free of protocol and address.

    Args:
        prompt: the text for the model.
        key: value of the ``Idempotency-Key`` header.
        max_tokens: tokens to ask for.
        temperature: sampling temperature.
        system: instruction that goes ahead of the prompt where the protocol has a place for it.
        prefix: code before the hole, byte for byte; None if not known.
        suffix: code after the hole.
        language: programming language, if known.
        path: path of the file, relative to the tree's root, if known.
        schema: JSON schema that the fill must satisfy.
        grammar: grammar that the fill must follow.
        regex: pattern that the fill must match.
        constraints: the constraints as they came, for protocols that pass them on.
        context: further facts, such as ``project_root``.
    """

    prompt: str
    key: str
    max_tokens: int
    temperature: float
    system: str = ""
    prefix: str | None = None
    suffix: str | None = None
    language: str | None = None
    path: str | None = None
    schema: JsonSchema | None = None
    grammar: Grammar | None = None
    regex: str | None = None
    constraints: tuple[ConstraintIR, ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServerStats:
    """Statistics an ananke server gives with its reply.

    Args:
        total_time_ms: time of the whole generation.
        time_per_token_us: mean time of one token in microseconds.
        constraint_checks: number of constraint checks.
        avg_constraint_check_us: mean time of one check in microseconds.
    """

    total_time_ms: float = 0.0
    time_per_token_us: float = 0.0
    constraint_checks: int = 0
    avg_constraint_check_us: float = 0.0


@record
class Reply:
    """One usable answer of an endpoint.

    Args:
        text: the generated text as it came.
        model: model name the server gave, if it did.
        finish_reason: why generation ended, such as ``stop`` or ``length``.
        prompt_tokens: tokens of the prompt as the server counted them.
        generated_tokens: tokens generated as the server counted them.
        confidence: measured evidence in 0..1 (mean token probability); None where nothing was measured.
        stats: server statistics, if the protocol has them.
        latency_ms: from the first byte sent to the last byte read.
        simulated: whether the endpoint said that it is simulated.
        resent: how often the request was sent again because a kept-alive connection was found closed.
    """

    text: str
    model: str | None = None
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    generated_tokens: int | None = None
    confidence: float | None = None
    stats: ServerStats | None = None
    latency_ms: float = 0.0
    simulated: bool = False
    resent: int = 0
