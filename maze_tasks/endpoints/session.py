"""The way to one endpoint: a session with a pool of connections, whose every exchange the watchdog can end.

Redirects are never followed, the environment is asked once, and nothing is kept from one reply for the next.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import warnings
from collections.abc import Mapping
from typing import Any, cast

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies, select_proxy
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.util.ssl_ import create_urllib3_context

from maze_tasks.endpoints.connections import CONNECT_TIMEOUT_S, PlainPool, SecurePool, carrying
from maze_tasks.endpoints.exchange import Exchange
from maze_tasks.endpoints.wire import HttpReply, HttpRequest, decode_body, too_large
from maze_tasks.errors import ConfigError, PassingError

CHUNK_BYTES = 65_536  # read at a time
CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # as requests and curl have them
# Only what `decode_body` undoes: a reply in another coding could not be read.
FIXED_HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": "maze-tasks"}


class Session:
    """A shared session with one endpoint; any number of threads may use it at once.

    Args:
        url: the endpoint's address.
        pool_size: connections that are kept.
        headers: headers of every request.
        verify_tls: whether to check the server's certificate.
        max_reply_bytes: what a reply may have, on the wire and decompressed.

    Raises:
        ConfigError: the environment names a CA bundle that cannot be read, or a proxy that cannot be used.
    """

    def __init__(
        self, url: str, *, pool_size: int, headers: Mapping[str, str], verify_tls: bool, max_reply_bytes: int
    ) -> None:
        self._max_reply_bytes = max_reply_bytes
        self._headers = {**FIXED_HEADERS, **headers}
        # With `trust_env` requests reads environment and netrc on every call, for 0.7 ms (MEASURED, "Costs").
        self._proxies = dict(get_environ_proxies(url, no_proxy=None))
        self._adapter = _Adapter(
            url, pool_size, _tls_context(url, verify_tls=verify_tls), select_proxy(url, self._proxies)
        )
        self._prepared: dict[tuple[str, str], requests.PreparedRequest] = {}

    @property
    def proxy_urls(self) -> tuple[str, ...]:
        """The proxies that the environment names; their addresses may hold passwords."""
        return tuple(self._proxies.values())

    def fetch(self, request: HttpRequest, exchange: Exchange) -> HttpReply:
        """Make one exchange.

        Args:
            request: what to send.
            exchange: bounds it; the caller has it watched.

        Raises:
            EndpointError: kinds ``too_large`` and ``unreadable``, about the body.
            Exception: one of `TRANSPORT_ERRORS`.
        """
        timeout = max(exchange.remaining_s, 0.001)
        with carrying(exchange):
            # The adapter alone: a session would look after cookies, redirects and hooks, of which there are none.
            response = self._adapter.send(
                self._prepare(request),
                stream=True,
                timeout=(min(CONNECT_TIMEOUT_S, timeout), timeout),
                proxies=self._proxies,
            )
            with contextlib.closing(response):
                body = self._body(response.raw)
        answered = {name.lower(): value for name, value in response.headers.items()}
        reply = HttpReply(response.status_code, answered, body)
        coding = answered.get("content-encoding")
        return self._decoded(reply, coding) if coding else reply

    def close(self) -> None:
        """Close the connections that are kept; those in use close when their reply is read."""
        self._adapter.close()

    def _prepare(self, request: HttpRequest) -> requests.PreparedRequest:
        """A request as requests sends it; what calls have in common is prepared once."""
        known = self._prepared.get((request.method, request.url))
        if known is None:
            known = requests.Request(request.method, request.url, self._headers).prepare()
            self._prepared[request.method, request.url] = known
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url = known.method, known.url
        headers = dict(known.headers) | dict(request.headers)
        if request.body:
            prepared.body = request.body
            headers["Content-Length"] = str(len(request.body))
        # What looks into it here (urllib3 and the adapter) spells names as they were given: no need for any spelling.
        prepared.headers = cast(CaseInsensitiveDict[str], headers)
        return prepared

    def _decoded(self, reply: HttpReply, coding: str) -> HttpReply:
        """The reply with its body's encoding undone; of an error's the status and the headers say enough without it."""
        try:
            body = decode_body(reply.body, coding, self._max_reply_bytes)
        except PassingError:
            if reply.ok:
                raise
            body = b""
        return HttpReply(reply.status, reply.headers, body)

    def _body(self, raw: urllib3.BaseHTTPResponse) -> bytes:
        """The body as it comes, up to the limit."""
        chunks: list[bytes] = []
        room = self._max_reply_bytes
        while chunk := raw.read(CHUNK_BYTES, decode_content=False):
            chunks.append(chunk)
            room -= len(chunk)
            if room < 0:
                raise too_large(self._max_reply_bytes)
        return b"".join(chunks)


class _Adapter(HTTPAdapter):
    """An adapter with the one pool that its endpoint needs, made once."""

    def __init__(self, url: str, pool_size: int, context: ssl.SSLContext | None, proxy: str | None) -> None:
        super().__init__(pool_connections=1, pool_maxsize=pool_size)
        if proxy and proxy.lower().startswith("socks"):
            raise ConfigError("the environment names a SOCKS proxy, which is not supported; name an HTTP proxy or none")
        pool: HTTPConnectionPool | None = None
        with contextlib.suppress(ValueError, AssertionError, urllib3.exceptions.HTTPError):
            manager = self._manager(proxy, {} if context is None else {"ssl_context": context})
            manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
            pool = manager.connection_from_url(url)
        if pool is None:
            # urllib3's own words repeat the address, which may hold a password.
            what = "the proxy that the environment names" if proxy else "endpoint_url"
            raise ConfigError(f"{what} cannot be used; it should look like http://host:port")
        self._pool = pool

    def _manager(self, proxy: str | None, tls: dict[str, Any]) -> Any:
        """What makes the pool: of direct connections, or of connections through `proxy`."""
        if proxy:
            return self.proxy_manager_for(proxy if "://" in proxy else f"http://{proxy}", **tls)
        self.poolmanager.connection_pool_kw.update(tls)
        return self.poolmanager

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        return self._pool

    def close(self) -> None:
        """Close the pool: the manager only lets go of it."""
        self._pool.close()
        super().close()

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Nothing: the pool's TLS context has it all, where requests would read the CA bundle for every connection."""


def _tls_context(url: str, *, verify_tls: bool) -> ssl.SSLContext | None:
    """The TLS settings of every connection; None for plain HTTP."""
    if not url.lower().startswith("https"):
        return None
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED if verify_tls else ssl.CERT_NONE)
    if not verify_tls:
        # The configuration asked for it; a warning for every single request would say nothing new.
        warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
        return context
    variable = next((name for name in CA_VARIABLES if os.environ.get(name)), None)
    place = os.environ[variable] if variable else DEFAULT_CA_BUNDLE_PATH
    try:
        is_folder = os.path.isdir(place)  # noqa: PTH112 - the value of a variable, as requests takes it
        context.load_verify_locations(**{"capath" if is_folder else "cafile": place})
    except OSError as error:
        raise ConfigError(f"the CA bundle named by {variable or 'certifi'} cannot be read: {error.strerror}") from error
    return context
