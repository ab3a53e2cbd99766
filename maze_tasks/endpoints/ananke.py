"""The ``ananke`` protocol: Ananke's own inference service. Pure: building a request and reading a reply.

Source: CONTRACTS section 4. The Rust client and the Python service disagree; replies of both forms are read, and
requests are written so that the service, which is what really answers, understands all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maze_tasks.endpoints.failures import failure_in_body, failure_of_reply, sentence_of
from maze_tasks.endpoints.grammar import gbnf, json_schema
from maze_tasks.endpoints.redact import PLAIN, Redactor
from maze_tasks.endpoints.wire import (
    HttpReply,
    HttpRequest,
    count_of,
    encodable,
    join_url,
    name_of,
    number_of,
    parse_json,
    post,
)
from maze_tasks.errors import EndpointError, FinalError, PassingError
from maze_tasks.models.calls import Call, Reply, ServerStats
from maze_tasks.models.endpoints import ModelEndpoint
from maze_tasks.names import SIMULATED_HEADER

GENERATE_PATH = "generate"
HEALTH_PATH = "health"
MODELS_PATH = "models"
CONSTRAINT_ERRORS = frozenset({"constraint_validation_error", "constraint_compilation_error"})
US_PER_MS = 1000.0
US_PER_S = 1_000_000.0


def build(endpoint: ModelEndpoint, call: Call) -> HttpRequest:
    """The request that asks `endpoint` for a fill.

    Raises:
        FinalError: kind ``bad_request``, when the call cannot be written as JSON.
    """
    body: dict[str, Any] = {
        "prompt": call.prompt,
        "constraints": _constraints(call),
        endpoint.max_tokens_field: call.max_tokens,
    }
    if endpoint.send_temperature:
        body["temperature"] = call.temperature
    body["model"] = endpoint.model
    body["context"] = _context(call)
    body.update(endpoint.extra_body)
    return post(join_url(endpoint.endpoint_url, GENERATE_PATH), body, call.key)


def read(endpoint: ModelEndpoint, call: Call, reply: HttpReply, *, now: float, clean: Redactor = PLAIN) -> Reply:  # noqa: ARG001 - one signature for all protocols
    """What the endpoint answered, in the form of the Rust client's types or of the Python service.

    Args:
        endpoint: who was asked.
        call: what was asked; where it has constraints that the service takes, the text must keep them.
        reply: the complete reply.
        now: when it came, in seconds since the epoch.
        clean: makes the server's text fit to be shown.

    Raises:
        EndpointError: whatever is not a usable fill, errors that come as HTTP 200 included.
    """
    if not reply.ok:
        raise failure_of_reply(reply, now=now, clean=clean)
    answer = parse_json(reply.body)
    if not isinstance(answer, Mapping):
        raise PassingError("unreadable", "the reply is not a JSON object", status=reply.status)
    metadata = answer.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    failure = _failure(answer, metadata, reply, now=now, clean=clean)
    if failure is not None:
        raise failure
    if answer.get("constraint_satisfied") is False and _constraints(call):
        detail = sentence_of(metadata.get("error")) or f"finish reason {answer.get('finish_reason') or 'unknown'}"
        why = f"the service says that its text does not keep the constraints: {detail}"
        raise FinalError("constraint", clean(why), status=reply.status)
    tokens = count_of(answer.get("tokens_generated")) or None
    return Reply(
        text=answer["generated_text"],
        model=name_of(answer.get("model"), clean.name) or name_of(answer.get("model_name"), clean.name),
        finish_reason=name_of(answer.get("finish_reason"), clean.name),
        prompt_tokens=count_of(metadata.get("prompt_tokens")) or None,
        generated_tokens=tokens,
        stats=_stats(answer, metadata, tokens),
        simulated=SIMULATED_HEADER.lower() in reply.headers,
    )


def _constraints(call: Call) -> dict[str, Any]:
    """The constraints under the names the service knows, and no others: one more makes it drop them all.

    Token masks stay here: their ids are hashes of words, not tokens (CONTRACTS section 1).
    """
    constraints: dict[str, Any] = {}
    if call.schema is not None:
        constraints["json_schema"] = json_schema(call.schema)
    grammar = gbnf(call.grammar) if call.grammar is not None else None
    if grammar is not None:
        constraints["grammar"] = grammar
    if call.regex is not None:
        constraints["regex_patterns"] = [call.regex]
    return constraints


def _context(call: Call) -> str | None:
    """What the service puts ahead of the prompt: the instruction and what is known of the place; None for nothing."""
    facts = {"Language": call.language, "File": call.path, **call.context}
    lines = [f"{name}: {value}" for name, value in facts.items() if isinstance(value, str | int | float) and value]
    return "\n".join(filter(None, (call.system, *lines))) or None


def _failure(
    answer: Mapping[str, Any], metadata: Mapping[str, Any], reply: HttpReply, *, now: float, clean: Redactor
) -> EndpointError | None:
    """Why the reply is not a usable fill, None if it is one."""
    reason = answer.get("finish_reason")
    detail = sentence_of(metadata.get("error")) or sentence_of(answer.get("error"))
    if isinstance(reason, str) and reason in CONSTRAINT_ERRORS:
        return FinalError("constraint", clean(f"{reason}: {detail or 'no details'}"), status=reply.status)
    if reason == "error":
        return PassingError("server_error", clean(f"error: {detail or 'no details'}"), status=reply.status)
    text = answer.get("generated_text")
    usable = isinstance(text, str) and bool(text.strip())
    for name in () if usable else ("error", "detail"):
        if answer.get(name):
            return failure_in_body(answer[name], reply, now=now, clean=clean)
    if text is not None and not isinstance(text, str):
        return PassingError("unreadable", "the reply's generated_text is not text", status=reply.status)
    if not usable:
        if "generated_text" not in answer:
            return PassingError("unreadable", "the reply has no generated_text", status=reply.status)
        shown = clean(reason) if isinstance(reason, str) and reason else "unknown"
        return PassingError("empty", f"the reply has no text (finish reason: {shown})", status=reply.status)
    if not encodable(str(text)):
        return PassingError("unreadable", "the reply's text holds lone surrogates", status=reply.status)
    return None


def _stats(answer: Mapping[str, Any], metadata: Mapping[str, Any], tokens: int | None) -> ServerStats | None:
    """Server statistics: as the Rust types have them, or worked out from what the Python service says of time."""
    stats = answer.get("stats")
    if isinstance(stats, Mapping):
        return ServerStats(
            total_time_ms=_positive(stats.get("total_time_ms")),
            time_per_token_us=_positive(stats.get("time_per_token_us")),
            constraint_checks=count_of(stats.get("constraint_checks")) or 0,
            avg_constraint_check_us=_positive(stats.get("avg_constraint_check_us")),
        )
    total_ms, speed = _positive(answer.get("generation_time_ms")), _positive(metadata.get("tokens_per_sec"))
    if not total_ms or not (tokens or speed):
        return None
    per_token_us = total_ms * US_PER_MS / tokens if tokens else US_PER_S / speed
    return ServerStats(total_time_ms=total_ms, time_per_token_us=per_token_us)


def _positive(value: object) -> float:
    """A duration or speed, 0 where it is missing or makes no sense."""
    return max(number_of(value) or 0.0, 0.0)
