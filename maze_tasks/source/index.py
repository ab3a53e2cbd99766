"""Where in a tree each name is defined: filled file by file, bounded however large the tree is.

It holds names and places, no text: what a definition says is read when it is needed.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from maze_tasks.source.definitions import Definition, Kind, definitions_of
from maze_tasks.source.texts import NotText, text_of
from maze_tasks.syntax import ParseBudgetSpent, parse

MAX_DEFINITIONS: Final = 200_000
"""Definitions that an index holds at most, about 200 bytes each; a million lines of code have some 50,000."""

MAX_FILES: Final = 100_000
_MAX_OF_A_FILE: Final = 1000  # generated tables would crowd out what people wrote
_MAX_OF_A_NAME: Final = 64  # places of one name; `main` is in every tree a hundred times

_KINDS: Final[tuple[Kind, ...]] = ("function", "type", "value")

_BY_FILE: Final = frozenset({"c", "cpp", "zig"})  # languages that import files by their names

# Languages that call what is defined in each other's files.
_FAMILIES: Final = {"typescript": "ecma", "tsx": "ecma", "javascript": "ecma", "c": "c", "cpp": "c"}


class Entry(NamedTuple):
    """Where a name is defined; `start` and `end` are byte offsets into the file's text in UTF-8."""

    name: str
    path: str
    language: str
    kind: Kind
    start: int
    end: int


@dataclass(slots=True)
class Index:
    """Names of a tree and where they are defined.

    Args:
        read: gives the bytes of a file of the tree, None where it is gone.
        most: definitions to hold; those of later files are left out.
    """

    read: Callable[[str], bytes | None]
    most: int = MAX_DEFINITIONS
    _paths: list[str] = field(default_factory=list)
    _languages: list[str] = field(default_factory=list)
    _names: dict[str, array[int]] = field(default_factory=dict)
    _rows: array[int] = field(default_factory=lambda: array("Q"))  # file, start, end, kind of each definition in turn
    _modules: dict[str, array[int]] = field(default_factory=dict)  # files by the last part of what imports call them
    _packages: set[str] = field(default_factory=set)  # folders with an `__init__.py`

    def __len__(self) -> int:
        """Definitions held."""
        return len(self._rows) // 4

    @property
    def is_full(self) -> bool:
        """Whether something was left out because there was too much."""
        return len(self) >= self.most or len(self._paths) >= MAX_FILES

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
        number = len(self._paths)
        self._paths.append(path)
        self._languages.append(language)
        if language in _BY_FILE:
            self._modules.setdefault(path.rpartition("/")[2], array("L")).append(number)
        elif language == "python":
            self._modules.setdefault(module_parts(path)[-1], array("L")).append(number)
            if path.endswith("/__init__.py"):
                self._packages.add(path.rpartition("/")[0])
        left = min(_MAX_OF_A_FILE, self.most - len(self))
        for definition in definitions:
            if left == 0:
                break
            begin = text.line_start(definition.start)
            is_first = not text.utf8[begin : definition.start].strip()
            left -= self._note(number, definition, begin if is_first else definition.start)
        return True

    def find(self, name: str, language: str) -> list[Entry]:
        """All places where a name is defined for code in that language, in the order of files."""
        return [entry for entry in self._entries(name) if _family(entry.language) == _family(language)]

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
        for number in self._modules.get(parts[-1], ()) if parts else ():
            path = self._paths[number]
            own = module_parts(path)
            ahead = "/".join(own[: -len(parts)])
            if own[-len(parts) :] == parts and not (absolute and ahead in self._packages):
                found.append(path)
        return sorted(found, key=lambda path: (-shared(path, near), len(path), path))

    def included(self, name: str, near: str) -> list[tuple[str, str]]:
        """Files that ``#include "name"`` or ``@import("name")`` may mean, with their languages, those near first."""
        own = name.lstrip("./").split("/")
        numbers = [one for one in self._modules.get(own[-1], ()) if self._paths[one].split("/")[-len(own) :] == own]
        numbers.sort(key=lambda one: (-shared(self._paths[one], near), len(self._paths[one]), self._paths[one]))
        return [(self._paths[one], self._languages[one]) for one in numbers]

    def _entries(self, name: str) -> Iterator[Entry]:
        for row in self._names.get(name, ()):
            number, start, end, kind = self._rows[4 * row : 4 * row + 4]
            yield Entry(name.rstrip("."), self._paths[number], self._languages[number], _KINDS[kind], start, end)

    def _note(self, number: int, definition: Definition, start: int) -> int:
        """Hold a definition under the names by which it may be sought; 1 if there was room under one of them."""
        held = 0
        for name in _keys(definition, self._languages[number]):
            rows = self._names.setdefault(name, array("L"))
            if len(rows) < _MAX_OF_A_NAME:
                rows.append(len(self))
                held = 1
        if held:
            self._rows.extend((number, start, definition.end, _KINDS.index(definition.kind)))
        return held


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
