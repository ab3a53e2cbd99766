"""Reading hole lines: one JSON object a line, checked, with the place of everything that is wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from pydantic import ValidationError

from maze_tasks.decide.dependencies import Graph, cycle, never_ready, unknown_dependency
from maze_tasks.errors import InputError
from maze_tasks.models import Hole, explain, read_hole
from maze_tasks.names import HoleId
from maze_tasks.spool import open_input
from maze_tasks.strict_json import JsonProblem, kind_of, parse_json

MAX_LINE_BYTES: Final = 16 * 1024 * 1024  # a longer line is some other file
_MAX_REASONS = 3  # of one line, in one message
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")

OnSkip = Callable[[InputError], None]
OnHole = Callable[["NumberedHole"], None]


@dataclass(frozen=True, slots=True)
class NumberedHole:
    """A hole and where it stands.

    Args:
        line: its line in the input, from 1.
        hole: the hole.
    """

    line: int
    hole: Hole


@dataclass(frozen=True, slots=True)
class Survey:
    """What an input holds.

    Args:
        holes: number of holes.
        digest: fingerprint of their lines in order, 64 hexadecimal digits; blank and skipped lines, line endings and
            a byte order mark do not count.
        wrong: number of lines left out because they are wrong.
        stranded: ids of holes left out because what they depend on is not there.
        ordered: whether holes depend on holes.
    """

    holes: int
    digest: str
    wrong: int
    stranded: frozenset[HoleId] = frozenset()
    ordered: bool = False

    @property
    def skipped(self) -> int:
        """Number of lines left out."""
        return self.wrong + len(self.stranded)


def read_holes(
    source: str | Path,
    *,
    skip_invalid: bool = False,
    limit: int | None = None,
    on_skip: OnSkip | None = None,
    surveyed: Survey | None = None,
) -> Iterator[NumberedHole]:
    """Holes of an input, as they are read.

    No id comes twice, nor both as a number and as text. Only ids are kept in memory, and nothing where a survey has
    left out no line. Standard input and pipes are kept in a temporary file until the process ends, so that they can be
    read as often as a file.

    Args:
        source: a file of hole lines, ``-`` for standard input.
        skip_invalid: whether to leave out lines that are wrong instead of refusing the input.
        limit: end after that many holes; None means all.
        on_skip: told of each line left out.
        surveyed: what `survey` found with the same arguments; those that are stranded are left out.

    Raises:
        InputError: the input cannot be read, or a line of it is wrong; with file, line and field.
    """
    seen = None if surveyed is not None and not surveyed.wrong else dict[HoleId, int]()
    without = surveyed.stranded if surveyed is not None else ()
    for _, numbered in _read(source, skip_invalid=skip_invalid, limit=limit, on_skip=on_skip, seen=seen):
        if numbered.hole.id not in without:
            yield numbered


def survey(
    source: str | Path,
    *,
    skip_invalid: bool = False,
    limit: int | None = None,
    on_skip: OnSkip = lambda _: None,
    on_hole: OnHole = lambda _: None,
) -> Survey:
    """Check a whole input before anything of it is used.

    `read_holes` with the same arguments and what this gives back gives the same holes.

    Args:
        source: as for `read_holes`.
        skip_invalid: as for `read_holes`; holes that depend on one that is left out or is not there, and holes in a
            circle, are left out as well.
        limit: as for `read_holes`; what lies behind it is not checked.
        on_skip: as for `read_holes`; told of those that are stranded at the end.
        on_hole: told of each hole taken, stranded or not; what it raises ends the survey.

    Raises:
        InputError: as for `read_holes`; or, unless `skip_invalid`, a hole depends on one that is not there, or holes
            depend on one another in a circle.
    """
    wrong = 0
    lines: dict[HoleId, int] = {}
    graph: dict[HoleId, tuple[HoleId, ...]] = {}
    digest = hashlib.sha256()

    def count(error: InputError) -> None:
        nonlocal wrong
        wrong += 1
        on_skip(error)

    for content, numbered in _read(source, skip_invalid=skip_invalid, limit=limit, on_skip=count, seen=lines):
        if numbered.hole.depends_on:
            graph[numbered.hole.id] = numbered.hole.depends_on
        on_hole(numbered)
        digest.update(content + b"\n")
    stranded = never_ready(graph, lines) if skip_invalid else {}
    if not stranded:
        refuse_disorder(graph, lines, str(source))
        return Survey(len(lines), digest.hexdigest(), wrong, ordered=bool(graph))
    for hole, other in stranded.items():
        on_skip(_strands(hole, other, lines, str(source)))
    left = _digest_of(source, skip_invalid=skip_invalid, limit=limit, without=stranded)
    ordered = any(hole not in stranded for hole in graph)
    return Survey(len(lines) - len(stranded), left, wrong, frozenset(stranded), ordered)


def _digest_of(source: str | Path, *, skip_invalid: bool, limit: int | None, without: Container[HoleId]) -> str:
    digest = hashlib.sha256()
    for content, numbered in _read(source, skip_invalid=skip_invalid, limit=limit, on_skip=None, seen={}):
        if numbered.hole.id not in without:
            digest.update(content + b"\n")
    return digest.hexdigest()


def _strands(hole: HoleId, other: HoleId, lines: Mapping[HoleId, int], name: str) -> InputError:
    """Why a hole is left out that is right by itself."""
    why = "which is left out as well" if other in lines else "which is not among the holes taken"
    return InputError(f"the hole {hole!r} depends on {other!r}, {why}", file=name, line=lines[hole], field="depends_on")


def refuse_disorder(graph: Graph, lines: Mapping[HoleId, int], name: str) -> None:
    """Refuse dependencies that can never be kept, before anything is spent.

    Args:
        graph: holes and what they depend on.
        lines: every hole with its line.
        name: the input.

    Raises:
        InputError: a hole depends on one that is not there, or holes depend on one another in a circle.
    """
    if (missing := unknown_dependency(graph, lines)) is not None:
        hole, other = missing
        reason = f"the hole {hole!r} depends on {other!r}, which is not among the holes taken"
        raise InputError(reason, file=name, line=lines[hole], field="depends_on")
    if (circle := cycle(graph)) is not None:
        shown = " → ".join(repr(one) for one in [*circle[:10], circle[0]])
        raise InputError(f"holes depend on one another: {shown}", file=name, line=lines[circle[0]], field="depends_on")


def _read(
    source: str | Path,
    *,
    skip_invalid: bool,
    limit: int | None,
    on_skip: OnSkip | None,
    seen: dict[HoleId, int] | None,
) -> Iterator[tuple[bytes, NumberedHole]]:
    """Each hole with the bytes of its line; `seen`, empty at first, gets the line of each, None: no id comes twice."""
    name, count = str(source), 0
    if limit is not None and limit <= 0:
        return
    for line, content in _numbered_lines(source):
        try:
            hole = _hole_of(content, name, line)
            if seen is not None:
                _refuse_twin(hole.id, seen, name, line)
        except InputError as error:
            if not skip_invalid:
                raise
            if on_skip is not None:
                on_skip(error)
            continue
        if seen is not None:
            seen[hole.id] = line
        count += 1
        yield content, NumberedHole(line, hole)
        if count == limit:
            return


def _hole_of(content: bytes, name: str, line: int) -> Hole:
    """The hole of one line.

    Raises:
        InputError: the line is too long, not UTF-8, not JSON or no hole.
    """
    if len(content) > MAX_LINE_BYTES:
        raise InputError(f"longer than {MAX_LINE_BYTES >> 20} MiB", file=name, line=line)
    try:
        value = parse_json(content.decode())
    except UnicodeDecodeError as error:
        raise InputError(_not_utf8(content, error), file=name, line=line) from None
    except JsonProblem as problem:
        raise InputError(problem.reason, file=name, line=line, field=problem.field) from None
    if not isinstance(value, dict):
        hint = "; write each element on a line of its own" if isinstance(value, list) else ""
        raise InputError(f"must be a JSON object, not {kind_of(value)}{hint}", file=name, line=line)
    try:
        return read_hole(value)
    except ValidationError as error:
        (field, reason), *others = explain(error)
        more = [f"{place}: {why}" if place else why for place, why in others[: _MAX_REASONS - 1]]
        raise InputError("; ".join([reason, *more]), file=name, line=line, field=field or None) from None


def _not_utf8(content: bytes, error: UnicodeDecodeError) -> str:
    if content.startswith(_UTF16):
        return "not UTF-8 but UTF-16; write the file as UTF-8"
    return f"not UTF-8: byte {content[error.start]:#04x} at byte {error.start + 1} of the line"


def _refuse_twin(hole_id: HoleId, seen: dict[HoleId, int], name: str, line: int) -> None:
    """Refuse an id that is taken, or that an id of the other type looks the same as.

    Source: PROTOCOL, "Cache, money, ids": ids are typed inside, plain outside, so 5 and "5" cannot both be shown.
    """
    if (first := seen.get(hole_id)) is not None:
        raise InputError(f"the id {hole_id!r} stands on line {first} too", file=name, line=line, field="hole_id")
    twin = _twin(hole_id)
    if twin is not None and (first := seen.get(twin)) is not None:
        reason = f"the id {hole_id!r} cannot be told from {twin!r} on line {first}: one is a number, one is text"
        raise InputError(reason, file=name, line=line, field="hole_id")


def _twin(hole_id: HoleId) -> HoleId | None:
    """The id of the other type that is written alike, if there is one."""
    if isinstance(hole_id, int):
        return str(hole_id)
    is_number = hole_id.isascii() and hole_id.isdigit() and (hole_id == "0" or not hole_id.startswith("0"))
    return int(hole_id) if is_number else None


def _numbered_lines(source: str | Path) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, stripped, with their numbers; of one that is too long only its beginning."""
    with open_input(source) as stream:
        number = 0
        while content := _read_line(stream, str(source)):
            number += 1
            if number == 1:
                content = content.removeprefix(_BOM)
            if len(content) > MAX_LINE_BYTES:
                _skip_rest(stream, content, str(source))
            if stripped := content.strip():
                yield number, stripped


def _read_line(stream: BinaryIO, name: str) -> bytes:
    try:
        return stream.readline(MAX_LINE_BYTES + 2)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=name) from None


def _skip_rest(stream: BinaryIO, content: bytes, name: str) -> None:
    while content and not content.endswith(b"\n"):
        content = _read_line(stream, name)
