"""Files of a source tree, read and replaced without ever leaving it.

A path is walked component by component from the root, each opened relative to the folder before it and never through a
symbolic link (openat(2) with O_NOFOLLOW): what is renamed or linked meanwhile cannot lead elsewhere.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from maze_tasks.errors import Refused
from maze_tasks.source.patcher import PatchRefused, digest

MAX_FILE_BYTES: Final = 64 * 1024 * 1024  # no file with holes is that large; what has grown so is another file

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe without a writer must not hang us
_DRAFT: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_ANY_WRITE: Final = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_SET_ID: Final = stat.S_ISUID | stat.S_ISGID
_CAPABILITIES: Final = "security.capability"  # the system takes it from a file that is written to; so do we

# Folders that hold no source, but things that are run or believed. Names are compared as the most forgiving file
# systems do (git's `verify_path`): without case, invisible characters, and what Windows drops at the end.
_RESERVED: Final = frozenset({".git", "git~1", ".hg", ".svn", ".maze"})


def parts_of(path: str) -> tuple[str, ...]:
    """The components of a path that stays within its root.

    Raises:
        PatchRefused: it is absolute, has a ``..`` or the like in it, or leads to what is no source (``path``).
    """
    parts = tuple(path.split("/"))
    if "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise PatchRefused("path", "is no plain path below the root of the tree")
    if reserved := next((part for part in parts if _folded(part) in _RESERVED), None):
        raise PatchRefused("path", f"leads into {reserved!r}, which holds no source")
    return parts


def _folded(part: str) -> str:
    visible = "".join(char for char in part if unicodedata.category(char) != "Cf")
    return visible.partition(":")[0].rstrip(" .").casefold()


def draft_name(name: str) -> str:
    """What a file's next version is called until it takes the file's place.

    The same for every command, so that the next one finds what a killed one left.
    """
    return f".maze-{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}.draft"


class Checkout:
    """A source tree.

    Args:
        root: its folder; may be reached through links, unlike what lies below it.

    Raises:
        Refused: there is no such folder.
    """

    def __init__(self, root: Path) -> None:
        try:
            self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except (OSError, ValueError) as error:
            raise Refused(f"--root: {root}: {getattr(error, 'strerror', None) or error}") from None
        self._path = root
        self._changed: int | None = None  # the folder last written to, until that is on the disk

    def within(self) -> tuple[Path, str]:
        """The top of the git checkout that the tree is part of, and where in it the tree is.

        Returns:
            The top and a path with a ``/`` behind it; the tree's own root and nothing where it is in none.
        """
        root = self._path.resolve()
        top = next((folder for folder in (root, *root.parents) if os.path.lexists(folder / ".git")), root)
        return top, "" if top == root else f"{root.relative_to(top).as_posix()}/"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._settle()
        os.close(self._root)

    @contextmanager
    def open(self, path: str) -> Iterator[SourceFile]:
        """A file of the tree, read.

        Args:
            path: relative to the root, components parted by ``/``.

        Raises:
            PatchRefused: it leads out of the tree, is missing, is no regular file, or cannot be read.
        """
        *folders, name = parts_of(path)
        folder = self._enter(folders)
        try:
            with _refusing(name, folder):
                fd = os.open(name, _FILE, dir_fd=folder)
            try:
                with _refusing(name, folder):
                    status, data = _read(fd)
                yield SourceFile(self, folder, name, fd, status, data)
            finally:
                os.close(fd)
        finally:
            os.close(folder)

    def _enter(self, folders: list[str]) -> int:
        at = os.dup(self._root)
        for name in folders:
            try:
                with _refusing(name, at):
                    below = os.open(name, _FOLDER, dir_fd=at)
            finally:
                os.close(at)
            at = below
        return at

    def note_change(self, folder: int) -> None:
        """See that a folder's new entry gets to the disk; once for many entries in a row."""
        if self._changed is not None and os.path.sameopenfile(self._changed, folder):
            return
        self._settle()
        self._changed = os.dup(folder)

    def _settle(self) -> None:
        changed, self._changed = self._changed, None
        if changed is not None:
            with suppress(OSError):  # some file systems have no such call; either version of a file is whole
                os.fsync(changed)
            os.close(changed)


