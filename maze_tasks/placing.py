"""The holes of one text of code: found in it, or handed in and found again at their places. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Final

from maze_tasks.decide.dependencies import cycle
from maze_tasks.errors import ConfigError, InputError
from maze_tasks.models import Hole, HoleState, HoleStateStatus, Place
from maze_tasks.names import HoleId
from maze_tasks.source.context import context_of
from maze_tasks.source.scanner import scan
from maze_tasks.source.texts import NotText, text_of
from maze_tasks.syntax import LANGUAGES, ParseBudgetSpent, language_of

_SUFFIXES: Final = {"python": "py", "rust": "rs", "typescript": "ts", "javascript": "js"}  # of others it is their name
_ALIASES: Final = {"c++": "cpp", "golang": "go"}
_ORIGIN: Final = re.compile(r"(?:(?!\d+:\d+\Z)(?P<path>.*?):)?(?P<line>\d{1,18})(?::(?P<column>\d{1,18}))?", re.DOTALL)
_SHOWN: Final = 10  # places that a message names
GIVEN: Final = "holes"  # what stands for a file's name in errors about what was handed in


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a hole says that it is.

    Args:
        path: the file; empty where it names none.
        line: from 1, None where it names none.
        column: from 1, in code points, None where it names none.
    """

    path: str
    line: int | None = None
    column: int | None = None


def origin_of(hole: Hole) -> Origin:
    """The origin of a hole, taken apart; `file:line:column` of which each part but one may be missing."""
    if hole.place is not None:
        return Origin(hole.place.path, hole.place.line, hole.place.column)
    said = hole.state.origin if hole.state is not None else ""
    found = _ORIGIN.fullmatch(said)
    if found is None:
        return Origin(said if ":" not in said else "")
    column = found["column"]
    return Origin(found["path"] or "", int(found["line"]), int(column) if column else None)


def language_for(given: Sequence[Hole], language: str | None, path: str | None) -> tuple[str, str]:
    """What a text is written in, and what its file is called.

    Args:
        given: the holes handed in.
        language: what was said of it: a name, or the suffix of its files.
        path: its file, if that was said.

    Raises:
        ConfigError: nobody says the language, or it is none of those that can be read.
        InputError: the holes are of two files.
    """
    paths = dict.fromkeys(filter(None, [path, *(origin_of(hole).path or hole.path for hole in given)]))
    if path is None and len(paths) > 1:
        one, other, *_ = paths
        raise InputError(f"holes of two files, {one!r} and {other!r}, and one text of code", file=GIVEN, field="origin")
    known = next(iter(paths), None)
    spoken = language or next((hole.language for hole in given if hole.language), None)
    found = _named(spoken) if spoken else language_of(known) if known else None
    if found is None:
        what = "name the language of the code" if spoken is None else f"no such language: {spoken[:40]!r}"
        raise ConfigError(f"{what}; known: {', '.join(LANGUAGES)}", field="language")
    return found, known or f"code.{_SUFFIXES.get(found, found)}"


def _named(language: str) -> str | None:
    name = language.strip().lower()
    name = _ALIASES.get(name, name)
    return name if name in LANGUAGES else language_of(f"code.{name.lstrip('.')}")


