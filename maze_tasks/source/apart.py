"""A file taken apart: its text, what it defines and what it imports."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from maze_tasks.source.definitions import Definition, definitions_of
from maze_tasks.source.imports import Imports, imports_of
from maze_tasks.source.masking import masked
from maze_tasks.source.texts import NotText, Text, text_of
from maze_tasks.syntax import ParseBudgetSpent, parse

NEAR: Final = 200
"""Definitions of a scope that are looked at for one hole: it may have as many holes, and must not take their square."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it is looked at for context.

    Args:
        path: its path in the tree.
        language: what it is written in.
        text: its text.
        definitions: what it defines, its imports among them.
        by_name: the definitions that have a name, by it.
        imports: what it imports.
    """

    path: str
    language: str
    text: Text = field(repr=False)
    definitions: Sequence[Definition] = field(repr=False)
    by_name: Mapping[str, Sequence[Definition]] = field(repr=False)
    imports: Imports = field(repr=False)
    _by_scope: Mapping[tuple[str, ...], Sequence[Definition]] = field(repr=False)
    _starts: Sequence[int] = field(repr=False)
    _parents: Sequence[int] = field(repr=False)  # of each definition the number of the one it is in; -1 for none

    def of_scope(self, scope: tuple[str, ...], offset: int) -> Sequence[Definition]:
        """The definitions of a scope, of more than `NEAR` those about a place: what is further off helps little."""
        every = self._by_scope.get(scope, ())
        first = bisect_left(every, offset, key=lambda one: one.start) - NEAR // 2
        first = max(min(first, len(every) - NEAR), 0)
        return every[first : first + NEAR]

    def within(self, definition: Definition) -> Sequence[Definition]:
        """The definitions that begin within another one."""
        first, end = (bisect_left(self._starts, at) for at in (definition.start, definition.end))
        return self.definitions[first:end]

    def around(self, start: int, end: int) -> list[Definition]:
        """The definitions that hold a piece of the text, the outermost first."""
        last = bisect_right(self._starts, start) - 1
        numbers: set[int] = set()
        for inner in (last, last - 1):  # a place at the end of a body may be the beginning of what follows
            at = inner
            while at >= 0 and at not in numbers:
                numbers.add(at)
                at = self._parents[at]
        found = (self.definitions[number] for number in sorted(numbers))
        return [one for one in found if one.kind != "import" and one.holds(start) and one.end >= end]


def _taken_apart(path: str, data: bytes, language: str) -> Source | None:
    """A file taken apart; None where it is no text or takes too long to parse.

    Raises:
        Refused: there is no grammar for that language.
    """
    return _from_text(path, data, language, encoded_as=language)


def _part_taken_apart(path: str, utf8: bytes, language: str) -> Source | None:
    """A part of a file's text, which is UTF-8 whatever encoding the file names."""
    return _from_text(path, utf8, language, encoded_as="")


def _from_text(path: str, data: bytes, language: str, *, encoded_as: str) -> Source | None:
    try:
        text = text_of(data, encoded_as)
        # Holes that are comments stand for code: without them the code around may not parse.
        tree = parse(language, masked(language, text.utf8).data)
    except (NotText, ParseBudgetSpent):
        return None
    definitions = definitions_of(tree)
    by_name: dict[str, list[Definition]] = {}
    by_scope: dict[tuple[str, ...], list[Definition]] = {}
    for one in definitions:
        by_scope.setdefault(one.scope, []).append(one)
        if one.kind != "import":
            by_name.setdefault(one.name, []).append(one)
    imports = imports_of(text.utf8, language, definitions)
    starts = [one.start for one in definitions]
    return Source(path, language, text, definitions, by_name, imports, by_scope, starts, _parents_of(definitions))


def _parents_of(definitions: Sequence[Definition]) -> list[int]:
    parents: list[int] = []
    open_: list[int] = []
    for number, one in enumerate(definitions):
        while open_ and definitions[open_[-1]].end <= one.start:
            open_.pop()
        parents.append(open_[-1] if open_ else -1)
        open_.append(number)
    return parents


source_of = lru_cache(maxsize=2)(_taken_apart)
"""A file taken apart, kept while it is among the last two that were asked for: its holes come one after the other."""

module_of = lru_cache(maxsize=16)(_taken_apart)
"""The same for files that others import, which the holes of one file ask for again and again."""

part_of = lru_cache(maxsize=64)(_part_taken_apart)
"""The same for parts of other files, given in UTF-8."""
