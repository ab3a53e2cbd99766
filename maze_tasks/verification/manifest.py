"""What lies in a folder, and whether it changed: facts that a command cannot forge.

A command can set a file's times back, but not the time of its last change (ctime), which the kernel sets. So a file
is unchanged if that one, inode, size and mode are as they were: under the condition that the clock of the file system
had moved on before the command started, see `wait_for_tick`.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["file", "folder", "link", "other"]

BLOCK_BYTES = 512  # unit of st_blocks (stat(2))
TICK_TRIES = 3000  # at a millisecond each: file systems that count in two-second steps exist
TICK_PAUSE_S = 0.001


class ClockStands(OSError):  # noqa: N818
    """The file system gives no later time to a later change."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of one entry without opening it.

    Args:
        kind: sockets, pipes and devices are ``other``.
        mode: permission bits.
        size: bytes; 0 for folders, whose size says nothing.
        mtime_ns: time of the last write, as anybody may set it.
        ctime_ns: time of the last change of any kind.
        inode: number of the inode.
        blocks: bytes on the disk.
    """

    kind: Kind
    mode: int
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    blocks: int


Listing = dict[str, dict[str, Fact]]  # folder, relative to the root ("" is the root), to its entries by name


def fact(found: os.stat_result) -> Fact:
    """The fact of a stat result that did not follow links."""
    kind = _kind(found.st_mode)
    return Fact(
        kind=kind,
        mode=stat.S_IMODE(found.st_mode),
        size=0 if kind == "folder" else found.st_size,
        mtime_ns=found.st_mtime_ns,
        ctime_ns=found.st_ctime_ns,
        inode=found.st_ino,
        blocks=found.st_blocks * BLOCK_BYTES,
    )


def entries(folder: str) -> dict[str, Fact]:
    """What lies in a folder now.

    Args:
        folder: path of a folder that may be read.

    Raises:
        OSError: it cannot be read.
    """
    with os.scandir(folder) as found:
        return {entry.name: fact(entry.stat(follow_symlinks=False)) for entry in found}


def listing(root: str) -> Listing:
    """Everything below a root, links not followed.

    Args:
        root: path of a folder.

    Raises:
        OSError: something cannot be read.
    """
    found: Listing = {}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        found[folder] = entries(f"{root}/{folder}")
        waiting += [join(folder, name) for name, each in found[folder].items() if each.kind == "folder"]
    return found


def facts(found: Listing) -> Iterator[Fact]:
    """All facts of a listing."""
    for each in found.values():
        yield from each.values()


def join(folder: str, name: str) -> str:
    """The path of an entry, relative as its folder is."""
    return f"{folder}/{name}" if folder else name


def wait_for_tick(clock: str, newest_ns: int) -> None:
    """Wait until a change made now gets a later time than `newest_ns`; mostly that is so at once.

    Args:
        clock: a file on the same file system; made where it is missing.
        newest_ns: the latest time of change that must be told apart from what comes.

    Raises:
        ClockStands: it did not come to that.
        OSError: the file cannot be changed.
    """
    descriptor = os.open(clock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        for _ in range(TICK_TRIES):
            os.utime(descriptor)
            if os.fstat(descriptor).st_ctime_ns > newest_ns:
                return
            time.sleep(TICK_PAUSE_S)
    finally:
        os.close(descriptor)
    raise ClockStands("the file system's clock stands still")


def _kind(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "other"
