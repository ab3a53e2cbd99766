"""Connections that belong to an exchange: every socket they open can be shut, every byte they read is counted.

urllib3's own connections, pools and their order of events stay as they are; what is replaced is how a socket is made
and how a reply begins. The exchange under way is found by thread: a request is made and its reply begun in one go.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from maze_tasks.endpoints.exchange import Exchange

CONNECT_TIMEOUT_S = 10.0  # for the name and the connection together; an endpoint farther away is not there
_MOMENT_S = 0.001  # a timeout that is over: zero would mean "do not block" to a socket
_Address = tuple[Any, ...]  # as `socket.getaddrinfo` gives it

_running = threading.local()


@contextlib.contextmanager
def carrying(exchange: Exchange) -> Iterator[None]:
    """Have the connections that this thread uses in the block belong to `exchange`."""
    _running.exchange = exchange
    try:
        yield
    finally:
        del _running.exchange


class _Metered(io.RawIOBase):
    """What a server sends, counted: no form of encoding or framing gets more than the limit past it."""

    def __init__(self, source: io.RawIOBase, exchange: Exchange) -> None:
        self._source, self._exchange = source, exchange

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        count = self._source.readinto(buffer)
        if count:
            self._exchange.answered = True
            self._exchange.bytes_left -= count
            if self._exchange.bytes_left < 0:
                raise OSError("more bytes than a reply may have")
        return count

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """A reply that notes its first byte in the exchange, and counts them all."""

    def begin(self) -> None:
        self.fp = io.BufferedReader(_Metered(self.fp.detach(), _running.exchange))
        super().begin()
        # urllib3 logs headers that it could not parse, word for word: they may repeat the key.
        self.msg.defects.clear()
        self.msg.set_payload("")


class _Watched(HTTPConnection):
    """A connection whose socket the exchange under way can shut, while connecting too."""

    response_class = _Answer

    @property
    def is_connected(self) -> bool:
        """Whether the kept connection may be used: a dropped one may not, nor any where a fresh one is wanted."""
        return super().is_connected and not _running.exchange.fresh_only

    def _new_conn(self) -> socket.socket:
        exchange: Exchange = _running.exchange
        exchange.connected = True
        try:
            return _connect(self._dns_host.strip("[]"), self.port, exchange, self.socket_options or ())
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "no connection in time") from error
        except (OSError, UnicodeError) as error:
            raise NewConnectionError(self, f"no connection: {error}") from error

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        """Send a request, first connecting if need be."""
        exchange: Exchange = _running.exchange
        if self.sock is None:
            self.connect()
        elif not exchange.connected:
            exchange.hold(self.sock)
        # A socket shut before its TLS handshake passes for one that needs none: nothing may go out on it.
        _go_on(exchange)
        # From here the connect timeout no longer counts: a long prompt may take its time.
        self.timeout = max(exchange.remaining_s, _MOMENT_S)
        exchange.sent_at = time.monotonic()
        super().request(method, url, *args, **kwargs)


class _Plain(_Watched, HTTPConnection):
    pass


class _Secure(_Watched, HTTPSConnection):
    pass


class PlainPool(HTTPConnectionPool):
    """Pool of watched HTTP connections."""

    ConnectionCls = _Plain


class SecurePool(HTTPSConnectionPool):
    """Pool of watched HTTPS connections."""

    ConnectionCls = _Secure


def _connect(host: str, port: int, exchange: Exchange, options: Any) -> socket.socket:
    """A connected socket, the addresses of `host` tried in turn.

    Raises:
        OSError: the last address's; `TimeoutError` when the time is up, `socket.gaierror` for a name without address.
    """
    until = time.monotonic() + min(CONNECT_TIMEOUT_S, exchange.remaining_s)
    addresses = _resolve(host, port, exchange, until)
    failed: OSError = OSError("the name has no address")
    for tried, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = socket.socket(family, kind, protocol)
        try:
            for option in options:
                sock.setsockopt(*option)
            # One address that swallows packets must not use up the time of the others.
            sock.settimeout(max((until - time.monotonic()) / (len(addresses) - tried), _MOMENT_S))
            exchange.hold(sock)
            _go_on(exchange)
            sock.connect(address)
            sock.settimeout(max(until - time.monotonic(), _MOMENT_S))  # what is left is for TLS
        except OSError as error:
            failed = error
            sock.close()
            _go_on(exchange)
        else:
            return sock
    raise failed


def _resolve(host: str, port: int, exchange: Exchange, until: float) -> list[_Address]:
    """The addresses of `host`. Asking the resolver cannot be interrupted, so another thread asks it."""
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    found: list[list[_Address] | OSError | UnicodeError] = []
    done = threading.Event()

    def look_up() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.append(error)
        done.set()

    exchange.on_stop(done.set)
    threading.Thread(target=look_up, name="maze-resolver", daemon=True).start()
    done.wait(max(until - time.monotonic(), 0.0))
    if not found:
        raise TimeoutError("no address in time")
    if isinstance(found[0], list):
        return found[0]
    raise found[0]


def _go_on(exchange: Exchange) -> None:
    """Raise if the exchange was stopped meanwhile: trying further would only take its time."""
    if exchange.stopped is not None:
        raise ConnectionAbortedError("stopped")
