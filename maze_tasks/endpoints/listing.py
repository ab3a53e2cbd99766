"""What an endpoint says of itself: its health and its models. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from maze_tasks.endpoints.failures import failure_in_body, failure_of_reply, sentence_of
from maze_tasks.endpoints.redact import Redactor
from maze_tasks.endpoints.wire import HttpReply, parse_json
from maze_tasks.errors import PassingError

_NAMES = ("id", "name", "model")  # where servers keep a model's name
_LISTS = ("data", "models")  # where they keep the list


@dataclass(frozen=True, slots=True)
class Health:
    """Whether an endpoint can be reached and answers.

    Args:
        ok: whether it answered with a success.
        status: HTTP status, None if there was no reply.
        detail: one sentence for people, redacted.
        latency_ms: how long it took.
    """

    ok: bool
    status: int | None
    detail: str
    latency_ms: float


def read_models(reply: HttpReply, *, now: float, clean: Redactor) -> list[str]:
    """Names of the models an endpoint serves, in its order.

    Args:
        reply: reply of the ``models`` path: ``{"data": [{"id": ...}]}`` (openai) or a plain list of names (ananke).
        now: when it came, in seconds since the epoch.
        clean: makes the server's text fit to be shown.

    Raises:
        EndpointError: the endpoint refused, or the reply is no such list.
    """
    if not reply.ok:
        raise failure_of_reply(reply, now=now, clean=clean)
    answer = parse_json(reply.body)
    if isinstance(answer, Mapping):
        if answer.get("error"):
            raise failure_in_body(answer["error"], reply, now=now, clean=clean)
        answer = next((answer[name] for name in _LISTS if isinstance(answer.get(name), list)), None)
    if not isinstance(answer, list):
        raise PassingError("unreadable", "the reply has no list of models", status=reply.status)
    return [clean(name) for name in map(_name, answer) if name]


def health_detail(reply: HttpReply, clean: Redactor) -> str:
    """One sentence of a healthy reply: what it says of its state, or just that it answered."""
    try:
        answer: Any = parse_json(reply.body)
    except PassingError:
        return f"HTTP {reply.status}"
    said = answer.get("status") if isinstance(answer, Mapping) else None
    return clean(said if isinstance(said, str) and said else sentence_of(answer)) or f"HTTP {reply.status}"


def _name(model: object) -> str | None:
    if isinstance(model, str):
        return model
    if isinstance(model, Mapping):
        return next((model[key] for key in _NAMES if isinstance(model.get(key), str)), None)
    return None
