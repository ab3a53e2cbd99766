"""Exchanges that came to no reply, in our words.

The errors of requests, urllib3, http.client and the sockets below them are translated here, once.
"""

from __future__ import annotations

import http.client
import ssl

import requests
import urllib3

from maze_tasks.endpoints.exchange import Exchange
from maze_tasks.endpoints.redact import Redactor
from maze_tasks.endpoints.wire import too_large
from maze_tasks.errors import EndpointError, FinalError, PassingError

# Everything the stack raises for what a network or a server did; ValueError is how it takes numbers that are none.
TRANSPORT_ERRORS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
)
_MAX_CAUSES = 16  # errors wrap errors wrap errors


def failure_of_break(error: Exception, exchange: Exchange, clean: Redactor) -> EndpointError:
    """What a broken exchange means.

    Args:
        error: one of `TRANSPORT_ERRORS`.
        exchange: the exchange that broke; it knows whether we ended it ourselves.
        clean: makes the stack's text fit to be shown.
    """
    sent = exchange.sent_at is not None
    stopped = failure_of_stop(exchange)
    if stopped is not None:
        return stopped
    if exchange.bytes_left < 0:
        return too_large()
    causes = _causes(error)
    root = causes[-1]
    text = clean(getattr(root, "strerror", None) or str(root) or type(root).__name__)
    if any(isinstance(cause, http.client.RemoteDisconnected) for cause in causes):
        return PassingError("connection", "the server closed the connection without a reply", sent=sent)
    if any(isinstance(cause, http.client.IncompleteRead) for cause in causes):
        return PassingError("connection", "the reply ended before it was complete", sent=sent)
    if any(isinstance(cause, TimeoutError | urllib3.exceptions.ReadTimeoutError) for cause in causes):
        what = "no complete reply in time" if sent else "no connection in time"
        return PassingError("timeout", what, sent=sent)
    # A certificate that does not hold is both: in Python it is an error of its value too.
    if not sent and isinstance(error, ValueError) and not isinstance(error, ssl.SSLError):
        return FinalError("bad_request", f"the request cannot be sent: {text}", sent=False)
    if isinstance(root, http.client.HTTPException | ValueError | urllib3.exceptions.HTTPError) and sent:
        return PassingError("unreadable", f"the reply is not HTTP: {text}", sent=sent)
    return PassingError("connection", f"the connection failed: {text}", sent=sent)


def failure_of_stop(exchange: Exchange) -> EndpointError | None:
    """The error of an exchange that was ended from our side; None where it was not."""
    sent = exchange.sent_at is not None
    if exchange.stopped == "cancelled":
        return FinalError("cancelled", "the call was cancelled", sent=sent)
    if exchange.stopped == "timeout":
        return PassingError("timeout", "no complete reply before the deadline", sent=sent)
    return None


def _causes(error: BaseException) -> list[BaseException]:
    """The error and those it stands for, the innermost last."""
    causes = [error]
    while len(causes) < _MAX_CAUSES:
        outer = causes[-1]
        within = (getattr(outer, "reason", None), *reversed(outer.args), outer.__cause__, outer.__context__)
        inner = next((item for item in within if isinstance(item, BaseException) and item not in causes), None)
        if inner is None:
            break
        causes.append(inner)
    return causes
