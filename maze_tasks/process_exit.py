"""The end of a process: waiting for that of one that is not a child, and how to speak of it."""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

ASK_AGAIN_S = 0.2  # where the system cannot report the end of a process by itself


class ProcessExit:
    """The end of one process; open it while the process surely runs, so that no later one is mistaken for it.

    Args:
        pid: process id; it may have ended already.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._fd: int | None = None
        with suppress(AttributeError, OSError):  # not Linux; or it has ended
            self._fd = os.pidfd_open(pid)

    def wait(self, timeout_s: float | None, *, unless: int | None = None) -> None:
        """Return when the process has ended, when the time is up, or when there is something to read.

        Args:
            timeout_s: the longest wait in seconds; None has no limit.
            unless: a file descriptor; the wait ends when it becomes readable.
        """
        fds = [fd for fd in (self._fd, unless) if fd is not None]
        if self._fd is not None:
            becomes_readable(fds, timeout_s)
            return
        deadline = float("inf") if timeout_s is None else time.monotonic() + timeout_s
        while self._answers() and (left_s := deadline - time.monotonic()) > 0:
            if becomes_readable(fds, min(ASK_AGAIN_S, left_s)):
                return

    def close(self) -> None:
        """Give the descriptor back; harmless when done twice."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def _answers(self) -> bool:
        try:
            os.kill(self._pid, 0)
        except OSError:
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def becomes_readable(fds: list[int], within_s: float | None) -> bool:
    """Whether any of the descriptors can be read, or is closed at its other end, within so many seconds."""
    waiting = select.poll()
    for fd in fds:
        waiting.register(fd, select.POLLIN)
    return bool(waiting.poll(None if within_s is None else within_s * 1000))


def ending(code: int) -> str:
    """How a process ended, in words, from its return code as `subprocess` gives it."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
