"""The peak memory of every process that a command starts, told apart by what they do."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

EVERY_S = 0.1  # between two looks; the kernel keeps the peak, so that only a process's last moments can be missed
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)

# What a process does, by a part of its command line; the first that matches.
_ROLES = (
    ("redis-server", "redis"),
    ("embedded_keeper", "keeper"),
    ("simulate", "simulator"),
    ("maze_tasks.cli", "command"),
    ("fill.", "worker"),
    ("verify", "verifier"),
)


@dataclass
class Peaks:
    """Highest resident memory seen of each role, in bytes; of several processes of one role the largest.

    Args:
        folder: processes that name it belong to what is watched, whoever started them.
    """

    folder: Path
    by_role: dict[str, int] = field(default_factory=dict)

    def look(self) -> None:
        """Take note of what the kernel says of each process now."""
        here = str(self.folder)
        known = set(psutil.Process().children(recursive=True))
        for process in psutil.process_iter(["cmdline"]):
            if here in " ".join(process.info["cmdline"] or ()):
                known |= {process, *_children(process)}
        for process in known:
            with suppress(psutil.Error):
                role = _role_of(process)
                self.by_role[role] = max(self.by_role.get(role, 0), peak_of(process.pid))


@contextmanager
def watched(folder: Path) -> Iterator[Peaks]:
    """Watch this program's descendants, and what runs for a folder, for as long as the block lasts."""
    peaks = Peaks(folder)
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(EVERY_S):
            peaks.look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peaks
    finally:
        ended.set()
        thread.join()


def peak_of(pid: int) -> int:
    """The most memory that a process has had in use, in bytes; 0 if it is gone."""
    try:
        found = _PEAK.search(Path(f"/proc/{pid}/status").read_text())
    except (OSError, UnicodeDecodeError):
        return 0
    return int(found[1]) * 1024 if found else 0


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _role_of(process: psutil.Process) -> str:
    line = " ".join(process.cmdline())
    return next((role for part, role in _ROLES if part in line), "other")
