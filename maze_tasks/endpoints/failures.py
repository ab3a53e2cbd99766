"""Foreign errors in our words: what a status, an error body or a broken connection means.

Pure; the one place that knows what may pass and what is final (CONTRACTS section 4).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from maze_tasks.endpoints.redact import MAX_EXAMINED_CHARS, Redactor
from maze_tasks.endpoints.retry_after import retry_after
from maze_tasks.endpoints.wire import HttpReply, parse_json
from maze_tasks.errors import EndpointError, FinalError, PassingError, ThrottledError

TOO_MANY_REQUESTS = 429
UNAVAILABLE = 503
SERVER_ERROR = 500

PASSING_KINDS: Final[Mapping[int, str]] = {
    408: "timeout",  # how proxies report that their upstream timed out
    409: "unavailable",
    425: "unavailable",
    502: "unavailable",
    503: "unavailable",
    504: "timeout",
    529: "unavailable",  # "overloaded" at some providers
}
FINAL_KINDS: Final[Mapping[int, str]] = {
    400: "bad_request",
    401: "unauthorized",
    403: "unauthorized",
    404: "not_found",
    405: "not_found",
    410: "not_found",
    413: "bad_request",
    415: "bad_request",
    422: "bad_request",
}
FIRST_REDIRECT, LAST_REDIRECT = 300, 399
FIRST_ERROR, LAST_ERROR = 400, 599

# A 500 that says itself that the request was at fault: llama-cpp-python answers a request that its validation
# refused so (MEASURED, "How real servers answer"). Asking again would fail again.
_REQUEST_AT_FAULT = re.compile(r"invalid_request_error|BadRequestError|'loc': \('body'")

# Where error bodies keep their sentence, the most telling first.
_SENTENCES = ("message", "msg", "detail", "error", "error_message", "errors", "title", "reason")
_MAX_NESTING = 4  # of a sentence inside error objects; deeper ones are not worth looking for


def failure_of_reply(reply: HttpReply, *, now: float, clean: Redactor) -> EndpointError:
    """What a reply with an error status means.

    Args:
        reply: a reply whose status is not 2xx.
        now: when it came, in seconds since the epoch.
        clean: makes the server's text fit to be shown.
    """
    return _failure(reply.status, _body_sentence(reply.body), reply.headers, now=now, clean=clean)


def failure_in_body(error: object, reply: HttpReply, *, now: float, clean: Redactor) -> EndpointError:
    """What an error object inside a reply that calls itself a success means.

    Args:
        error: value of the ``error`` (or ``detail``) field: an object, a list or a sentence.
        reply: the reply it came in.
        now: when it came, in seconds since the epoch.
        clean: makes the server's text fit to be shown.
    """
    status = _status_in(error)
    if status is None:
        sentence = clean(f"the server reported an error: {sentence_of(error)}")
        if _REQUEST_AT_FAULT.search(str(error)[:MAX_EXAMINED_CHARS]):
            return FinalError("bad_request", sentence, status=reply.status)
        return PassingError("server_error", sentence, status=reply.status)
    return _failure(status, sentence_of(error), reply.headers, now=now, clean=clean)


def sentence_of(error: object, depth: int = 0) -> str:
    """The sentence for people in an error of any shape; empty where there is none."""
    if isinstance(error, str):
        return error
    if depth == _MAX_NESTING:
        return ""
    if isinstance(error, Mapping):
        found = (sentence_of(error.get(name), depth + 1) for name in _SENTENCES)
        return next((sentence for sentence in found if sentence), "")
    if isinstance(error, list):
        return "; ".join(filter(None, (sentence_of(item, depth + 1) for item in error[:_MAX_NESTING])))
    return ""


def _failure(status: int, sentence: str, headers: Mapping[str, str], *, now: float, clean: Redactor) -> EndpointError:
    """The error for a status, with the server's own sentence behind it."""
    message = clean(f"HTTP {status}: {sentence}" if sentence.strip() else f"HTTP {status}")
    pause_s = retry_after(headers, now)
    if status == TOO_MANY_REQUESTS:
        return ThrottledError("rate_limited", message, retry_after_s=pause_s, status=status)
    if status == UNAVAILABLE and pause_s is not None:
        return ThrottledError("unavailable", message, retry_after_s=pause_s, status=status)
    if status == SERVER_ERROR and _REQUEST_AT_FAULT.search(sentence):
        return FinalError("bad_request", message, status=status)
    if status in PASSING_KINDS or status >= SERVER_ERROR:
        return PassingError(PASSING_KINDS.get(status, "server_error"), message, status=status)
    if FIRST_REDIRECT <= status <= LAST_REDIRECT:
        # Never followed: the next host must not see the key, and a POST may come back as a GET.
        return FinalError(
            "redirect", f"HTTP {status}: the endpoint redirects; set endpoint_url to its new address", status=status
        )
    if status < FIRST_REDIRECT:
        return PassingError("unreadable", message, status=status)
    return FinalError(FINAL_KINDS.get(status, "refused"), message, status=status)


def _body_sentence(body: bytes) -> str:
    """The sentence in an error's body; the body itself where it is plain text; with its type, if that tells more."""
    try:
        parsed: Any = parse_json(body)
    except PassingError:
        return body[: 4 * MAX_EXAMINED_CHARS].decode("utf-8", "replace")
    sentence = sentence_of(parsed)
    inner = parsed.get("error") if isinstance(parsed, dict) else None
    kind = inner.get("type") if isinstance(inner, dict) else None
    return f"{sentence} ({kind})" if isinstance(kind, str) and kind and sentence else sentence


def _status_in(error: object) -> int | None:
    """The HTTP status that an error object names as its code: an integer (llama.cpp) or a string (LiteLLM)."""
    if not isinstance(error, Mapping):
        return None
    for name in ("code", "status", "status_code"):
        code = error.get(name)
        if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) == 3:  # noqa: PLR2004 - as 429
            code = int(code)
        if isinstance(code, int) and not isinstance(code, bool) and FIRST_ERROR <= code <= LAST_ERROR:
            return code
    return None
