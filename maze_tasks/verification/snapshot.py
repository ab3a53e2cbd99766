"""Trees on their way to other machines: archives named by what they hold, and the trees unpacked from them.

::

    snapshots/            shared by all machines, or copied between them
      ab/ab12….tar
    trees/                of one machine
      ab12….lock          shared by those who use the tree; the sweep wants it alone
      ab12…/              the tree, never changed
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from maze_tasks.errors import Refused
from maze_tasks.verification.archive import Keep, Limits, belongs, pack, unpack
from maze_tasks.verification.removal import empty_all_trash, remove

_DIGEST = re.compile(r"[0-9a-f]{64}")
_UNFINISHED = ".new-"  # beginning of the names of what is being written
_UNFINISHED_S = 86_400.0  # nobody writes at one tree for a day
KEPT_S = 7 * 86_400.0  # that an archive stays after it was last packed
TREES_KEPT = 4  # trees that a sweep leaves though nobody uses them


class MissingSnapshot(Refused):
    """This machine cannot get at a tree: a hole that needs it must be left to another.

    Args:
        digest: of the tree.
        place: where it was looked for.
    """

    def __init__(self, digest: str, place: Path) -> None:
        self.digest = digest
        super().__init__(f"there is no snapshot {digest[:12]} in {place}; share that folder with where the run began")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A tree that was packed.

    Args:
        digest: names it everywhere, 64 hexadecimal digits.
        entries: files, folders and links.
        total_bytes: of all files.
        left_out: links that lead out of the tree, sockets and devices, relative to the root.
    """

    digest: str
    entries: int
    total_bytes: int
    left_out: tuple[str, ...] = ()


class Snapshots:
    """The archives in one folder, which machines may share.

    Args:
        folder: made where it is missing.
        limits: how large a tree may be.

    Raises:
        Refused: the folder cannot be made.
    """

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self.folder, self.limits = folder, limits or Limits()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refused(f"{folder}: the folder of snapshots cannot be made: {error.strerror or error}") from None

    def add(self, root: Path, keep: Keep = belongs) -> Snapshot:
        """Pack a tree; the same tree twice is the same archive.

        Args:
            root: the tree.
            keep: what belongs to it, by path relative to the root and whether it is a folder.

        Raises:
            Refused: it is too large, changed meanwhile, or cannot be read; or the archive cannot be written.
        """
        unfinished = self.folder / f"{_UNFINISHED}{secrets.token_hex(8)}"
        try:
            with unfinished.open("xb") as stream:
                tally, left_out = pack(root, stream, keep, self.limits)
                stream.flush()
                os.fsync(stream.fileno())
            place = self.path(tally.digest)
            place.parent.mkdir(exist_ok=True)
            unfinished.replace(place)
        except OSError as error:
            raise Refused(f"the tree cannot be packed into {self.folder}: {error.strerror or error}") from None
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
        return Snapshot(tally.digest, tally.entries, tally.total_bytes, tuple(left_out))

    def path(self, digest: str) -> Path:
        """Where the archive of a tree lies, if it is there.

        Raises:
            Refused: that is no digest.
        """
        if not _DIGEST.fullmatch(digest):
            raise Refused(f"{digest[:80]!r} is no digest of a tree")
        return self.folder / digest[:2] / f"{digest}.tar"

    def has(self, digest: str) -> bool:
        """Whether the archive of a tree is here."""
        return self.path(digest).is_file()

    def unpack(self, digest: str, target: Path) -> None:
        """Make `target` the tree, all of it or nothing.

        Args:
            digest: of the tree.
            target: does not exist, or becomes what somebody else unpacked at the same time.

        Raises:
            MissingSnapshot: it is not here.
            Damaged: the archive is not that tree.
            OSError: it cannot be read or written.
        """
        holding = target.parent
        unfinished = holding / f"{_UNFINISHED}{secrets.token_hex(8)}"
        try:
            stream = self.path(digest).open("rb")
        except FileNotFoundError:
            raise MissingSnapshot(digest, self.folder) from None
        try:
            with stream:
                unfinished.mkdir(mode=0o700)
                unpack(stream, unfinished, digest, self.limits)
            _rename(unfinished, target)
        finally:
            remove(str(unfinished), str(holding))

    def remove(self, digest: str) -> None:
        """Forget a tree; harmless where it is not here."""
        self.path(digest).unlink(missing_ok=True)

    def sweep(self, needed: Collection[str] = (), kept_s: float = KEPT_S) -> int:
        """Remove old archives, and what those left behind who were killed while they packed.

        Args:
            needed: digests of trees that stay, however old.
            kept_s: seconds since an archive was last packed before it may go.

        Returns:
            How many archives went.
        """
        _remove_unfinished(self.folder)
        removed = 0
        for archive in list(self.folder.glob("??/*.tar")):
            with suppress(OSError):
                if archive.stem not in needed and time.time() - archive.stat().st_mtime > kept_s:
                    archive.unlink()
                    removed += 1
        return removed


