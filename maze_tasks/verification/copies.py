"""The working copies of this machine: numbered slots, each locked by the process that uses it, kept warm in between.

::

    slots/
      0.lock       held as long as a process uses the slot; the kernel gives it back however that one ends
      0/tree       the working copy
      0/scratch    a folder for commands that have no /tmp of their own
      0/clock      tells the time of the file system
      0/.trash-*   on its way out

A slot whose lock can be had belongs to nobody: what a killed worker left in it is removed and never used, for what is
known of a copy is known only to the process that made it.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from maze_tasks.errors import Refused
from maze_tasks.verification.launch import UIDS, sandbox_uid
from maze_tasks.verification.removal import empty_all_trash, remove
from maze_tasks.verification.working_copy import WorkingCopy


@dataclass(slots=True)
class _Slot:
    """A slot that this process holds."""

    number: int
    folder: Path
    lock: int
    key: str | None = None
    copy: WorkingCopy | None = None

    def fill(self, base: Path, key: str) -> WorkingCopy:
        """A copy of `base` in this slot, the one at hand where it is one."""
        if self.copy is None or self.key != key:
            self.clear()
            self.copy, self.key = WorkingCopy(base, self.folder, sandbox_uid(self.number)), key
        return self.copy

    def clear(self) -> None:
        """Remove whatever the slot holds."""
        self.copy = self.key = None
        _prepare(self.folder, sandbox_uid(self.number))
        for name in ("tree", "scratch"):
            remove(f"{self.folder}/{name}", str(self.folder))
        empty_all_trash(self.folder)


class Copies:
    """Working copies for the commands of this process.

    Threads may share it, each taking a copy of its own. A process forked from this one starts with none.

    Args:
        folder: where the slots lie, shared by all workers of the machine; made where it is missing.

    Raises:
        OSError: the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "slots"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o711)
        self._guard = threading.Lock()
        self._free: list[_Slot] = []
        self._pid = os.getpid()
        self.sweep()

    @contextmanager
    def take(self, base: Path, key: str) -> Iterator[WorkingCopy]:
        """A copy of a tree for one command; it is restored afterwards.

        Args:
            base: the tree; nothing may change in it meanwhile.
            key: names its content; a copy with the same key is used again.

        Raises:
            Refused: all slots are in use.
            OSError: the copy cannot be made.
        """
        slot = self._hold(key)
        try:
            copy = slot.fill(base, key)
            yield copy
        finally:
            self._return(slot)

    def sweep(self) -> int:
        """Remove what workers that are no more left behind; the number of slots cleared."""
        cleared = 0
        for lock_file in sorted(self.folder.glob("*.lock")):
            number = lock_file.stem
            if not number.isdigit() or not (self.folder / number).exists():
                continue
            lock = _lock(lock_file)
            if lock is None:
                continue
            with suppress(OSError):
                _Slot(int(number), self.folder / number, lock).clear()
                cleared += 1
            os.close(lock)
        return cleared

    def close(self) -> None:
        """Remove the copies that are not in use and give their slots back."""
        with self._guard:
            slots, self._free = self._own_free(), []
        for slot in slots:
            with suppress(OSError):
                slot.clear()
            os.close(slot.lock)

    def _hold(self, key: str) -> _Slot:
        with self._guard:
            self._free = free = self._own_free()
            # The one used longest ago goes for another tree.
            found = next((slot for slot in free if slot.key == key), free[0] if free else None)
            if found is not None:
                free.remove(found)
                return found
        return self._claim()

    def _claim(self) -> _Slot:
        for number in range(UIDS - 1):  # the last user is the probe's
            lock = _lock(self.folder / f"{number}.lock")
            if lock is not None:
                return _Slot(number, self.folder / str(number), lock)
        raise Refused(f"all {UIDS - 1} working copies under {self.folder} are in use")

    def _return(self, slot: _Slot) -> None:
        copy, slot.copy = slot.copy, None
        try:
            if copy is not None and not copy.spoilt:
                copy.restore()
                slot.copy = copy
        except OSError:
            pass  # beyond repair: the next one is made afresh
        finally:
            with self._guard:
                self._free.append(slot)

    def _own_free(self) -> list[_Slot]:
        """The free slots, without those that a parent process holds."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            for slot in self._free:
                os.close(slot.lock)
            return []
        return self._free


def _lock(path: Path) -> int | None:
    """A descriptor that holds the lock of a slot, None where another does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _prepare(folder: Path, uid: int | None) -> None:
    """Make a slot's folder, which its user may pass through and nobody else."""
    folder.mkdir(exist_ok=True)
    if uid is not None:
        os.chown(folder, -1, uid)
    folder.chmod(0o700 if uid is None else 0o710)
