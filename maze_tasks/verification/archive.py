"""A tree as one tar archive that is the same wherever it is packed, and its digest.

The digest is that of the list of all entries: kind, permission bits, path, and the sha256 of the content or the target
of the link. Times, owners and the order on disk do not count. Unpacking trusts nothing: it makes regular files,
folders and links that stay inside, and what comes out must have the digest that was asked for.
"""

from __future__ import annotations

import hashlib
import io
import os
import posixpath
import stat
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from maze_tasks.errors import Refused

FORMAT = b"maze-tree-1\n"  # begins what the digest is taken of
FIXED_MTIME = 946_684_800  # of every entry: 2000-01-01; zip files cannot hold times before 1980
BLOCK_BYTES = 1024 * 1024
PERMISSIONS = 0o777
OWNER_OPENS, OWNER_READS = 0o700, 0o400  # a tree that its own owner cannot read is of no use
# Histories, caches that tools make anew, and what is there to hold keys or addresses with passwords.
# fmt: off
LEFT_OUT = frozenset({
    ".git", ".hg", ".svn", ".maze", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache",
    ".env", ".envrc", ".netrc", ".pypirc", ".npmrc", ".git-credentials", "maze.toml",
})
# fmt: on
EXAMPLES = (".example", ".sample", ".template", ".dist")  # ends of the names of what only shows how keys are given

Keep = Callable[[str, bool], bool]  # path relative to the root, whether it is a folder → whether it belongs


class Damaged(Refused):
    """An archive is not what its digest says, or holds what no tree may hold."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a tree may be.

    Args:
        entries: files, folders and links.
        total_bytes: all files together.
        file_bytes: one file.
    """

    entries: int = 200_000
    total_bytes: int = 4 * 1024**3
    file_bytes: int = 1024**3


@dataclass(slots=True)
class Tally:
    """What was packed or unpacked so far, held against the limits.

    Args:
        limits: how much there may be.
    """

    limits: Limits
    entries: int = 0
    total_bytes: int = 0
    _digest: hashlib._Hash = field(default_factory=lambda: hashlib.sha256(FORMAT))

    def count(self, path: str, size: int) -> None:
        """Count an entry before anything is done with it.

        Raises:
            Refused: it is one too many, or too large.
        """
        self.entries += 1
        self.total_bytes += size
        if self.entries > self.limits.entries:
            raise Refused(f"the tree has more than {self.limits.entries} entries; leave out what no test needs")
        if size > self.limits.file_bytes:
            raise Refused(f"{path[:200]} has {size} bytes, more than {self.limits.file_bytes}; leave it out")
        if self.total_bytes > self.limits.total_bytes:
            raise Refused(f"the tree has more than {self.limits.total_bytes} bytes; leave out what no test needs")

    def add(self, kind: str, mode: int, path: str, what: str) -> None:
        """Add an entry to the digest: `what` is the content's digest or the link's target."""
        self._digest.update(os.fsencode(f"{kind} {mode:o} {what}\0{path}\0"))

    @property
    def digest(self) -> str:
        """Digest of the entries so far, 64 hexadecimal digits."""
        return self._digest.hexdigest()


def belongs(path: str, _is_folder: bool, /) -> bool:  # noqa: FBT001 - it is called as a `Keep`
    """The default choice: all but histories, caches, and files that are there to hold keys."""
    name = posixpath.basename(path)
    return name not in LEFT_OUT and not (name.startswith(".env.") and not name.endswith(EXAMPLES))


def stays_inside(path: str, target: str) -> bool:
    """Whether a link cannot lead out of the tree, through whichever other links it goes.

    ``..`` is allowed at the beginning only: what stands after a name may be a link itself, and leads who knows where.

    Args:
        path: of the link, relative to the root.
        target: what it says.
    """
    if not target or target.startswith("/") or "\0" in target:
        return False
    steps = target.split("/")
    up = next((number for number, step in enumerate(steps) if step != ".."), len(steps))
    return ".." not in steps[up:] and up <= path.count("/")


def pack(root: Path, stream: IO[bytes], keep: Keep, limits: Limits) -> tuple[Tally, list[str]]:
    """Write a tree as an archive.

    Args:
        root: the tree.
        stream: where the archive goes.
        keep: what belongs; the root itself is not asked for.
        limits: how large it may be.

    Returns:
        The tally, and what was left out: links that lead out, sockets, devices, and what this user must not read.

    Raises:
        Refused: it is too large, or changed while it was read.
    """
    tally = Tally(limits)
    left_out: list[str] = []
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT, encoding="utf-8") as tar:
        for path, found in _walk(root, keep, left_out):
            if stat.S_ISDIR(found.st_mode):
                _pack_folder(tar, tally, path, found)
            elif not (
                (stat.S_ISREG(found.st_mode) and _pack_file(tar, tally, root, path))
                or (stat.S_ISLNK(found.st_mode) and _pack_link(tar, tally, root, path))
            ):
                left_out.append(path)
            tar.members = []  # type: ignore[attr-defined]  # or they would grow with the tree
    return tally, left_out


def unpack(stream: IO[bytes], target: Path, digest: str, limits: Limits) -> None:
    """Write the tree of an archive.

    Args:
        stream: the archive, seekable.
        target: an empty folder; what was written stays there where an error is raised.
        digest: what the tree must have.
        limits: how large it may be.

    Raises:
        Damaged: the archive is not that tree.
        Refused: it is too large.
        OSError: the disk is full, or the stream cannot be read.
    """
    tally, folders = Tally(limits), {"": 0o755}
    try:
        with tarfile.open(fileobj=_Guarded(stream), mode="r:", encoding="utf-8") as tar:
            while (info := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]  # or they would grow with the tree
                _unpack_entry(tar, info, tally, target, folders)
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise Damaged(f"the snapshot cannot be read: {error}") from None
    if tally.digest != digest:
        raise Damaged(f"the snapshot has the digest {tally.digest[:12]}, not {digest[:12]}")
    for path in sorted(folders, key=len, reverse=True):
        folder = target / path
        folder.chmod(folders[path])
        os.utime(folder, (FIXED_MTIME, FIXED_MTIME))


