"""Log files of processes we start: bounded when opened, and quoted when something went wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

LARGEST_BYTES = 4 * 2**20  # a log that has grown beyond this is set aside before it is opened again
QUOTED_LINES = 8
QUOTED_BYTES = 4096  # of the end of a log, so much is looked at


def open_log(path: Path) -> BinaryIO:
    """Open a log for appending; one that has grown too large becomes ``<name>.1`` first.

    Raises:
        OSError: it cannot be written.
    """
    if path.exists() and path.stat().st_size > LARGEST_BYTES:
        path.replace(path.with_name(f"{path.name}.1"))
    return path.open("ab", buffering=0)


def last_lines(path: Path, lines: int = QUOTED_LINES, *, since: int = 0) -> str:
    """The end of a log, empty where there is none.

    Args:
        path: the log.
        lines: at most so many lines.
        since: position in bytes before which nothing is of interest.
    """
    try:
        with path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(size - QUOTED_BYTES, min(since, size)))
            text = log.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.rstrip().splitlines()[-lines:])
