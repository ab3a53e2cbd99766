"""Connections that belong to an exchange: every socket they open can be shut, every byte they read is counted.

urllib3 connects: addresses, tunnels through proxies, TLS and its checks are its own. What is replaced is how a socket
is made, and what is said on a connection once there is one: one write, and reads that go straight to the parser.
"""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import os
import socket
import sys
import termios
import threading
import time
from typing import Any, cast

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ClosedPoolError, ConnectTimeoutError, NameResolutionError, NewConnectionError

from maze_tasks.endpoints.exchange import Exchange
from maze_tasks.endpoints.incoming import Incoming
from maze_tasks.endpoints.wire import too_large

CHUNK_BYTES = 65_536  # read at a time, and sent together with the headers
CONNECT_TIMEOUT_S = 10.0  # for the name and the connection together; an endpoint farther away is not there
_MOMENT_S = 0.001  # a timeout that is over: zero would mean "do not block" to a socket
# The first byte of Linux's `struct tcp_info` (tcp(7)): the state of a connection that neither end has closed.
_ESTABLISHED = b"\x01" if sys.platform == "linux" else None
_NOTHING = bytes(4)  # of an int: bytes that can be read
_Address = tuple[Any, ...]  # as `socket.getaddrinfo` gives it


class Watched(HTTPConnection):
    """A connection whose socket the exchange under way can shut, while connecting too.

    Attributes:
        exchange: the one under way.
    """

    exchange: Exchange
    _handle: socket.socket | None = None

    def begin(self, exchange: Exchange) -> None:
        """Let the connection belong to an exchange."""
        self.exchange = exchange
        if (handle := self._handle) is not None:
            exchange.on_stop(lambda: handle.shutdown(socket.SHUT_RDWR))

    def ask(self, head: bytes, body: bytes, max_bytes: int) -> Incoming:
        """Send a request and read the reply to it.

        Args:
            head: request line and headers, with the empty line behind them.
            body: what follows.
            max_bytes: what the body of the reply may have, as it is sent.

        Raises:
            EndpointError: kind ``too_large``.
            http.client.HTTPException: it is no reply, or not all of one.
            OSError: the connection broke.
        """
        exchange, sock = self.exchange, self.sock
        # A socket shut before its TLS handshake passes for one that needs none: nothing may go out on it.
        _go_on(exchange)
        assert sock is not None
        exchange.sent_at = time.monotonic()
        # A server that refuses a long prompt may say so and close before it has read all of it.
        with contextlib.suppress(BrokenPipeError):
            if len(body) < CHUNK_BYTES:
                sock.sendall(head + body)
            else:
                sock.sendall(head)
                sock.sendall(body)
        incoming = Incoming()
        try:
            self._read(sock, incoming, max_bytes)
        finally:
            incoming.close()
        return incoming

    @property
    def is_idle(self) -> bool:
        """Whether it may be used again: the other end has neither closed it nor said anything since the last reply."""
        sock = self.sock
        if sock is None:
            return False
        if _ESTABLISHED is None:
            return self.is_connected
        # What urllib3 polls for, in two calls that cannot block: greenlets need many times as long for a poll.
        try:
            state = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
            return state == _ESTABLISHED and fcntl.ioctl(sock.fileno(), termios.FIONREAD, _NOTHING) == _NOTHING
        except OSError:
            return False

    def close(self) -> None:
        """Close the connection; its exchange must have been released."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None
        super().close()

    def _read(self, sock: socket.socket, incoming: Incoming, max_bytes: int) -> None:
        exchange = self.exchange
        while not incoming.ended:
            data = sock.recv(CHUNK_BYTES)
            if not data:
                incoming.end(came=exchange.answered)
                return
            exchange.answered = True
            exchange.bytes_left -= len(data)
            incoming.feed(data)
            if incoming.size > max_bytes or exchange.bytes_left < 0:
                raise too_large(max_bytes)

    def _new_conn(self) -> socket.socket:
        exchange = self.exchange
        exchange.connected = True
        try:
            sock = _connect(self._dns_host.strip("[]"), self.port, exchange, self.socket_options or ())
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "no connection in time") from error
        except (OSError, UnicodeError) as error:
            raise NewConnectionError(self, f"no connection: {error}") from error
        # For the exchanges to come: urllib3 may wrap the socket, but not what it is a duplicate of.
        self._handle = socket.socket(sock.family, sock.type, sock.proto, os.dup(sock.fileno()))
        return sock


class _Plain(Watched, HTTPConnection):
    pass


class _Secure(Watched, HTTPSConnection):
    pass


class PlainPool(HTTPConnectionPool):
    """Pool of watched HTTP connections; of those that are kept the one used last is taken first."""

    ConnectionCls: type[Any] = _Plain

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._room = kwargs.get("maxsize", 1)
        self._kept: list[Watched] = []

    def take(self, exchange: Exchange) -> Watched:
        """A connection for an exchange, to be handed back: one that was kept and is open, or one to be made.

        Raises:
            urllib3.exceptions.ClosedPoolError: the pool has been closed.
        """
        if self.pool is None:
            raise ClosedPoolError(self, "the pool is closed")
        while self._kept and not exchange.fresh_only:
            try:
                found = self._kept.pop()
            except IndexError:  # another thread was faster
                break
            if found.is_idle:
                found.begin(exchange)
                return found
            found.close()
        fresh = cast(Watched, self._new_conn())
        fresh.begin(exchange)
        return fresh

    def reach(self, connection: Watched) -> None:
        """Connect, if need be.

        Raises:
            urllib3.exceptions.HTTPError, OSError: nobody was reached.
        """
        if connection.sock is None and self.proxy is not None:
            self._prepare_proxy(connection)
        if connection.sock is None:
            connection.connect()
        # From here the connect timeout no longer counts: a long prompt may take its time. The watchdog ends exchanges;
        # a socket with a timeout of its own is polled ahead of every step, and the interpreter's lock let go for it.
        if connection.sock is not None and connection.sock.gettimeout() is not None:
            connection.sock.settimeout(None)

    def give_back(self, connection: Watched, *, keeps: bool) -> None:
        """Take a connection back, whose exchange has been released; keep it if it may be used again."""
        if keeps and self.pool is not None and len(self._kept) < self._room:
            self._kept.append(connection)
            if self.pool is None:  # closed by another thread meanwhile, which may not have seen this one
                self._close_kept()
        else:
            connection.close()

    def close(self) -> None:
        """Close the connections that are kept; those in use close when they are given back."""
        super().close()
        self._close_kept()

    def _close_kept(self) -> None:
        with contextlib.suppress(IndexError):  # another thread takes some
            while True:
                self._kept.pop().close()


class SecurePool(PlainPool, HTTPSConnectionPool):
    """Pool of watched HTTPS connections."""

    ConnectionCls: type[Any] = _Secure


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
