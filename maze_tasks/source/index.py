"""Where in a tree each name is defined: filled file by file, in little memory however large the tree is.

It holds names and places, no text: what a definition says is read when it is needed. It is a database of SQLite in a
temporary file that has no name; only a part of it is in memory at a time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from maze_tasks.errors import MazeError
from maze_tasks.source.definitions import Definition, Kind, definitions_of
from maze_tasks.source.texts import NotText, text_of
from maze_tasks.syntax import ParseBudgetSpent, parse

MAX_DEFINITIONS: Final = 2_000_000
"""Definitions that an index holds at most, about 100 bytes of disk each; a million lines have some 50,000."""

_MAX_OF_A_FILE: Final = 1000  # generated tables would crowd out what people wrote
_MAX_OF_A_NAME: Final = 64  # places of one name that are given back; `main` is in every tree a hundred times
_MAX_OF_A_MODULE: Final = 4096  # files of one name that are looked through for the nearest

_KINDS: Final[tuple[Kind, ...]] = ("function", "type", "value")

_BY_FILE: Final = frozenset({"c", "cpp", "zig"})  # languages that import files by their names

# Languages that call what is defined in each other's files.
_FAMILIES: Final = {"typescript": "ecma", "tsx": "ecma", "javascript": "ecma", "c": "c", "cpp": "c"}

# Rows are found by their names once all are there, so the indexes are made then. Names are bytes: SQLite's text has no
# surrogates. `last` is the last part of what imports call a file.
_TABLES: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -4096;
CREATE TABLE file (no INTEGER PRIMARY KEY, path BLOB, language TEXT, last BLOB);
CREATE TABLE package (path BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE definition (name BLOB, family TEXT, file INTEGER, start INTEGER, stop INTEGER, kind INTEGER);
BEGIN;
"""
_INDEXES: Final = """
CREATE INDEX IF NOT EXISTS by_name ON definition (name, family);
CREATE INDEX IF NOT EXISTS by_last ON file (last);
"""
_FOUND: Final = """
SELECT path, language, kind, start, stop FROM definition JOIN file ON file.no = definition.file
WHERE name = ? AND family = ? ORDER BY definition.rowid LIMIT ?
"""


class Entry(NamedTuple):
    """Where a name is defined; `start` and `end` are byte offsets into the file's text in UTF-8."""

    name: str
    path: str
    language: str
    kind: Kind
    start: int
    end: int


