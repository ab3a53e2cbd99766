"""A copy of a tree that commands may do anything to, and that is put right afterwards by copying what changed.

All methods expect that no process is left that could change the copy meanwhile; `running` sees to that.
"""

# Paths are texts here: thousands of them for every run.
# ruff: noqa: PTH101

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping
from pathlib import Path

from maze_tasks.errors import InputError
from maze_tasks.verification.duplicating import PERMISSIONS, Duplicator
from maze_tasks.verification.launch import Workplace
from maze_tasks.verification.manifest import Fact, Listing, entries, fact, facts, join, listing, wait_for_tick
from maze_tasks.verification.removal import remove

_OPEN = 0o700  # what the owner of a folder needs to change what is in it
_READABLE = 0o500  # and to look at it


class BaseChanged(OSError):  # noqa: N818
    """The tree that a copy was made of is not what it was."""


class WorkingCopy:
    """A copy of one tree in a folder of its own.

    Args:
        base: the tree; nothing may change in it while copies of it are used.
        folder: an existing folder that commands cannot reach; ``tree`` and ``scratch`` are made in it.
        uid: who commands run as; None is this process's user.

    Raises:
        OSError: the tree cannot be read, or the copy not be made.
    """

    def __init__(self, base: Path, folder: Path, uid: int | None = None) -> None:
        self.base, self.folder, self.uid = str(base), str(folder), uid
        self.root, self.scratch = f"{folder}/tree", f"{folder}/scratch"
        self.spoilt = False  # set by whoever cannot be sure that all processes are gone
        self._duplicator = Duplicator(uid)
        self._build()
        self._listing: Listing = listing(self.root)
        self._folders: dict[str, Fact] = {name: self._seen(name) for name in self._listing}
        every = list(facts(self._listing))
        self._newest_ns = max((each.ctime_ns for each in every), default=0)
        self.size = (sum(each.blocks for each in every), len(every))

    @property
    def workplace(self) -> Workplace:
        """The copy as `Sandbox.run` takes it."""
        return Workplace(self.root, self.scratch, self.uid, self.size)

    @property
    def reflinked(self) -> bool:
        """Whether unchanged files share their blocks with the tree."""
        return self._duplicator.reflinks

    def apply(self, files: Mapping[str, bytes]) -> None:
        """Give files of the tree another content; their modes stay.

        Args:
            files: path relative to the root, with ``/``, to content.

        Raises:
            InputError: a path is no regular file of the tree; then nothing was changed.
            OSError: the copy cannot be written.
        """
        for path in files:
            folder, name = posixpath.split(path)
            # Only what a walk found: no "..", and no way through a link.
            known = self._listing.get(folder, {}).get(name)
            if known is None or known.kind != "file":
                raise InputError(f"{path[:200]!r} is no file of the tree", field="file")
        wait_for_tick(f"{self.folder}/clock", self._newest_ns)
        for path, content in files.items():
            folder, name = posixpath.split(path)
            with _Opened(f"{self.root}/{folder}", self._folders[folder].mode):
                remove(f"{self.root}/{path}", self.folder)
                self._duplicator.content(f"{self.root}/{path}", content, self._listing[folder][name].mode)

    def restore(self) -> int:
        """Make the copy what it was: contents, modes, times, links; nothing more, nothing less.

        Returns:
            How many entries were put right.

        Raises:
            BaseChanged: a file that must be copied again is not what it was in the tree.
            OSError: something cannot be removed or copied.
        """
        changed = 0
        visited, waiting = [], [""]
        while waiting:
            folder = waiting.pop()
            visited.append(folder)
            changed += self._restore_entries(folder)
            waiting += [join(folder, name) for name, each in self._listing[folder].items() if each.kind == "folder"]
        # Children first: the mode of a folder may shut out its owner.
        for folder in reversed(visited):
            changed += self._restore_folder(folder)
        remove(self.scratch, self.folder)
        self._duplicator.folder(self.scratch)
        return changed

    def _build(self) -> None:
        self._duplicator.folder(self.scratch)
        self._duplicator.folder(self.root)
        made, waiting = [], [""]
        while waiting:
            folder = waiting.pop()
            made.append(folder)
            for name, each in entries(f"{self.base}/{folder}").items():
                path = join(folder, name)
                if each.kind == "folder":
                    self._duplicator.folder(f"{self.root}/{path}")
                    waiting.append(path)
                elif each.kind != "other":
                    self._place(path)
        for folder in reversed(made):
            found = os.lstat(f"{self.base}/{folder}")
            self._duplicator.finish_folder(f"{self.root}/{folder}", found.st_mode & PERMISSIONS, found.st_mtime_ns)

    def _place(self, path: str, expected: Fact | None = None) -> Fact:
        """Copy a file or link of the tree to where nothing is."""
        source, target = f"{self.base}/{path}", f"{self.root}/{path}"
        found = os.lstat(source)
        now = fact(found)
        if expected is not None and (now.kind, now.size, now.mtime_ns) != (
            expected.kind,
            expected.size,
            expected.mtime_ns,
        ):
            raise BaseChanged(f"{path} changed in the tree")
        if now.kind == "link":
            self._duplicator.link(source, target, found)
        else:
            self._duplicator.file(source, target, found)
        return fact(os.lstat(target))

    def _restore_entries(self, folder: str) -> int:
        """Remove from a folder what does not belong, make what is missing; folders stay empty for now."""
        path, expected = f"{self.root}/{folder}", self._listing[folder]
        mode = os.lstat(path).st_mode
        if mode & _READABLE != _READABLE:
            os.chmod(path, _OPEN)
        found = entries(path)
        surplus = found.keys() - expected.keys()
        lost = [name for name, wanted in expected.items() if not _untouched(wanted, found.get(name))]
        if (surplus or lost) and mode & _OPEN != _OPEN:
            os.chmod(path, _OPEN)
        for name in (*surplus, *lost):
            remove(f"{path}/{name}", self.folder)
        for name in lost:
            wanted = expected[name]
            if wanted.kind == "folder":
                self._duplicator.folder(f"{path}/{name}")
            else:
                expected[name] = now = self._place(join(folder, name), wanted)
                self._newest_ns = max(self._newest_ns, now.ctime_ns)
        return len(surplus) + len(lost)

    def _restore_folder(self, folder: str) -> int:
        wanted = self._folders[folder]
        if self._seen(folder) == wanted:
            return 0
        self._duplicator.finish_folder(f"{self.root}/{folder}", wanted.mode, wanted.mtime_ns)
        self._folders[folder] = self._seen(folder)
        return 1

    def _seen(self, folder: str) -> Fact:
        return fact(os.lstat(f"{self.root}/{folder}"))


def _untouched(wanted: Fact, found: Fact | None) -> bool:
    """Whether an entry is what it was; of a folder its entries are asked, and its mode at the end."""
    return found is not None and (found == wanted or found.kind == wanted.kind == "folder")


class _Opened:
    """A folder that this process can write to for a while, whatever its mode."""

    def __init__(self, path: str, mode: int) -> None:
        self.path, self.mode = path, mode

    def __enter__(self) -> None:
        if self.mode & _OPEN != _OPEN:
            os.chmod(self.path, self.mode | _OPEN)

    def __exit__(self, *_: object) -> None:
        if self.mode & _OPEN != _OPEN:
            os.chmod(self.path, self.mode)
