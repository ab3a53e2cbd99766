"""The way to one endpoint: a session with a pool of connections, whose every exchange the watchdog can end.

Redirects are never followed, the environment is asked once, and nothing is kept from one reply for the next. Of
requests there is here what it knows of addresses, headers and the environment; making a request with it costs many
times what the request costs (docs/architecture.md).
"""

from __future__ import annotations

import contextlib
import os
import re
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_auth_from_url, get_environ_proxies, select_proxy
from urllib3.util import make_headers
from urllib3.util.ssl_ import create_urllib3_context

from maze_tasks.endpoints.connections import PlainPool, SecurePool
from maze_tasks.endpoints.exchange import Exchange
from maze_tasks.endpoints.incoming import Incoming
from maze_tasks.endpoints.wire import HttpReply, HttpRequest, decode_body
from maze_tasks.errors import ConfigError, PassingError

CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # as requests and curl have them
# Only what `decode_body` undoes: a reply in another coding could not be read.
FIXED_HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": "maze-tasks"}
_DEFAULT_PORTS = {"http": 80, "https": 443}
_NO_VALUE = re.compile(r"[^\t\x20-\x7e\x80-\xff]")  # what the value of a header cannot have (RFC 9110, 5.5)


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
        self._pool = _pool(url, pool_size, _tls_context(url, verify_tls=verify_tls), select_proxy(url, self._proxies))
        self._heads: dict[tuple[str, ...], str] = {}

    @property
    def proxy_urls(self) -> tuple[str, ...]:
        """The proxies that the environment names; their addresses may hold passwords."""
        return tuple(self._proxies.values())

    def fetch(self, request: HttpRequest, exchange: Exchange) -> HttpReply:
        """Make one exchange.

        Args:
            request: what to send.
            exchange: bounds it; the caller has it watched. It is released.

        Raises:
            EndpointError: kinds ``too_large`` and ``unreadable``, about the body.
            Exception: one of `TRANSPORT_ERRORS`.
        """
        head = self._head(request)
        pool, incoming = self._pool, None
        connection = pool.take(exchange)
        try:
            pool.reach(connection)
            incoming = connection.ask(head, request.body, self._max_reply_bytes)
        finally:
            # Ahead of the next exchange on this connection: that one is not to be shut in place of this one.
            exchange.release()
            pool.give_back(connection, keeps=incoming is not None and incoming.keeps and exchange.stopped is None)
        return self._decoded(incoming)

    def close(self) -> None:
        """Close the connections that are kept; those in use close when their reply is read."""
        self._pool.close()

    def _head(self, request: HttpRequest) -> bytes:
        """A request up to its body; what calls have in common is written once.

        Raises:
            ValueError: address or headers cannot be sent.
        """
        common = self._heads.get((request.method, request.url, *request.headers))
        if common is None:
            common = self._common_head(request)
            self._heads[request.method, request.url, *request.headers] = common
        own = [f"{name}: {_sendable(value)}\r\n" for name, value in request.headers.items()]
        length = f"Content-Length: {len(request.body)}\r\n" if request.body else ""
        return f"{common}{''.join(own)}{length}\r\n".encode("latin-1")

    def _common_head(self, request: HttpRequest) -> str:
        """Request line and headers that every request of this kind has."""
        # Names in other scripts, signs that must be written as numbers: requests knows addresses as they are written.
        prepared = requests.Request(request.method, request.url, self._headers).prepare()
        assert prepared.url is not None
        at = urlsplit(prepared.url)
        headers = {"Host": _host(at.scheme, at.netloc), **prepared.headers}
        target = prepared.path_url
        if self._pool.proxy is not None and at.scheme == "http":
            target = f"http://{at.netloc}{target}"
            headers = {**self._pool.proxy_headers, **headers}
        own = {name.lower() for name in request.headers} | {"content-length"}
        given = {name.lower(): (name, value) for name, value in headers.items() if name.lower() not in own}
        lines = [f"{name}: {_sendable(value)}\r\n" for name, value in given.values()]
        return f"{request.method} {target} HTTP/1.1\r\n{''.join(lines)}"

    def _decoded(self, incoming: Incoming) -> HttpReply:
        """The reply with its body's encoding undone; of an error's the status and the headers say enough without it."""
        reply = HttpReply(incoming.status, incoming.headers, incoming.body)
        coding = incoming.headers.get("content-encoding")
        if not coding:
            return reply
        try:
            body = decode_body(reply.body, coding, self._max_reply_bytes)
        except PassingError:
            if reply.ok:
                raise
            body = b""
        return HttpReply(reply.status, reply.headers, body)


def _pool(url: str, size: int, context: ssl.SSLContext | None, proxy: str | None) -> PlainPool:
    """The pool of connections to an endpoint.

    Raises:
        ConfigError: the address, or the proxy's, cannot be used.
    """
    if proxy and proxy.lower().startswith("socks"):
        raise ConfigError("the environment names a SOCKS proxy, which is not supported; name an HTTP proxy or none")
    with contextlib.suppress(ValueError, AssertionError, urllib3.exceptions.HTTPError):
        manager = _manager(proxy, {"maxsize": size} if context is None else {"maxsize": size, "ssl_context": context})
        manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
        pool = manager.connection_from_url(url)
        assert isinstance(pool, PlainPool)
        return pool
    # urllib3's own words repeat the address, which may hold a password.
    what = "the proxy that the environment names" if proxy else "endpoint_url"
    raise ConfigError(f"{what} cannot be used; it should look like http://host:port")


def _manager(proxy: str | None, options: dict[str, Any]) -> urllib3.PoolManager:
    """What makes the pool: of direct connections, or of connections through `proxy`."""
    if not proxy:
        return urllib3.PoolManager(**options)
    address = proxy if "://" in proxy else f"http://{proxy}"
    user, password = get_auth_from_url(address)
    headers = make_headers(proxy_basic_auth=f"{user}:{password}") if user else {}
    return urllib3.ProxyManager(address, proxy_headers=headers, **options)


def _host(scheme: str, netloc: str) -> str:
    """The host that a request is for, without the port that goes without saying."""
    return netloc.removesuffix(f":{_DEFAULT_PORTS[scheme]}")


def _sendable(value: str | bytes) -> str:
    """A header's value.

    Raises:
        ValueError: it holds what a header cannot; the message does not repeat it.
    """
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if _NO_VALUE.search(text):
        raise ValueError("a header holds characters that a header cannot have")
    return text


def _tls_context(url: str, *, verify_tls: bool) -> ssl.SSLContext | None:
    """The TLS settings of every connection; None for plain HTTP."""
    if not url.lower().startswith("https"):
        return None
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED if verify_tls else ssl.CERT_NONE)
    if not verify_tls:
        return context
    variable = next((name for name in CA_VARIABLES if os.environ.get(name)), None)
    place = os.environ[variable] if variable else DEFAULT_CA_BUNDLE_PATH
    try:
        is_folder = os.path.isdir(place)  # noqa: PTH112 - the value of a variable, as requests takes it
        context.load_verify_locations(**{"capath" if is_folder else "cafile": place})
    except OSError as error:
        raise ConfigError(f"the CA bundle named by {variable or 'certifi'} cannot be read: {error.strerror}") from error
    return context
