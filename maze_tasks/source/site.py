"""A hole in its file: what is around it, and what finds the names it mentions."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from maze_tasks.models import Place
from maze_tasks.source.apart import Source
from maze_tasks.source.definitions import Definition
from maze_tasks.source.index import Index
from maze_tasks.source.resolving import Resolver


@dataclass(frozen=True)
class Site:
    """A hole in its file.

    Args:
        source: the file.
        place: where the hole is.
        start: where it begins in the file's text in UTF-8.
        end: where it ends there.
        around: definitions that hold it, the outermost first.
        resolver: finds what names stand for there.
    """

    source: Source
    place: Place
    start: int
    end: int
    around: tuple[Definition, ...] = field(repr=False)
    resolver: Resolver = field(repr=False)

    @cached_property
    def function(self) -> Definition | None:
        """The outermost function that it is in."""
        return next((one for one in self.around if one.kind == "function"), None)

    @cached_property
    def type_around(self) -> Definition | None:
        """The innermost type that it is in."""
        return next((one for one in reversed(self.around) if one.kind == "type"), None)

    @cached_property
    def scope(self) -> tuple[str, ...]:
        """Names of the types and spaces that it is in."""
        innermost = self.function or (self.around[-1] if self.around else None)
        return () if innermost is None else innermost.scope

    def _sees(self, definition: Definition) -> bool:
        """Whether a definition of a scope that the hole is in can be meant there: it is not around it."""
        return definition.kind != "import" and definition not in self.around

    @cached_property
    def seen(self) -> list[Definition]:
        """The definitions that it sees, in the order of the file."""
        scopes = (self.scope[:length] for length in range(len(self.scope) + 1))
        near = (one for scope in scopes for one in self.source.of_scope(scope, self.start))
        return sorted((one for one in near if self._sees(one)), key=lambda one: one.start)

    @cached_property
    def siblings(self) -> list[Definition]:
        """Other functions of the same scope, the nearest first."""
        own = self.function
        same = [
            one
            for one in self.source.of_scope(self.scope, self.start)
            if one.kind == "function" and one is not own and one.body is not None
        ]
        return sorted(same, key=lambda one: min(abs(one.start - self.end), abs(one.end - self.start)))


def site_of(source: Source, place: Place, index: Index | None) -> Site | None:
    """The site of a hole; None where the file has no such place.

    Args:
        source: the file.
        place: where the hole is.
        index: definitions of the other files, if known.
    """
    text = source.text
    if not place.start <= place.end <= len(text.data):
        return None
    start, end = _without_space(text.utf8, *(_in_utf8(source, offset) for offset in (place.start, place.end)))
    around = source.around(start, end)
    scope = (*around[-1].scope, around[-1].name) if around else ()
    return Site(source, place, start, end, tuple(around), Resolver(source, scope, index))


def _without_space(data: bytes, start: int, end: int) -> tuple[int, int]:
    """A span without the white space at its ends, where there is more to it."""
    piece = data[start:end]
    if not piece.strip():
        return start, end
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def _in_utf8(source: Source, offset: int) -> int:
    """Where in the file's text in UTF-8 an offset of the file is."""
    text = source.text
    if text.data is text.utf8:
        return offset
    return len(text.data[:offset].decode(text.encoding, "replace").encode(errors="replace"))