@dataclass(slots=True)
class Text:
    """One text of code in which holes are sought.

    Args:
        code: the text.
        language: what it is written in.
        path: what its file is called.

    Raises:
        InputError: it cannot be read.
    """

    code: str = field(repr=False)
    language: str
    path: str
    _data: bytes = field(init=False, repr=False)
    _encoding: str = field(init=False)
    _found: dict[bool, list[Hole]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            self._data = self.code.encode()
            # A text may say of itself that its file is not UTF-8: it is read as that file.
            self._encoding = text_of(self._data, self.language).encoding
            self._data = self.code.encode(self._encoding)
        except (NotText, UnicodeError) as error:
            raise InputError(f"cannot be read: {error}", file="code") from None

    def holes(self, *, todo: bool = False) -> list[Hole]:
        """Its holes in order, with those that comments with TODO are where `todo` is set.

        Raises:
            InputError: it takes too long to parse.
            Refused: there is no grammar for its language.
        """
        if todo not in self._found:
            try:
                self._found[todo] = list(scan(self.path, self._data, self.language, todo=todo))
            except (NotText, ParseBudgetSpent) as error:
                raise InputError(f"cannot be read: {error}", file="code") from None
        return self._found[todo]

    def worked_out(self, hole: Hole) -> Hole:
        """A hole of this text with pieces of it that help to fill it, its place counted in UTF-8."""
        assert hole.place is not None
        wanted = [one.value for one in hole.spec.fill_constraints if one.kind == "must_use_binding"]
        pieces = context_of(self._data, self.language, hole.place, names=wanted)
        place = hole.place if self._encoding == "utf-8" else self._in_utf8(hole.place)
        return hole.model_copy(update={"pieces": (*hole.pieces, *pieces), "place": place})

    def _in_utf8(self, place: Place) -> Place:
        def at(offset: int) -> int:
            return len(self._data[:offset].decode(self._encoding).encode())

        digest = hashlib.sha256(self.code.encode()).hexdigest()
        new = {"start": at(place.start), "end": at(place.end), "sha256": digest, "encoding": "utf-8"}
        return place.model_copy(update=new)


def found_in(text: Text) -> list[Hole]:
    """All holes of a text.

    Raises:
        InputError: the text cannot be read.
        Refused: there is no grammar for its language.
    """
    return [text.worked_out(hole) for hole in text.holes()]


def placed_in(text: Text, given: Sequence[Hole]) -> list[Hole]:
    """Holes that were handed in, each with its place in a text and what is known from there.

    A hole is found by its line and column, by its id where that is the scanner's, by its line where one hole stands
    there; those that say nothing of the kind are the holes left over, in order, where there are as many. A hole whose
    fill the text has already has no place.

    Raises:
        InputError: a hole is not found, or two are the same.
        Refused: there is no grammar for the text's language.
    """
    places: dict[int, Hole] = {}
    there: set[int] = set()
    for number, hole in enumerate(given):
        exact = _exact(text, origin_of(hole))
        if exact is None and _is_there(text, hole):
            there.add(number)
        elif (found := exact or _sought(text, hole, number + 1)) is not None:
            places[number] = found
    _refuse_twice(given, places)
    taken = {hole.id for hole in places.values()}
    left = [hole for hole in text.holes() if hole.id not in taken]
    rest = [number for number in range(len(given)) if number not in places and number not in there]
    if rest and len(rest) != len(left):
        reason = f"the hole {given[rest[0]].id!r} says no place, and {len(left)} holes of the code may be meant"
        raise InputError(reason, file=GIVEN, line=rest[0] + 1, field="origin")
    places.update(zip(rest, left, strict=False))
    _refuse_overlaps(given, places)
    needs = _needs(given, places)
    return [
        text.worked_out(_merged(hole, places[number], needs[hole.id])) if number in places else hole
        for number, hole in enumerate(given)
    ]


def _needs(given: Sequence[Hole], places: dict[int, Hole]) -> dict[HoleId, tuple[HoleId, ...]]:
    """What each hole depends on: what was said of it, and what the text shows where the two do not make a circle."""
    said = {hole.id: hole.depends_on for hole in given}
    ids = {found.id: given[number].id for number, found in places.items()}
    both = dict(said)
    for number, found in places.items():
        own = given[number]
        shown = (ids[one] for one in found.depends_on if one in ids)
        both[own.id] = tuple(dict.fromkeys((*own.depends_on, *shown)))
    return said if cycle(both) is not None else both


def _exact(text: Text, origin: Origin) -> Hole | None:
    """The hole that begins at a line and column."""
    for holes in (text.holes, partial(text.holes, todo=True)):
        for hole in holes() if origin.column is not None else ():
            assert hole.place is not None
            if (hole.place.line, hole.place.column) == (origin.line, origin.column):
                return hole
    return None


def _is_there(text: Text, hole: Hole) -> bool:
    """Whether a hole is filled, with a fill that the text has already."""
    fill = settled_fill(hole)
    return fill is not None and bool(fill.strip()) and fill.strip() in text.code


def settled_fill(hole: Hole) -> str | None:
    """The fill of a hole that was handed in with one; None where it is to be filled."""
    return hole.state.current_fill if hole.state and hole.state.status is HoleStateStatus.FILLED else None


def _sought(text: Text, hole: Hole, number: int) -> Hole | None:
    """The hole of a text that is meant by its id or by its line, None where neither says anything.

    Raises:
        InputError: it says a place where there is none.
    """
    if (same := next((one for one in text.holes() if one.id == hole.id), None)) is not None:
        return same
    origin = origin_of(hole)
    if origin.line is None:
        return None
    for holes in (text.holes(), text.holes(todo=True)):
        on_line = [one for one in holes if one.place is not None and one.place.line == origin.line]
        if len(on_line) == 1:
            return on_line[0]
    at = f"line {origin.line}" + (f", column {origin.column}" if origin.column else "")
    shown = [f"{one.place.line}:{one.place.column}" for one in text.holes()[:_SHOWN] if one.place]
    there = f"it has holes at {', '.join(shown)}" if shown else "it has none"
    raise InputError(f"the code has no hole at {at}; {there}", file=GIVEN, line=number, field="origin")


def _refuse_twice(given: Sequence[Hole], places: dict[int, Hole]) -> None:
    first: dict[HoleId, int] = {}
    for number, found in places.items():
        earlier = first.setdefault(found.id, number)
        if earlier != number:
            reason = f"the holes {given[earlier].id!r} and {given[number].id!r} are at one place"
            raise InputError(reason, file=GIVEN, line=number + 1, field="origin")


def _refuse_overlaps(given: Sequence[Hole], places: dict[int, Hole]) -> None:
    """Refuse two holes of which only one could be filled: a comment that asks for something within another hole."""
    ordered = sorted((hole.place.start, hole.place.end, number) for number, hole in places.items() if hole.place)
    for (_, end, one), (start, _, other) in pairwise(ordered):
        if start < end:
            reason = f"the holes {given[one].id!r} and {given[other].id!r} overlap"
            raise InputError(reason, file=GIVEN, line=other + 1, field="origin")


def _merged(hole: Hole, found: Hole, depends_on: tuple[HoleId, ...]) -> Hole:
    """What was handed in of a hole, with what the text says of it."""
    assert found.state is not None
    own = hole.spec.fill_constraints
    wished = tuple(one for one in found.spec.fill_constraints if one not in own)
    seen = {
        "spec": hole.spec.model_copy(update={"fill_constraints": (*own, *wished)}),
        "state": _state(hole, found.state),
        "max_tokens": hole.max_tokens or found.max_tokens,
        "depends_on": depends_on,
        "prefix": found.prefix,
        "suffix": found.suffix,
        "language": found.language,
        "path": found.path,
        "place": found.place,
    }
    return hole.model_copy(update=seen)


def _state(hole: Hole, found: HoleState) -> HoleState:
    if hole.state is None:
        return found.model_copy(update={"id": hole.id, "depends_on": hole.depends_on})
    if hole.state.expected_type is None and found.expected_type is not None:
        return hole.state.model_copy(update={"expected_type": found.expected_type})
    return hole.state


def marker_offset(data: bytes, place: Place) -> int:
    """Where the marker of a hole begins, as an offset into its text in UTF-8."""
    start = 0
    for _ in range(place.line - 1):
        start = data.index(b"\n", start) + 1
    line = data[start:].split(b"\n", 1)[0].decode()
    bom = "\ufeff" if place.line == 1 and line.startswith("\ufeff") else ""
    return start + len((bom + line.removeprefix(bom)[: place.column - 1]).encode())


def position(data: bytes, offset: int) -> tuple[int, int]:
    """Line and column of an offset into a text in UTF-8, both from 1, columns in code points."""
    start = data.rfind(b"\n", 0, offset) + 1
    ahead = data[start:offset].decode()
    return data.count(b"\n", 0, offset) + 1, len(ahead.removeprefix("\ufeff") if start == 0 else ahead) + 1