class Index:
    """Names of a tree and where they are defined.

    Every method raises `MazeError` where the temporary file cannot be written or read.

    Args:
        read: gives the bytes of a file of the tree, None where it is gone.
        most: definitions to hold; those of later files are left out.
    """

    def __init__(self, read: Callable[[str], bytes | None], most: int = MAX_DEFINITIONS) -> None:
        self.read, self.most = read, most
        self._files = self._definitions = 0
        with _translated():
            self._rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            self._rows.executescript(_TABLES)
        self._is_sorted = False

    def close(self) -> None:
        """Give back the temporary file; the index is of no use then."""
        self._rows.close()

    def __del__(self) -> None:
        if rows := getattr(self, "_rows", None):
            rows.close()

    def __len__(self) -> int:
        """Definitions held."""
        return self._definitions

    @property
    def is_full(self) -> bool:
        """Whether something was left out because there was too much."""
        return len(self) >= self.most

    def add(self, path: str, language: str, data: bytes) -> bool:
        """Add what a file defines for others.

        Args:
            path: its path, relative to the root, with ``/`` between its parts; not added before.
            language: what it is written in.
            data: its bytes.

        Returns:
            Whether it could be read; what is no text or takes too long to parse is passed over.

        Raises:
            Refused: there is no grammar for that language.
        """
        if self.is_full:
            return False
        try:
            text = text_of(data, language)
            definitions = definitions_of(parse(language, text.utf8))
        except (NotText, ParseBudgetSpent):
            return False
        with _translated():
            self._note_file(path, language)
            left = min(_MAX_OF_A_FILE, self.most - len(self))
            for definition in definitions:
                if left == 0:
                    break
                begin = text.line_start(definition.start)
                is_first = not text.utf8[begin : definition.start].strip()
                left -= self._note(language, definition, begin if is_first else definition.start)
        return True

    def find(self, name: str, language: str) -> list[Entry]:
        """The first places where a name is defined for code in that language, in the order of files."""
        found = self._asked(_FOUND, (_bytes(name), _family(language), _MAX_OF_A_NAME))
        return [
            Entry(name.rstrip("."), _text(path), own, _KINDS[kind], start, end) for path, own, kind, start, end in found
        ]

    def members(self, name: str, language: str) -> list[Entry]:
        """Functions of a type that stand outside of its definition."""
        return [entry for entry in self.find(f"{name}.", language) if entry.kind == "function"]

    def modules(self, parts: tuple[str, ...], near: str, *, absolute: bool) -> list[str]:
        """Files that a dotted name of a Python module may mean, those next to `near` first.

        Args:
            parts: such as ``("a", "b")``, with which ``src/a/b.py`` and ``src/a/b/__init__.py`` end.
            near: path of the file that asks.
            absolute: whether the parts are all there are, so that what is ahead of them is no package: ``import json``
                does not mean ``a/json.py`` of a package ``a``.
        """
        found = []
        for path, language in self._called(parts[-1]) if parts else ():
            own = module_parts(path)
            ahead = "/".join(own[: -len(parts)])
            fits = language == "python" and own[-len(parts) :] == parts
            if fits and not (absolute and self._is_package(ahead)):
                found.append(path)
        return sorted(found, key=lambda path: (-shared(path, near), len(path), path))

    def included(self, name: str, near: str) -> list[tuple[str, str]]:
        """Files that ``#include "name"`` or ``@import("name")`` may mean, with their languages, those near first."""
        own = name.lstrip("./").split("/")
        files = [one for one in self._called(own[-1]) if one[1] in _BY_FILE and one[0].split("/")[-len(own) :] == own]
        return sorted(files, key=lambda one: (-shared(one[0], near), len(one[0]), one[0]))

    def _note_file(self, path: str, language: str) -> None:
        last = None
        if language in _BY_FILE:
            last = path.rpartition("/")[2]
        elif language == "python":
            last = module_parts(path)[-1]
            if path.endswith("/__init__.py"):
                self._rows.execute("INSERT OR IGNORE INTO package VALUES (?)", (_bytes(path.rpartition("/")[0]),))
        self._files += 1
        row = (self._files, _bytes(path), language, None if last is None else _bytes(last))
        self._rows.execute("INSERT INTO file VALUES (?, ?, ?, ?)", row)

    def _note(self, language: str, definition: Definition, start: int) -> int:
        """Hold a definition of the latest file under the names by which it may be sought; 1 if there are any."""
        kept = 0
        for name in _keys(definition, language):
            kind = _KINDS.index(definition.kind)
            row = (_bytes(name), _family(language), self._files, start, definition.end, kind)
            self._rows.execute("INSERT INTO definition VALUES (?, ?, ?, ?, ?, ?)", row)
            kept = 1
        self._definitions += kept
        return kept

    def _called(self, last: str) -> Iterator[tuple[str, str]]:
        """Files whose name ends the name of an import, with their languages."""
        asked = "SELECT path, language FROM file WHERE last = ? ORDER BY no LIMIT ?"
        for path, language in self._asked(asked, (_bytes(last), _MAX_OF_A_MODULE)):
            yield _text(path), language

    def _is_package(self, folder: str) -> bool:
        return bool(self._asked("SELECT 1 FROM package WHERE path = ?", (_bytes(folder),)))

    def _asked(self, query: str, values: tuple[Any, ...]) -> list[Any]:
        with _translated():
            if not self._is_sorted:
                self._rows.executescript(_INDEXES)
                self._is_sorted = True
            return self._rows.execute(query, values).fetchall()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise MazeError(f"cannot keep an index of the tree in a temporary file: {error}") from None


def _bytes(name: str) -> bytes:
    return name.encode(errors="surrogatepass")


def _text(name: bytes) -> str:
    return name.decode(errors="surrogatepass")


def module_parts(path: str) -> tuple[str, ...]:
    """The parts of a path without the suffix; ``a/b/__init__.py`` is what it stands for, a and b."""
    *folders, name = path.split("/")
    stem, _, suffix = name.partition(".")
    return tuple(folders) if folders and stem in _OF_THE_FOLDER.get(suffix, ()) else (*folders, stem)


# Files that stand for the folder they are in, by suffix.
_OF_THE_FOLDER: Final = {
    "py": ("__init__",),
    "rs": ("mod", "lib"),
    **dict.fromkeys(("ts", "tsx", "js", "jsx", "mjs", "cjs"), ("index",)),
}


def shared(one: str, other: str) -> int:
    """How many folders two paths have in common from the root on."""
    count = 0
    for left, right in zip(one.split("/")[:-1], other.split("/")[:-1], strict=False):
        if left != right:
            break
        count += 1
    return count


def _family(language: str) -> str:
    return _FAMILIES.get(language, language)


def _keys(definition: Definition, language: str) -> Iterator[str]:
    """Names by which other files may mean a definition: its own, and that of its type with a dot.

    Members of a class are left out: they are found in its definition. Where functions stand beside the definition of
    their type, or in namespaces, they are not.
    """
    if definition.kind == "import" or not definition.name:
        return
    in_scope = definition.kind == "function" and bool(definition.scope) and language in _APART
    if definition.kind == "type" or not definition.scope or (in_scope and language != "go"):
        yield definition.name
    if in_scope:
        yield f"{definition.scope[-1]}."


_APART: Final = frozenset({"go", "rust", "c", "cpp"})
