"""What goes over the wire: a reply as it is, or as a fault deforms it. Pure; `wire` carries it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from maze_tasks.simulate.behaviour import retry_after
from maze_tasks.simulate.replies import ananke_error, dump, error_body
from maze_tasks.simulate.settings import Fault

Protocol = Literal["openai", "ananke"]

_JSON = "application/json"
_GARBAGE = b"\x00\xff{]simulated garbage, not JSON"
_PAGE = b"<!doctype html><html><title>Sign in</title><p>A simulated page where JSON was expected.</p></html>"
_ERROR_MESSAGES = {429: "rate limit reached", 503: "overloaded", 401: "wrong API key", 404: "no such model"}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A reply and the manner of sending it.

    Args:
        status: HTTP status.
        body: bytes of the body.
        content_type: what the reply says it is.
        headers: further headers.
        manner: ``whole`` as any reply; ``hang`` sends nothing and closes after ``pause_s``; ``closed`` closes at once,
            ``reset`` with a TCP reset; ``cut`` closes half-way through the body; ``close_after`` promises keep-alive
            and closes after the body; ``trickle`` sends the body and ``trickle_headers`` all of it byte by byte,
            ``pause_s`` apart.
        pause_s: seconds.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = _JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    manner: Literal["whole", "hang", "closed", "reset", "cut", "close_after", "trickle", "trickle_headers"] = "whole"
    pause_s: float = 0.0

    @property
    def status_sent(self) -> int | None:
        """The status that the client gets to see; None where no reply is sent."""
        return None if self.manner in ("hang", "closed", "reset") else self.status


def refusal(protocol: Protocol, status: int, message: str, headers: Mapping[str, str] | None = None) -> Delivery:
    """An error reply in the form that servers of the protocol use."""
    body, content_type = error_body(status, message, "openai" if protocol == "openai" else "detail")
    return Delivery(status, body, content_type, headers or {})


def deformed(
    fault: Fault, good: Mapping[str, Any], *, protocol: Protocol, model: str, latency_ms: float, now: float
) -> Delivery:
    """What is sent in place of a good reply.

    Args:
        fault: what goes wrong.
        good: the reply that would have been sent.
        protocol: of the endpoint.
        model: name that the endpoint claims.
        latency_ms: what the reply says it took.
        now: wall clock in seconds since 1970.
    """
    if isinstance(fault.kind, int):
        return _status(fault, fault.kind, protocol, now)
    whole = Delivery(body=dump(good))
    match fault.kind:
        case "hang":
            return Delivery(manner="hang", pause_s=fault.duration_s)
        case "trickle" | "trickle_headers":
            return replace(whole, manner=fault.kind, pause_s=fault.interval_ms / 1000)
        case "closed" | "reset" | "cut" | "close_after":
            return replace(whole, manner=fault.kind)
        case "disguised":
            return _disguised(fault, protocol, model, latency_ms)
        case "empty":
            return Delivery(body=dump(_emptied(good)))
        case "no_choices":
            return Delivery(body=dump(dict(good) | {"choices": []} if protocol == "openai" else {}))
        case unreadable:
            return _unreadable(unreadable, whole)


def _unreadable(kind: Literal["garbage", "html", "truncated", "wrong_content_type"], whole: Delivery) -> Delivery:
    match kind:
        case "garbage":
            return replace(whole, body=_GARBAGE)
        case "html":
            return replace(whole, body=_PAGE, content_type="text/html")
        case "truncated":
            return replace(whole, body=whole.body[: len(whole.body) // 2])
        case "wrong_content_type":
            return replace(whole, content_type="text/html")


def _status(fault: Fault, status: int, protocol: Protocol, now: float) -> Delivery:
    pause = {} if fault.retry_after_s is None else retry_after(fault.retry_after_form, fault.retry_after_s, now)
    form = fault.body or ("openai" if protocol == "openai" else "detail")
    body, content_type = error_body(status, _ERROR_MESSAGES.get(status, f"error {status}"), form)
    return Delivery(status, body, content_type, pause)


def _disguised(fault: Fault, protocol: Protocol, model: str, latency_ms: float) -> Delivery:
    if protocol == "ananke":
        return Delivery(body=dump(ananke_error(model, fault.finish_reason, latency_ms)))
    body, _ = error_body(500, "upstream failed", "integer_code")
    return Delivery(body=body)


def _emptied(good: Mapping[str, Any]) -> dict[str, Any]:
    """The reply without its text: its token counts stay."""
    if "choices" not in good:
        return dict(good) | {"generated_text": ""}
    choices = []
    for choice in good["choices"]:
        text = {"message": choice["message"] | {"content": ""}} if "message" in choice else {"text": ""}
        choices.append(choice | text | {"logprobs": None})
    return dict(good) | {"choices": choices}
