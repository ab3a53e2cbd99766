"""Names that a hole is likely to need, by what mentions them, and how likely that makes it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from maze_tasks.source.definitions import Definition
from maze_tasks.source.outlines import lines_of, without_docstring
from maze_tasks.source.references import (
    Chain,
    chains,
    chains_in_prose,
    chains_in_signature,
    chains_used,
    types_in_prose,
    word_counts,
    words_of,
)
from maze_tasks.source.site import Site

# How likely it is that a hole needs a name, from 0 to 1, by what mentions it.
IN_SIGNATURE: Final = 0.9
ASKED_FOR: Final = 0.88
AROUND: Final = 0.8
IN_DOCSTRING: Final = 0.75
IN_FIELDS: Final = 0.65
UNUSED: Final = 0.6  # what is there and used nowhere is likely to be there for the hole
ALIKE: Final = 0.55
OF_SIBLINGS: Final = 0.4

_LINES_AROUND: Final = 40  # of the function that a hole is in, on each side
_STEM: Final = 5  # letters that two words have in common at their beginning if they are about the same thing
_SIBLINGS: Final = 4  # nearest functions whose calls are taken for what the hole may call too
_MAKERS: Final = ("__init__", "constructor")
_EXPORTED: Final = re.compile(rb"\b(?:pub|public|export|extern|protected|test|Test|Override)\b")
_CALLED_FROM_OUTSIDE: Final = frozenset({"main", "init"})


class Mentioned(NamedTuple):
    """Names that one thing mentions.

    Args:
        weight: how likely it is that the hole needs one of them.
        chains: the names.
        most: definitions to show of them at most.
        only_types: whether only types are meant.
    """

    weight: float
    chains: Iterable[Chain]
    most: int
    only_types: bool = False


def mentions(site: Site, asked_for: Iterable[str]) -> Iterator[Mentioned]:
    """Names that a hole is likely to need, the likeliest first.

    Args:
        site: the hole in its file.
        asked_for: names that the fill is asked to use.
    """
    for signature in _signatures(site):
        yield Mentioned(IN_SIGNATURE, chains_in_signature(signature, site.source.language), 10)
    yield Mentioned(ASKED_FOR, [chain for name in asked_for for chain in chains(name)], 10)
    if site.place.kind != "body":
        yield Mentioned(AROUND, chains_used(_code_around(site)), 8)
    yield Mentioned(IN_DOCSTRING, chains_in_prose(site.place.docstring or ""), 6)
    yield Mentioned(IN_DOCSTRING, types_in_prose(site.place.docstring or ""), 4, only_types=True)
    yield Mentioned(IN_FIELDS, chains_used(_field_code(site)), 5)
    yield Mentioned(UNUSED, _unused(site), 5)
    yield Mentioned(ALIKE, _alike(site), 4)
    yield Mentioned(OF_SIBLINGS, chains_used(_sibling_code(site)), 6)


def _sibling_code(site: Site) -> str:
    utf8, language = site.source.text.utf8, site.source.language
    bodies = [one.body for one in site.siblings[:_SIBLINGS] if one.body is not None]
    return b"\n".join(without_docstring(utf8, language, body) for body in bodies).decode(errors="replace")


def _field_code(site: Site) -> str:
    """What the fields of the type around a hole are declared as, and what makes one is given."""
    source, utf8 = site.source, site.source.text.utf8
    if site.type_around is None:
        return "\n".join(found.text for name in site.scope[-1:] for found in site.resolver.find_type(name))
    values = [one for one in source.of_scope(site.scope, site.start) if one.kind == "value"]
    parts = [utf8[one.head : one.end] for one in values]
    makers = (one for name in (*_MAKERS, site.type_around.name) for one in source.by_name.get(name, ()))
    parts += [
        utf8[one.head : one.body[0]]
        for one in makers
        if one.scope == site.scope and one.body is not None and one is not site.function
    ]
    return b"\n".join(parts).decode(errors="replace")


def _signatures(site: Site) -> Iterator[str]:
    """What the functions around a hole are declared as: the innermost as the scanner read it, the outermost."""
    function, utf8 = site.function, site.source.text.utf8
    if site.place.signature:
        yield site.place.signature
    if function is not None:
        yield lines_of(utf8, function.head, function.body[0] if function.body else site.start)


def _code_around(site: Site) -> str:
    """The lines of the function around a hole that are nearest to it."""
    utf8, function = site.source.text.utf8, site.function
    start, end = (0, len(utf8)) if function is None else (function.start, function.end)
    before = utf8[start : site.start].decode(errors="replace").splitlines()[-_LINES_AROUND:]
    after = utf8[site.end : max(end, site.end)].decode(errors="replace").splitlines()[:_LINES_AROUND]
    return "\n".join((*before, *after))


def _unused(site: Site) -> Iterator[Chain]:
    """What is imported, or defined for the file itself, and mentioned nowhere else in it."""
    utf8 = site.source.text.utf8
    counts = _counts(utf8)
    for name, imported in site.source.imports.names.items():
        said = 1 + (imported.name == name == imported.module)
        if counts[name.encode()] == said:
            yield (name,)
    for one in site.seen:
        if one.kind != "type" and counts[one.name.encode()] == 1 and _is_private(one, site.source.language, utf8):
            yield _from_here(site, one)


def _alike(site: Site) -> Iterator[Chain]:
    """What else of the file is named for the same thing as the function around a hole: ``plurals`` of ``pluralize``."""
    function = site.function
    stems = {word[:_STEM] for word in words_of(function.name if function is not None else "") if len(word) >= _STEM}
    if not stems:
        return
    for one in site.seen:
        if stems.intersection(word[:_STEM] for word in words_of(one.name)):
            yield _from_here(site, one)


def _from_here(site: Site, definition: Definition) -> Chain:
    """How a hole would call a definition of its file."""
    is_member = site.type_around is not None and definition.scope == site.scope
    return ("self", definition.name) if is_member else (definition.name,)


def _is_private(definition: Definition, language: str, data: bytes) -> bool:
    """Whether a definition is for its own file, as far as its language or its name tells."""
    name = definition.name
    if language == "python":
        return (name.startswith("_") or definition.kind == "value") and not name.endswith("__")
    if language == "go":
        return name[:1].islower() and name not in _CALLED_FROM_OUTSIDE
    ahead = data[definition.start : definition.body[0] if definition.body else definition.end]
    if language in ("c", "cpp"):
        return b"static" in ahead.split()
    return _EXPORTED.search(ahead) is None and name not in _CALLED_FROM_OUTSIDE


_counts = lru_cache(maxsize=2)(word_counts)  # of the file whose holes are looked at one after the other