@dataclass(slots=True)
class SourceFile:
    """A file as it was read, and the folder it was found in.

    Args:
        data: its bytes.
        sha256: their digest.
    """

    _checkout: Checkout = field(repr=False)
    _folder: int
    _name: str
    _fd: int
    _status: os.stat_result = field(repr=False)
    data: bytes = field(repr=False)
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        self.sha256 = digest(self.data)

    @property
    def links(self) -> int:
        """How many names the file has; a file that is replaced leaves the others with what was there."""
        return self._status.st_nlink

    def require_writable(self) -> None:
        """Refuse where permissions say that the file should not be changed, even to a user who could.

        Raises:
            PatchRefused: the file or its folder is read-only (``permission``).
        """
        if not (self._status.st_mode & _ANY_WRITE and self._allowed(self._name, os.W_OK)):
            raise PatchRefused("permission", "is read-only")
        if not (os.fstat(self._folder).st_mode & _ANY_WRITE and self._allowed(".", os.W_OK | os.X_OK)):
            raise PatchRefused("permission", "is in a folder that is read-only")

    def _allowed(self, name: str, mode: int) -> bool:
        return os.access(name, mode, dir_fd=self._folder, effective_ids=True)

    def replace(self, data: bytes) -> None:
        """Put other bytes in the file's place, at once and on the disk; mode and owner stay.

        Raises:
            PatchRefused: it was changed since it was read, or is being written (``changed``), or cannot be replaced.
        """
        draft = draft_name(self._name)
        with _refusing(self._name, self._folder):
            if not self._take():
                raise PatchRefused("changed", "is being changed by another command")
            try:
                self._write(draft, data)
                self._require_untouched()
                os.replace(draft, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            except BaseException:
                self.drop_draft()
                raise
        self._checkout.note_change(self._folder)

    def drop_draft(self) -> None:
        """Remove what a killed command may have left beside the file; not what a living one is writing."""
        with suppress(OSError):
            if self._take():
                os.unlink(draft_name(self._name), dir_fd=self._folder)

    def _take(self) -> bool:
        """Whether no other command is writing the file's next version; until this one is closed, none will."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # the file system has no locks
            return True
        # The lock is on what was opened: it says nothing once that is not the file any more.
        return os.path.samestat(self._status, os.stat(self._name, dir_fd=self._folder, follow_symlinks=False))

    def _write(self, draft: str, data: bytes) -> None:
        self.drop_draft()
        fd = os.open(draft, _DRAFT, 0o600, dir_fd=self._folder)
        with open(fd, "wb") as stream:  # noqa: PTH123 - a descriptor
            stream.write(data)
            stream.flush()
            _keep_attributes(fd, self._fd, self._status)
            os.fsync(fd)

    def _require_untouched(self) -> None:
        now = os.stat(self._name, dir_fd=self._folder, follow_symlinks=False)
        if _identity(now) != _identity(self._status):
            raise PatchRefused("changed", "was changed by somebody else just now")


def _read(fd: int) -> tuple[os.stat_result, bytes]:
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        raise PatchRefused("not_a_file", "is no regular file")
    with open(fd, "rb", closefd=False) as stream:
        data = stream.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise PatchRefused("too_large", f"is larger than {MAX_FILE_BYTES >> 20} MiB")
    return status, data


def _keep_attributes(draft: int, source: int, status: os.stat_result) -> None:
    """Give a draft the owner, the mode and the extended attributes of the file, as far as that is allowed."""
    mode = stat.S_IMODE(status.st_mode)
    made = os.fstat(draft)
    if (made.st_uid, made.st_gid) != (status.st_uid, status.st_gid):
        try:
            os.fchown(draft, status.st_uid, status.st_gid)
        except PermissionError:
            mode &= ~_SET_ID  # rights of another owner, which ours must not turn into
            with suppress(PermissionError):
                os.fchown(draft, -1, status.st_gid)
    os.fchmod(draft, mode)
    if sys.platform == "linux":
        with suppress(OSError):  # the file system has none
            for name in os.listxattr(source):
                if name != _CAPABILITIES:
                    with suppress(OSError):
                        os.setxattr(draft, name, os.getxattr(source, name))


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


@contextmanager
def _refusing(name: str, folder: int) -> Iterator[None]:
    """Tell what the system refuses to do with an entry of a folder as a reason not to patch."""
    try:
        yield
    except FileNotFoundError:
        raise PatchRefused("missing", "is not there") from None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR) and _is_link(name, folder):
            raise PatchRefused("link", f"is reached through a symbolic link, {name!r}") from None
        if error.errno == errno.ENOTDIR:
            raise PatchRefused("missing", f"is not there: {name!r} is no folder") from None
        kind = "permission" if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) else "system"
        raise PatchRefused(kind, f"cannot be used: {error.strerror}") from None
    except ValueError:  # a character that names of files cannot have here
        raise PatchRefused("path", "has a name that this system cannot write") from None


def _is_link(name: str, folder: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False
