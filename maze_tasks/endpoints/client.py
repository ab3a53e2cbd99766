"""The client of one endpoint: a call goes in, a reply or an `EndpointError` comes out."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Protocol
from urllib.parse import unquote, urlsplit

from maze_tasks.endpoints import ananke, openai
from maze_tasks.endpoints.broken import TRANSPORT_ERRORS, failure_of_break, failure_of_stop
from maze_tasks.endpoints.exchange import WIRE_ALLOWANCE, Exchange, watchdog
from maze_tasks.endpoints.failures import failure_of_reply
from maze_tasks.endpoints.listing import Health, health_detail, read_models
from maze_tasks.endpoints.redact import Redactor
from maze_tasks.endpoints.session import Session
from maze_tasks.endpoints.wire import MAX_REPLY_BYTES, HttpReply, HttpRequest, join_url
from maze_tasks.errors import ConfigError, EndpointError, FinalError
from maze_tasks.models.calls import Call, Reply
from maze_tasks.models.endpoints import ModelEndpoint

CHECK_DEADLINE_S = 10.0  # for health and model list: a person is waiting
MAX_DEADLINE_S = 604_800.0  # a week; beyond some centuries timeouts overflow
MS_PER_S = 1000.0


class WireProtocol(Protocol):
    """What the module of a protocol offers; all of it pure."""

    HEALTH_PATH: str
    MODELS_PATH: str

    def build(self, endpoint: ModelEndpoint, call: Call) -> HttpRequest:
        """The request of a call."""

    def read(
        self, endpoint: ModelEndpoint, call: Call, reply: HttpReply, *, now: float, clean: Redactor = ...
    ) -> Reply:
        """The reply to it."""


PROTOCOLS: Mapping[str, WireProtocol] = {"openai": openai, "ananke": ananke}


def build_request(endpoint: ModelEndpoint, call: Call) -> HttpRequest:
    """The exact request a call makes, without the headers of the client. Equal calls give equal bytes.

    Raises:
        FinalError: kind ``bad_request``, when the call cannot be written as JSON.
    """
    return PROTOCOLS[endpoint.protocol].build(endpoint, call)


class EndpointClient:
    """Calls one endpoint; any number of threads may do so at once.

    Args:
        endpoint: whom to call, and how.
        api_key: sent as ``Authorization: Bearer``; None for none.
        pool_size: connections that are kept, as many as there are calls at once.
        headers: further headers of every request; their values are kept as secret as the key.
        max_reply_bytes: what a reply may have, compressed or not.

    Raises:
        ConfigError: a header cannot be sent, or the environment's proxy or CA bundle cannot be used.
    """

    def __init__(
        self,
        endpoint: ModelEndpoint,
        *,
        api_key: str | None,
        pool_size: int,
        headers: Mapping[str, str] | None = None,
        max_reply_bytes: int = MAX_REPLY_BYTES,
    ) -> None:
        self.endpoint = endpoint
        self._protocol = PROTOCOLS[endpoint.protocol]
        self._max_reply_bytes = max_reply_bytes
        own = {name: _sendable(value, name, endpoint) for name, value in (headers or {}).items()}
        key = _sendable(api_key, "Authorization", endpoint) if api_key else ""
        bearer = {"Authorization": f"Bearer {key}"} if key else {}
        self._session = Session(
            endpoint.endpoint_url,
            pool_size=max(pool_size, 1),
            headers={**bearer, **own},
            verify_tls=endpoint.verify_tls,
            max_reply_bytes=max_reply_bytes,
        )
        self._clean = Redactor([key, *own.values(), *_passwords(self._session.proxy_urls)])

    def __repr__(self) -> str:
        return f"EndpointClient({self.endpoint.name!r})"

    def call(
        self,
        call: Call,
        *,
        deadline_s: float | None = None,
        cancelled: threading.Event | None = None,
        request: HttpRequest | None = None,
    ) -> Reply:
        """Ask for one fill.

        Args:
            call: what to ask.
            deadline_s: seconds the whole call may take, from name resolution to the last byte; by default the
                endpoint's ``timeout_secs``.
            cancelled: set from any thread to end the call early.
            request: what `build_request` made of the call, where it has been made already.

        Raises:
            EndpointError: `PassingError`, `ThrottledError` or `FinalError`, with `sent` and `latency_ms`.
        """
        request = request or build_request(self.endpoint, call)
        fetched = self._fetch(request, self.endpoint.timeout_secs if deadline_s is None else deadline_s, cancelled)
        try:
            reply = self._protocol.read(self.endpoint, call, fetched.reply, now=time.time(), clean=self._clean)
            if self._clean.betrays(reply.text, _asked(call)):
                raise FinalError("refused", "the reply repeats a secret of this endpoint; it was not kept")
        except EndpointError as error:
            error.latency_ms, error.resent = fetched.latency_ms, fetched.resent
            raise
        return dataclasses.replace(reply, latency_ms=fetched.latency_ms, resent=fetched.resent)

    def health(self) -> Health:
        """Whether the endpoint answers, as far as it can be told without paying for a fill."""
        request = HttpRequest("GET", join_url(self.endpoint.endpoint_url, self._protocol.HEALTH_PATH))
        try:
            fetched = self._fetch(request, min(self.endpoint.timeout_secs, CHECK_DEADLINE_S))
            if fetched.reply.ok:
                detail = health_detail(fetched.reply, self._clean)
                return Health(ok=True, status=fetched.reply.status, detail=detail, latency_ms=fetched.latency_ms)
            failure = failure_of_reply(fetched.reply, now=time.time(), clean=self._clean)
            failure.latency_ms = fetched.latency_ms
        except EndpointError as error:
            failure = error
        return Health(ok=False, status=failure.status, detail=str(failure), latency_ms=failure.latency_ms)

    def models(self) -> list[str]:
        """Names of the models the endpoint serves.

        Raises:
            EndpointError: it does not say.
        """
        request = HttpRequest("GET", join_url(self.endpoint.endpoint_url, self._protocol.MODELS_PATH))
        fetched = self._fetch(request, min(self.endpoint.timeout_secs, CHECK_DEADLINE_S))
        return read_models(fetched.reply, now=time.time(), clean=self._clean)

    def close(self) -> None:
        """Close the connections that are kept."""
        self._session.close()

    def _fetch(self, request: HttpRequest, deadline_s: float, cancelled: threading.Event | None = None) -> _Fetched:
        """Make one exchange, and a second where the first went out on a connection that was already closed.

        Raises:
            EndpointError: there was no reply.
        """
        started = time.monotonic()
        first = self._exchange(started + min(deadline_s, MAX_DEADLINE_S), cancelled)
        outcome = self._attempt(request, first)
        sent_at, resent = first.sent_at, 0
        if isinstance(outcome, EndpointError) and _was_stale(outcome, first):
            # Nothing was read there, so asking again asks once (MEASURED, "How real servers answer").
            second = self._exchange(first.deadline, cancelled)
            second.fresh_only = True
            outcome = self._attempt(request, second)
            sent_at, resent = second.sent_at or sent_at, 1
        ended = time.monotonic()
        if isinstance(outcome, EndpointError):
            outcome.sent, outcome.resent = sent_at is not None, resent
            outcome.latency_ms = (ended - started) * MS_PER_S
            raise outcome
        return _Fetched(outcome, (ended - (sent_at or started)) * MS_PER_S, resent)

    def _exchange(self, deadline: float, cancelled: threading.Event | None) -> Exchange:
        return Exchange(deadline, cancelled, WIRE_ALLOWANCE * self._max_reply_bytes)

    def _attempt(self, request: HttpRequest, exchange: Exchange) -> HttpReply | EndpointError:
        """The reply or the error of one exchange; returned, so that no error holds another with a request in it."""
        reason = exchange.due(time.monotonic())
        if reason is not None:
            exchange.stop(reason)
            return failure_of_stop(exchange) or FinalError("cancelled", "the call was cancelled")
        dog = watchdog()
        dog.watch(exchange)
        try:
            reply = self._session.fetch(request, exchange)
        except EndpointError as error:
            return error
        except TRANSPORT_ERRORS as error:
            return failure_of_break(error, exchange, self._clean)
        finally:
            dog.leave(exchange)
        # A body without a length ends where its connection ends, by our own hand too.
        return failure_of_stop(exchange) or reply


@dataclasses.dataclass(frozen=True, slots=True)
class _Fetched:
    """A reply, how long it took in milliseconds, and how often the request was sent again."""

    reply: HttpReply
    latency_ms: float
    resent: int


def _asked(call: Call) -> str:
    """All that a call shows a model."""
    return "\n".join(filter(None, (call.system, call.prompt, call.prefix, call.suffix)))


def _was_stale(error: EndpointError, exchange: Exchange) -> bool:
    """Whether a kept connection turned out to be closed: it was reused, and not a byte came back on it."""
    return error.kind == "connection" and exchange.reused and not exchange.answered


def _sendable(value: str, header: str, endpoint: ModelEndpoint) -> str:
    """A header's value without the blanks and line ends that environment variables pick up.

    Raises:
        ConfigError: it holds what a header cannot; the message does not repeat it.
    """
    trimmed = value.strip()
    if not (trimmed.isascii() and trimmed.isprintable()):
        raise ConfigError(
            f"the value of the header {header} of endpoint {endpoint.name!r} holds characters that a header cannot have"
        )
    return trimmed


def _passwords(urls: Iterable[str]) -> list[str]:
    """The passwords in addresses, as they stand and decoded."""
    found = [password for url in urls if (password := urlsplit(url).password)]
    return [*found, *map(unquote, found)]