def _walk(root: Path, keep: Keep, left_out: list[str]) -> Iterator[tuple[str, os.stat_result]]:
    """Everything that belongs, folders before what is in them, in the order of the names' bytes."""
    waiting: list[tuple[str, os.stat_result | None]] = [("", None)]
    while waiting:
        path, found = waiting.pop()
        if found is not None and not stat.S_ISDIR(found.st_mode):
            yield path, found
            continue
        below = []
        try:
            with os.scandir(root / path) as entries:
                for entry in entries:
                    name = f"{path}/{entry.name}" if path else entry.name
                    if keep(name, entry.is_dir(follow_symlinks=False)):
                        below.append((name, entry.stat(follow_symlinks=False)))
        except OSError as error:
            if found is None:
                raise Refused(f"{root}: cannot be read: {error.strerror}") from None
            left_out.append(path)
            continue
        if found is not None:
            yield path, found
        waiting += sorted(below, key=lambda each: os.fsencode(each[0]), reverse=True)


def _info(path: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.type, info.mode, info.mtime = kind, mode, FIXED_MTIME
    return info


def _pack_folder(tar: tarfile.TarFile, tally: Tally, path: str, found: os.stat_result) -> None:
    tally.count(path, 0)
    mode = found.st_mode & PERMISSIONS | OWNER_OPENS
    tar.addfile(_info(path, tarfile.DIRTYPE, mode))
    tally.add("d", mode, path, "")


def _pack_link(tar: tarfile.TarFile, tally: Tally, root: Path, path: str) -> bool:
    target = str((root / path).readlink())
    if not stays_inside(path, target):
        return False
    tally.count(path, 0)
    info = _info(path, tarfile.SYMTYPE, PERMISSIONS)
    info.linkname = target
    tar.addfile(info)
    tally.add("l", 0, path, target)
    return True


def _pack_file(tar: tarfile.TarFile, tally: Tally, root: Path, path: str) -> bool:
    try:
        descriptor = os.open(root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    with os.fdopen(descriptor, "rb", buffering=0) as source:
        before = os.fstat(descriptor)
        tally.count(path, before.st_size)
        info = _info(path, tarfile.REGTYPE, before.st_mode & PERMISSIONS | OWNER_READS)
        info.size = before.st_size
        reader = _Hashing(source)
        try:
            tar.addfile(info, reader)
        except OSError as error:
            raise Refused(f"{path}: cannot be packed: {error.strerror or error}") from None
        after = os.fstat(descriptor)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise Refused(f"{path}: changed while it was read; try again")
    tally.add("f", info.mode, path, reader.digest.hexdigest())
    return True


def _unpack_entry(
    tar: tarfile.TarFile, info: tarfile.TarInfo, tally: Tally, target: Path, folders: dict[str, int]
) -> None:
    path, mode = info.name, info.mode
    parent, name = posixpath.split(path)
    # Only below folders that were made here: no "..", nothing absolute, no way through a link, nothing twice.
    if parent not in folders or name in ("", ".", "..") or path in folders or "\0" in path or mode & ~PERMISSIONS:
        raise Damaged(f"the snapshot has an entry that no tree has: {path[:200]!r}")
    place = target / path
    tally.count(path, info.size if info.type == tarfile.REGTYPE else 0)
    try:
        if info.type == tarfile.DIRTYPE:
            place.mkdir(mode=0o700)
            folders[path] = mode
            tally.add("d", mode, path, "")
        elif info.type == tarfile.SYMTYPE and stays_inside(path, info.linkname):
            place.symlink_to(info.linkname)
            os.utime(place, (FIXED_MTIME, FIXED_MTIME), follow_symlinks=False)
            tally.add("l", 0, path, info.linkname)
        elif info.type == tarfile.REGTYPE and not info.issparse():
            tally.add("f", mode, path, _unpack_file(tar, info, place))
        else:
            raise Damaged(f"the snapshot has an entry that no tree has: {path[:200]!r}")
    except FileExistsError:
        raise Damaged(f"the snapshot has an entry twice: {path[:200]!r}") from None


def _unpack_file(tar: tarfile.TarFile, info: tarfile.TarInfo, place: Path) -> str:
    content = tar.extractfile(info)
    assert content is not None
    digest = hashlib.sha256()
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with content, os.fdopen(descriptor, "wb", buffering=0) as made:
        while block := content.read(BLOCK_BYTES):
            digest.update(block)
            made.write(block)
        os.fchmod(descriptor, info.mode)
        os.utime(descriptor, (FIXED_MTIME, FIXED_MTIME))
    return digest.hexdigest()


class _Hashing(io.RawIOBase):
    """Reads a file and takes its digest on the way."""

    def __init__(self, source: io.FileIO) -> None:
        self.source, self.digest = source, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block = self.source.read(size)
        self.digest.update(block)
        return block


class _Guarded(io.RawIOBase):
    """A seekable stream that gives no more at a time than honest headers need: a forged one may ask for gigabytes."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= BLOCK_BYTES:
            raise Damaged("the snapshot has a header that is too large")
        return self.stream.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self.stream.seek(offset, whence)

    def tell(self) -> int:
        return self.stream.tell()
