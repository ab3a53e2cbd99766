"""One HTTP exchange in flight: its deadline, its cancellation, and the sockets that a watchdog can shut.

A read timeout counts per receive, so a server that trickles bytes outlives it (MEASURED, "Other traps"). What ends an
exchange for certain is shutting its socket from outside: the blocked call returns at once, whatever it was doing.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Literal, Protocol

from maze_tasks.endpoints.wire import MAX_REPLY_BYTES

# A reply on the wire has headers, a body, and the frames of its chunks, of which a server may make one a token.
WIRE_ALLOWANCE = 4  # bytes on the wire for each that a body may have
StopReason = Literal["timeout", "cancelled"]
_NEVER = float("inf")
POLL_S = 0.05  # how often cancellation flags are looked at; events cannot wake a thread that waits for several


class _HasFileno(Protocol):
    def fileno(self) -> int: ...


class Exchange:
    """The state of one call, shared between the thread that makes it and the watchdog.

    Args:
        deadline: `time.monotonic` by which the call must have ended.
        cancelled: set by whoever wants the call to end early.
        bytes_left: how much may still come, headers and framing included.
    """

    __slots__ = (
        "_lock",
        "_stops",
        "answered",
        "bytes_left",
        "cancelled",
        "connected",
        "deadline",
        "fresh_only",
        "sent_at",
        "stopped",
    )

    def __init__(
        self,
        deadline: float,
        cancelled: threading.Event | None = None,
        bytes_left: int = WIRE_ALLOWANCE * MAX_REPLY_BYTES,
    ) -> None:
        self.deadline = deadline
        self.cancelled = cancelled
        self.stopped: StopReason | None = None
        self.sent_at: float | None = None  # `time.monotonic` when the first byte was about to leave
        self.bytes_left = bytes_left
        self.connected = False  # a connection was made for this exchange, none was reused
        self.answered = False  # at least one byte of the reply came
        self.fresh_only = False  # no pooled connection may be used
        self._lock = threading.Lock()
        self._stops: list[tuple[Callable[[], object], Callable[[], object]]] = []

    @property
    def remaining_s(self) -> float:
        """Seconds until the deadline, negative behind it."""
        return self.deadline - time.monotonic()

    @property
    def reused(self) -> bool:
        """Whether the request went out on a connection kept from an earlier exchange."""
        return self.sent_at is not None and not self.connected

    def due(self, now: float) -> StopReason | None:
        """Why the exchange must end now, if it must."""
        if self.cancelled is not None and self.cancelled.is_set():
            return "cancelled"
        return "timeout" if now >= self.deadline else None

    def hold(self, sock: _HasFileno) -> None:
        """Let the watchdog shut this socket; one that comes after the end is shut at once.

        A duplicate of the descriptor is kept: the socket object may be wrapped, detached or closed by the HTTP stack at
        any time, and its number given to another connection, which must not be the one that is shut.
        """
        handle = socket.socket(fileno=os.dup(sock.fileno()))
        self.on_stop(lambda: handle.shutdown(socket.SHUT_RDWR), handle.close)

    def on_stop(self, stop: Callable[[], object], release: Callable[[], object] = lambda: None) -> None:
        """Have `stop` called when the exchange must end, and `release` when it is over."""
        with self._lock:
            self._stops.append((stop, release))
            if self.stopped is not None:
                _quietly(stop)

    def stop(self, reason: StopReason) -> None:
        """End the exchange, wherever it is; the first reason stands, and doing it again does no harm."""
        with self._lock:
            self.stopped = self.stopped or reason
            for stop, _ in self._stops:
                _quietly(stop)

    def release(self) -> None:
        """Give back what was held: the exchange is over."""
        with self._lock:
            for _, release in self._stops:
                release()
            self._stops.clear()


def _quietly(stop: Callable[[], object]) -> None:
    """A socket that is not connected, or no longer, needs no shutting."""
    with contextlib.suppress(OSError):
        stop()


class Watchdog:
    """One thread that ends exchanges at their deadline or when they are cancelled.

    Args:
        poll_s: seconds between two looks at the cancellation flags; deadlines are kept exactly.
    """

    def __init__(self, poll_s: float = POLL_S) -> None:
        self._poll_s = poll_s
        self._watched: set[Exchange] = set()
        self._changed = threading.Condition(threading.Lock())
        self._thread: threading.Thread | None = None
        self._wakes_at = _NEVER

    @contextlib.contextmanager
    def watching(self, exchange: Exchange) -> Iterator[None]:
        """Watch over `exchange` for as long as the block runs."""
        self.watch(exchange)
        try:
            yield
        finally:
            self.leave(exchange)

    def leave(self, exchange: Exchange) -> None:
        """Watch over an exchange no more: it is over."""
        with self._changed:
            self._watched.discard(exchange)
        exchange.release()

    def watch(self, exchange: Exchange) -> None:
        """Watch over an exchange until it is left."""
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="maze-watchdog", daemon=True)
                self._thread.start()
            self._watched.add(exchange)
            if self._next_look(exchange, time.monotonic()) < self._wakes_at:
                self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for exchange in self._watched:
                    reason = exchange.due(now)
                    if reason is not None:
                        exchange.stop(reason)
                self._wakes_at = min((self._next_look(exchange, now) for exchange in self._watched), default=_NEVER)
                self._changed.wait(None if self._wakes_at == _NEVER else self._wakes_at - now)

    def _next_look(self, exchange: Exchange, now: float) -> float:
        """When to look at an exchange again: at its deadline, sooner if it can be cancelled.

        One that was stopped is stopped again until it is gone: a socket shut just before it connects comes to life.
        """
        if exchange.stopped is not None:
            return now + self._poll_s
        return exchange.deadline if exchange.cancelled is None else min(exchange.deadline, now + self._poll_s)


_process_watchdog = Watchdog()


def watchdog() -> Watchdog:
    """The process's own watchdog."""
    return _process_watchdog


def _after_fork() -> None:
    """Threads do not survive a fork: the child starts a watchdog of its own when it makes its first call."""
    global _process_watchdog  # noqa: PLW0603 - one a process, as threads are
    _process_watchdog = Watchdog()


os.register_at_fork(after_in_child=_after_fork)
