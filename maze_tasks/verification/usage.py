"""What a running command uses: memory of all its processes together, and room on the disk.

Resource limits bind one process each; these are sums, looked at every few hundredths of a second by `running`.
"""

# Paths are texts here: thousands of them for every run.
# ruff: noqa: PTH123, PTH208

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

KIB = 1024
BLOCK_BYTES = 512  # unit of st_blocks (stat(2))
FEW_ENTRIES = 5_000  # so many files and folders are looked through in some hundredths of a second
MAX_NEW_ENTRIES = 200_000  # files and folders that a command may add; a disk has only so many inodes

_ANONYMOUS = re.compile(rb"^(?:RssAnon|RssShmem|VmSwap):\s+(\d+) kB", re.MULTILINE)
_THREADS = re.compile(rb"^Threads:\s+(\d+)", re.MULTILINE)
_PROPORTIONAL = re.compile(rb"^(?:Pss_Anon|Pss_Shmem|SwapPss):\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Use:
    """What a process and all its descendants use.

    Args:
        memory: bytes that are theirs: neither program files nor caches.
        threads: threads of all of them, as RLIMIT_NPROC counts.
    """

    memory: int = 0
    threads: int = 0


def tree_use(pid: int, limit: int) -> Use:
    """What a process and its descendants use now.

    Memory that processes share after a fork is counted for each of them at first; only where the sum exceeds the limit,
    and the system lets us look, it is divided among them, which takes longer.

    Args:
        pid: the process.
        limit: bytes from which on it matters to be exact.
    """
    memory: dict[int, int] = {}
    threads = 0
    for each in descendants(pid):
        status = _read(f"/proc/{each}/status")
        memory[each] = _bytes(_ANONYMOUS, status)
        match = _THREADS.search(status)
        threads += int(match[1]) if match else 0
    total = sum(memory.values())
    if total > limit:
        total = sum(_share(each, most) for each, most in memory.items() if most)
    return Use(total, threads)


def descendants(pid: int) -> Iterator[int]:
    """The process and all that come from it, as far as they can be seen while they run.

    Args:
        pid: the process.
    """
    children = _listed_children if _lists_children() else _found_children()
    seen = {pid}
    open_ends = [pid]
    while open_ends:
        parent = open_ends.pop()
        yield parent
        for child in children(parent):
            if child not in seen:
                seen.add(child)
                open_ends.append(child)


@cache
def _lists_children() -> bool:
    """Whether the kernel lists the children of a process (CONFIG_PROC_CHILDREN)."""
    return Path(f"/proc/self/task/{os.getpid()}/children").exists()


def _listed_children(pid: int) -> list[int]:
    """Children of a process. Source: proc(5), children."""
    threads = _names(f"/proc/{pid}/task")
    return [int(child) for thread in threads for child in _read(f"/proc/{pid}/task/{thread}/children").split()]


def _found_children() -> Callable[[int], list[int]]:
    """The same from the parents of all processes, for kernels that do not list them. Source: proc(5), stat."""
    found: dict[int, list[int]] = {}
    for name in filter(str.isdigit, _names("/proc")):
        fields = _read(f"/proc/{name}/stat").rpartition(b")")[2].split()  # a program's name may hold anything
        if fields:
            found.setdefault(int(fields[1]), []).append(int(name))
    return lambda pid: found.get(pid, [])


@dataclass(slots=True)
class DiskWatch:
    """Whether a folder grew too much, asked of the file system first and of the folder only where that is likely.

    Args:
        folder: what may grow.
        limit: bytes it may grow by.
        before: bytes on the disk and entries that it has at the start.
    """

    folder: Path
    limit: int
    before: tuple[int, int]
    _start: os.statvfs_result = field(init=False)

    def __post_init__(self) -> None:
        self._start = os.statvfs(self.folder)

    def exceeded(self, *, at_end: bool = False) -> bool:
        """Whether the folder grew by more than the limit, or by too many entries.

        Args:
            at_end: nothing writes there any more: a folder that is quickly looked through is, whatever the file system
                says, since others may have removed meanwhile what was written here.
        """
        now = os.statvfs(self.folder)
        bytes_gone = (self._start.f_bavail - now.f_bavail) * now.f_frsize
        entries_gone = self._start.f_favail - now.f_favail
        likely = bytes_gone > self.limit // 2 or entries_gone > MAX_NEW_ENTRIES // 2
        if not likely and not (at_end and self.before[1] <= FEW_ENTRIES):
            return False
        used = folder_size(self.folder)
        if used is not None:
            bytes_gone, entries_gone = used[0] - self.before[0], used[1] - self.before[1]
        # Too deep to look into, or closed to us: what the disk lost is then taken for this folder's doing.
        return bytes_gone > self.limit or entries_gone > MAX_NEW_ENTRIES


def folder_size(folder: Path) -> tuple[int, int] | None:
    """Bytes on the disk and number of entries below a folder, links not followed; None where a part is too deep.

    Args:
        folder: may change meanwhile; what vanishes is not counted.
    """
    total = entries = 0
    open_ends = [str(folder)]
    while open_ends:
        path = open_ends.pop()
        try:
            with os.scandir(path) as found:
                for entry in found:
                    entries += 1
                    with suppress(FileNotFoundError):
                        total += entry.stat(follow_symlinks=False).st_blocks * BLOCK_BYTES
                    if entry.is_dir(follow_symlinks=False):
                        open_ends.append(entry.path)
        except OSError as error:
            if error.errno in (errno.ENAMETOOLONG, errno.EACCES):
                return None
    return total, entries


def _share(pid: int, most: int) -> int:
    """Bytes of a process, shared pages divided by those who share them; `most` where that cannot be seen."""
    rollup = _read(f"/proc/{pid}/smaps_rollup")
    if b"Pss_Anon:" in rollup:
        return _bytes(_PROPORTIONAL, rollup)
    return min(most, _bytes(_ANONYMOUS, _read(f"/proc/{pid}/status")))  # nothing, if it has ended meanwhile


def _bytes(lines: re.Pattern[bytes], text: bytes) -> int:
    return sum(int(kib) for kib in lines.findall(text)) * KIB


def _read(path: str) -> bytes:
    """A file of /proc, empty where its process has gone or is not ours to see."""
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError:
        return b""


def _names(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []
