"""A checkout on disk: its source files in a fixed order, one at a time, and their holes.

No link is followed: what one points to within the tree is found under its own name, and what lies outside is not part
of it. Only a folder's entries and one file are held in memory.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from maze_tasks.errors import InputError
from maze_tasks.models import Hole
from maze_tasks.source.ignoring import Ignoring, globs, ignoring
from maze_tasks.source.scanner import scan
from maze_tasks.source.skipping import REPOSITORY, Reason, is_apart, is_binary, is_generated, is_vendored, other_text
from maze_tasks.source.texts import NotText
from maze_tasks.source.tracked import Tracked, tracked_though_ignored
from maze_tasks.syntax import LANGUAGES, ParseBudgetSpent, language_of

MAX_BYTES: Final = 1024 * 1024
"""Size above which a file is passed over; what people write is smaller."""

_IGNORE_FILE: Final = ".gitignore"
_MAX_IGNORE_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Choice:
    """What of a tree to look at.

    Args:
        languages: languages to read; none means all.
        include: globs of which a file must match one; none means all.
        exclude: globs of files and folders to leave out.
        max_bytes: size above which a file is passed over.
        todo: whether comments that begin with TODO or FIXME are holes.
        vendored: whether to look at vendored and generated code as well.
    """

    languages: frozenset[str] = frozenset()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_bytes: int = MAX_BYTES
    todo: bool = False
    vendored: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or folder that was passed over.

    Args:
        path: relative to the root.
        reason: why.
        detail: what was seen, where something is wrong with it.
    """

    path: str
    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A source file.

    Args:
        path: relative to the root, with ``/`` between its parts.
        language: what it is written in.
        data: its bytes.
    """

    path: str
    language: str
    data: bytes = field(repr=False)


@dataclass(slots=True)
class Summary:
    """What a scan has seen so far: numbers of files, lines, bytes; of what was skipped; of holes.

    `indexed` counts the files of the pass ahead of it, in which definitions are noted.
    """

    indexed: int = 0
    files: int = 0
    lines: int = 0
    bytes: int = 0
    skipped: Counter[Reason] = field(default_factory=Counter)
    holes: Counter[tuple[str, str]] = field(default_factory=Counter)  # by language and scale


def scan_tree(
    root: Path, choice: Choice, summary: Summary, on_skip: Callable[[Skipped], None] | None = None
) -> Iterator[Hole]:
    """Holes of a tree, file by file, in the order of paths.

    Args:
        root: a folder, or one file.
        choice: what of it to look at.
        summary: counts what is seen.
        on_skip: told of everything that is passed over.

    Raises:
        InputError: there is no such folder or file.
        Refused: a glob is wrong, or a grammar is not installed.
    """
    for seen in source_files(root, choice):
        if isinstance(seen, SourceFile):
            summary.files += 1
            summary.lines += seen.data.count(b"\n") + (not seen.data.endswith(b"\n") and seen.data != b"")
            summary.bytes += len(seen.data)
            try:
                for hole in scan(seen.path, seen.data, seen.language, todo=choice.todo):
                    assert hole.state is not None
                    summary.holes[seen.language, hole.state.scale] += 1
                    yield hole
                continue
            except NotText as error:
                skipped = Skipped(seen.path, Reason.UNDECODABLE, str(error))
            except ParseBudgetSpent as error:
                skipped = Skipped(seen.path, Reason.UNPARSED, str(error))
        else:
            skipped = seen
        summary.skipped[skipped.reason] += 1
        if on_skip is not None:
            on_skip(skipped)


def source_files(root: Path, choice: Choice) -> Iterator[SourceFile | Skipped]:
    """Source files of a tree, and what is passed over, in the order of paths.

    Args:
        root: a folder, or one file, which is read whatever its folder's rules say.
        choice: what of it to look at.

    Raises:
        InputError: there is no such folder or file.
        Refused: a glob is wrong.
    """
    try:
        top = root.resolve(strict=True)
        is_folder = top.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError | ValueError)
        raise InputError("there is no such file or folder" if missing else _reason(error), file=str(root)) from None
    walk = _Walk(top if is_folder else top.parent, choice)
    return walk.files() if is_folder else iter(filter(None, [walk.file(top.name, str(top))]))


@dataclass(slots=True)
class _Folder:
    """A folder that is being read.

    Args:
        path: relative to the root.
        rules: those that hold in it.
        is_ignored: whether the rules leave it out, and only what git keeps in it is looked at.
        entries: what of it is still to be looked at.
    """

    path: str
    rules: Ignoring | None
    is_ignored: bool = False
    entries: Iterator[os.DirEntry[str]] = field(default_factory=lambda: iter(()))


class _Walk:
    """One pass over a tree."""

    def __init__(self, top: Path, choice: Choice) -> None:
        self._top, self._choice = str(top).rstrip("/"), choice
        self._include = globs(choice.include) if choice.include else None
        self._exclude = globs(choice.exclude) if choice.exclude else None
        self._languages = choice.languages or frozenset(LANGUAGES)
        self._checkout = next((folder for folder in (top, *top.parents) if (folder / REPOSITORY).exists()), None)
        self._within, self._above = _rules_above(top, self._checkout)

    def files(self) -> Iterator[SourceFile | Skipped]:
        """All files below the top, without recursion: a tree may be deeper than Python's stack."""
        pending: list[_Folder] = []
        seen: SourceFile | Skipped | _Folder | None = _Folder("", self._above)
        while pending or seen is not None:
            if isinstance(seen, _Folder):
                pending.append(seen)
                seen = self._enter(seen)
            if seen is not None:
                yield seen
            entry = next(pending[-1].entries, None)
            seen = None if entry is None else self._entry(pending[-1], entry)
            if entry is None:
                pending.pop()

    def file(self, path: str, at: str) -> SourceFile | Skipped | None:
        """One file, read; None where it is in no language that is asked for."""
        language = language_of(path)
        if language is None or self._is_excluded(path):
            return None if language is None else Skipped(path, Reason.EXCLUDED)
        if language not in self._languages and not (language == "c" and "cpp" in self._languages):
            return Skipped(path, Reason.EXCLUDED)
        try:
            data = read_bytes(at, self._choice.max_bytes)
        except OSError as error:
            return Skipped(path, Reason.UNREADABLE, _reason(error))
        if data is None:
            return Skipped(path, Reason.OVERSIZED)
        if is_binary(data):
            named = other_text(data)
            return (
                Skipped(path, Reason.UNDECODABLE, f"is {named}, not UTF-8") if named else Skipped(path, Reason.BINARY)
            )
        if not self._choice.vendored and is_generated(path.rpartition("/")[2], data):
            return Skipped(path, Reason.GENERATED)
        language = language_of(path, data)
        if language not in self._languages:
            return Skipped(path, Reason.EXCLUDED)
        return SourceFile(path, language, data)

    def _enter(self, folder: _Folder) -> Skipped | None:
        """List a folder, with the rules that hold in it; or why it is passed over."""
        path = folder.path
        try:
            with os.scandir(self._at(path)) as listing:
                entries = sorted(listing, key=_order)
        except OSError as error:
            return Skipped(path or ".", Reason.UNREADABLE, _reason(error))
        names = {entry.name for entry in entries}
        if path:
            if not self._choice.vendored and is_vendored(path.rpartition("/")[2], names):
                return Skipped(path, Reason.VENDORED)
            if REPOSITORY in names and self._checkout is not None:
                return Skipped(path, Reason.VENDORED)  # a submodule or a checkout of something else
        if _IGNORE_FILE in names:
            folder.rules = _rules_in(self._at(path), self._from_checkout(path), folder.rules)
        folder.entries = iter(entries)
        return None

    def _entry(self, folder: _Folder, entry: os.DirEntry[str]) -> SourceFile | Skipped | _Folder | None:
        """What becomes of an entry: a file, nothing, or a folder to enter."""
        path = f"{folder.path}/{entry.name}" if folder.path else entry.name
        is_folder = entry.is_dir(follow_symlinks=False)
        if is_apart(entry.name):
            return None
        if not (is_folder or language_of(entry.name)):
            return Skipped(path, Reason.LINK) if _is_linked_folder(entry) else None
        if not _is_utf8(entry.name):
            return Skipped(_shown(path), Reason.UNREADABLE, "its name is not UTF-8")
        if entry.is_symlink():
            return Skipped(path, Reason.LINK)
        is_ignored = folder.is_ignored or self._ignores(folder.rules, path, is_folder=is_folder)
        if is_ignored and not self._tracked.holds(self._from_checkout(path), is_folder=is_folder):
            return Skipped(path, Reason.IGNORED)
        if is_folder:
            excluded = self._is_excluded(path, is_folder=True)
            return Skipped(path, Reason.EXCLUDED) if excluded else _Folder(path, folder.rules, is_ignored)
        return self.file(path, self._at(path)) if entry.is_file(follow_symlinks=False) else None

    def _at(self, path: str) -> str:
        return f"{self._top}/{path}" if path else self._top or "/"

    def _from_checkout(self, path: str) -> str:
        """A path relative to the top of the checkout, to which the rules are relative."""
        return f"{self._within}/{path}".rstrip("/") if self._within else path

    def _ignores(self, rules: Ignoring | None, path: str, *, is_folder: bool) -> bool:
        return rules is not None and rules.ignores(self._from_checkout(path), is_folder=is_folder)

    @cached_property
    def _tracked(self) -> Tracked:
        """What is kept though it is ignored; git is asked once something is."""
        return tracked_though_ignored(self._checkout) if self._checkout is not None else Tracked()

    def _is_excluded(self, path: str, *, is_folder: bool = False) -> bool:
        if self._exclude is not None and self._exclude.match(path, is_folder=is_folder):
            return True
        return not is_folder and self._include is not None and not self._include.match(path)


def _rules_above(top: Path, checkout: Path | None) -> tuple[str, Ignoring | None]:
    """Where a folder is in the checkout that it is part of, and the rules that hold there; none outside of any.

    Rules that leave out the folder itself do not count: it was asked for by name.
    """
    if checkout is None:
        return "", None
    within = "" if top == checkout else top.relative_to(checkout).as_posix()
    rules = ignoring("", _read_rules(str(_repository_of(checkout) / "info" / "exclude")))
    parts = within.split("/") if within else []
    for count, part in enumerate(parts):
        base = "/".join(parts[:count])
        rules = _rules_in(str(checkout / base), base, rules)
        if rules is not None and rules.ignores(f"{base}/{part}".lstrip("/"), is_folder=True):
            return within, None
    return within, rules


def _repository_of(checkout: Path) -> Path:
    """The folder of a checkout's repository, which worktrees and submodules only point to (gitrepository-layout(5))."""
    folder = checkout / REPOSITORY
    said = _read_rules(str(folder)).removeprefix(b"gitdir:").strip()
    if said:
        folder = checkout / os.fsdecode(said)
        common = _read_rules(str(folder / "commondir")).strip()
        return folder / os.fsdecode(common) if common else folder
    return folder


def _rules_in(folder: str, base: str, above: Ignoring | None) -> Ignoring | None:
    return ignoring(base, _read_rules(f"{folder}/{_IGNORE_FILE}"), above)


def _read_rules(path: str) -> bytes:
    """The content of a file of rules; nothing where there is none, or where git would not read it."""
    try:
        return read_bytes(path, _MAX_IGNORE_BYTES) or b""
    except (OSError, ValueError):  # ValueError: a NUL in a name that a file told us
        return b""


def read_bytes(path: str, limit: int) -> bytes | None:
    """The bytes of a regular file, or None if there are more than `limit`.

    Args:
        path: of a file; a link is not followed, and nothing is waited for.
        limit: bytes.

    Raises:
        OSError: it cannot be read, or is a link or no file by now.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("is not a regular file")
        if status.st_size > limit:
            return None
        data = stream.read(limit + 1)
    return data if len(data) <= limit else None


def _order(entry: os.DirEntry[str]) -> bytes:
    """Sorts entries so that the paths of all files are in order: a folder as what its files' names begin with."""
    return os.fsencode(entry.name) + (b"/" if entry.is_dir(follow_symlinks=False) else b"")


def _is_linked_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_symlink() and entry.is_dir()
    except OSError:
        return False


def _is_utf8(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _shown(path: str) -> str:
    return path.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or "cannot be read"
