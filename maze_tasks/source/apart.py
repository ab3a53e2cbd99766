"""A file taken apart: its text, what it defines and what it imports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from maze_tasks.source.definitions import Definition, definitions_of
from maze_tasks.source.imports import Imports, imports_of
from maze_tasks.source.masking import masked
from maze_tasks.source.texts import NotText, Text, text_of
from maze_tasks.syntax import ParseBudgetSpent, parse


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
    for one in definitions:
        if one.kind != "import":
            by_name.setdefault(one.name, []).append(one)
    return Source(path, language, text, definitions, by_name, imports_of(text.utf8, language, definitions))


source_of = lru_cache(maxsize=2)(_taken_apart)
"""A file taken apart, kept while it is among the last two that were asked for: its holes come one after the other."""

module_of = lru_cache(maxsize=16)(_taken_apart)
"""The same for files that others import, which the holes of one file ask for again and again."""

part_of = lru_cache(maxsize=64)(_part_taken_apart)
"""The same for parts of other files, given in UTF-8."""
