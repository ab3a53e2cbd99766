"""Temporary files that a killed command could not remove: the next one does.

A living command holds its files with a lock, which the kernel gives back however it ends.
"""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_SETTLED_S: Final = 60.0  # a younger file may just have been made, and not be held yet


def hold(descriptor: int) -> None:
    """Keep a file for as long as a descriptor of it is open; without effect where the file system has no locks."""
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


def sweep(prefix: str) -> int:
    """Remove this user's temporary files that nobody holds; the number removed.

    Args:
        prefix: what their names begin with.
    """
    removed = 0
    for path in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with suppress(OSError):
            removed += _removed(path)
    return removed


def _removed(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():
            return False
        if time.time() - found.st_mtime < _SETTLED_S:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(descriptor)
    return True
