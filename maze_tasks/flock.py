"""Advisory locks on files, which the kernel gives back however their holder ends.

A lock belongs to the open file, not to the process: a child that inherits the descriptor shares it. Descriptors made
here are not inherited, unless they are handed over on purpose.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

PAUSE_S = 0.01  # between two tries for a lock that others hold


class FileLock:
    """One open lock file, at first unlocked.

    Args:
        path: the file; made where it is missing.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self, *, shared: bool = False, timeout_s: float = 0.0) -> bool:
        """Take the lock, or change it to the other kind; where that fails, an earlier lock may be lost (flock(2)).

        Args:
            shared: together with other shared holders, else alone.
            timeout_s: how long to try, in seconds; 0 tries once.

        Returns:
            Whether it is held now.

        Raises:
            OSError: the file system has no locks.
        """
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                fcntl.flock(self.fd, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(PAUSE_S)
            else:
                return True

    def wait(self) -> None:
        """Sleep until the lock can be held alone, and take it."""
        fcntl.flock(self.fd, fcntl.LOCK_EX)

    def release(self) -> None:
        """Give the lock back, also for those who inherited the descriptor."""
        fcntl.flock(self.fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file; the lock stays with whom the descriptor was handed to. Harmless when done twice."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