class Trees:
    """The trees unpacked on this machine, shared by its workers.

    Args:
        folder: where they lie; made where it is missing.
        snapshots: where they come from.

    Raises:
        OSError: the folder cannot be made.
    """

    def __init__(self, folder: Path, snapshots: Snapshots) -> None:
        self.folder, self.snapshots = folder / "trees", snapshots
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def available(self, digest: str) -> bool:
        """Whether this machine has the tree or can unpack it: what to ask before a hole is taken."""
        return self.snapshots.has(digest) or (self.folder / digest).is_dir()

    @contextmanager
    def hold(self, digest: str) -> Iterator[Path]:
        """A tree for as long as it is used; unpacked where it is not yet, and then others go that nobody used for long.

        Args:
            digest: of the tree.

        Raises:
            MissingSnapshot: this machine has neither the tree nor its archive.
            Damaged: the archive is not that tree.
            OSError: it cannot be unpacked.
        """
        tree = self.folder / digest
        archive = self.snapshots.path(digest)  # refuses what is no digest
        with self._locked(digest, fcntl.LOCK_SH):
            if not tree.is_dir():
                if not archive.is_file():
                    raise MissingSnapshot(digest, self.snapshots.folder)
                self.snapshots.unpack(digest, tree)
                self.sweep()
            with suppress(OSError):
                os.utime(self.folder / f"{digest}.lock")  # used now: the sweep takes others first
            yield tree

    def sweep(self, kept: int = TREES_KEPT) -> int:
        """Remove the trees used longest ago, those in use never; the number removed.

        Args:
            kept: how many stay.
        """
        locks = sorted(self.folder.glob("*.lock"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        removed = 0
        for lock in locks[kept:]:
            with suppress(OSError), self._locked(lock.stem, fcntl.LOCK_EX | fcntl.LOCK_NB):
                remove(str(self.folder / lock.stem), str(self.folder))
                lock.unlink()
                removed += 1
        empty_all_trash(self.folder)
        _remove_unfinished(self.folder)
        return removed

    @contextmanager
    def _locked(self, digest: str, kind: int) -> Iterator[None]:
        path = self.folder / f"{digest}.lock"
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, kind)
                if _is_still(path, descriptor):
                    yield
                    return
            finally:
                os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the file that was locked is the one to be found there: a sweep may have removed it in between."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _remove_unfinished(folder: Path) -> None:
    for entry in list(folder.glob(f"{_UNFINISHED}*")):
        with suppress(OSError):
            if time.time() - entry.stat().st_mtime > _UNFINISHED_S:
                remove(str(entry), str(folder))


def _rename(folder: Path, target: Path) -> None:
    """Give a folder its name; what is there already is the same tree."""
    try:
        folder.rename(target)
    except OSError:
        if not target.is_dir():
            raise
