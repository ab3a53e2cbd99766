"""The code around a hole, and what may stand in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from maze_tasks.errors import Refused
from maze_tasks.models import Hole, Place
from maze_tasks.syntax import LANGUAGES, Node, ParseBudgetSpent, Tree, language_of, parse
from maze_tasks.validation.grammar import (
    BLOCK_FIELDS,
    BLOCKS,
    CLASSES,
    FUNCTIONS,
    PLACEHOLDERS,
    is_docstring,
    name_of,
    parameters_of,
)
from maze_tasks.validation.lines import Line, indent_of, lines_of, opens, tokens, unit_of
from maze_tasks.validation.outline import Outline, chain, outline

PARSE_BUDGET_S = 3.0  # processor time for one text: a fill that needs more is none
_KNOWN_FRAMES = 16  # a hole is looked at several times in a row, by its candidates
_LEVELS = 8  # depths of indentation that a hole of unknown depth may have
_ALSO = {
    "py": "python",
    "python3": "python",
    "rs": "rust",
    "golang": "go",
    "ts": "typescript",
    "js": "javascript",
    "jsx": "javascript",
    "node": "javascript",
    "c++": "cpp",
    "cxx": "cpp",
    "cc": "cpp",
}


@dataclass(frozen=True, slots=True)
class Owner:
    """The function that a hole stands in.

    Args:
        name: its name.
        parameters: its parameters without white space.
        indent: white space ahead of it.
        whole: whether the hole is all of its body, but for a docstring.
        opened: whether its body begins ahead of the hole, with a docstring or with statements.
    """

    name: str
    parameters: str
    indent: str
    whole: bool
    opened: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """One way in which a fill may fit.

    Args:
        outline: the surroundings with something in the hole that fits.
        text: what that was.
        indent: white space that the lines of a fill begin with.
        owner: the innermost function around the hole, if any.
        classes: names of the classes around the hole, outermost first.
        only_definitions: whether only functions and classes may stand there.
    """

    outline: Outline
    text: str
    indent: str
    owner: Owner | None
    classes: tuple[str, ...]
    only_definitions: bool = False

    @property
    def sound(self) -> bool:
        """Whether the surroundings parse around the hole, so that they can be compared."""
        return not self.outline.broken and bool(self.outline.guests)

    @property
    def statements(self) -> bool:
        """Whether statements may stand there."""
        rows = self.outline.rows
        return any(rows[row][1] in BLOCKS or field in BLOCK_FIELDS for row, field in self.outline.homes)


@dataclass(frozen=True, slots=True)
class Frame:
    """The code around a hole.

    Args:
        language: the language that it and its fills are read as; None where there is no grammar for it.
        before: code ahead of the hole.
        after: code behind it.
        known: whether there is any code around the hole.
        whole: whether the file is known from its begin, so that a line of it has a number.
        newline: how lines end in the file; None where that is not known or not uniform.
        references: ways in which a fill may fit, the most likely first; empty where nothing is known.
        marker: the text that stands in the hole, if known.
    """

    language: str | None
    before: str
    after: str
    known: bool
    whole: bool
    newline: str | None
    references: tuple[Reference, ...]
    marker: str = ""

    @property
    def indent(self) -> str:
        """White space that the lines of a fill begin with."""
        return self.references[0].indent if self.references else ""

    @property
    def owner(self) -> Owner | None:
        """The innermost function around the hole, if any."""
        return self.references[0].owner if self.references else None

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes around the hole, outermost first."""
        return self.references[0].classes if self.references else ()

    @property
    def statements(self) -> bool:
        """Whether statements may stand in the hole, rather than a piece of one."""
        return any(reference.statements for reference in self.references)

    @property
    def left(self) -> str:
        """The text ahead of the hole in its first line."""
        return self.before[self.before.rfind("\n") + 1 :]

    def read(self, code: str) -> Tree | None:
        """The tree of the surroundings with `code` in the hole; None where it cannot be read in time."""
        return read(self.language, f"{self.before}{code}{self.after}")


def read(language: str | None, text: str) -> Tree | None:
    """The tree of a text; None without a grammar, or where reading takes too long."""
    if language is None:
        return None
    try:
        return parse(language, text.encode("utf-8", "replace"), budget_s=PARSE_BUDGET_S)
    except (Refused, ParseBudgetSpent):
        return None


def frame_of(hole: Hole, file_text: str | None = None) -> Frame:
    """The code around a hole.

    Args:
        hole: the hole.
        file_text: the file as it was scanned, line ends and all, if at hand; used where its digest is that of the
            hole's place, because the hole's own prefix and suffix may be windows of it.
    """
    before, after, marker, whole = _around(hole, file_text)
    known = bool(before or after)
    place = hole.place
    return _frame(
        _language(hole),
        before,
        after,
        marker,
        place.indent if place else None,
        _newline(before, after, place),
        known,
        whole,
    )


@lru_cache(maxsize=_KNOWN_FRAMES)
def _frame(
    language: str | None,
    before: str,
    after: str,
    marker: str,
    indent: str | None,
    newline: str | None,
    known: bool,  # noqa: FBT001 - all are positions of the cache's key
    whole: bool,  # noqa: FBT001
) -> Frame:
    references = tuple(_references(language, before, after, marker, indent)) if language and known else ()
    return Frame(language, before, after, known, whole, newline, references, marker)


def _around(hole: Hole, file_text: str | None) -> tuple[str, str, str, bool]:
    """Code before and after, what stands in the hole, and whether that is the whole file."""
    place = hole.place
    before, after = hole.prefix or "", hole.suffix or ""
    if place is None:
        return before, after, "", True
    if file_text is not None:
        cut = _cut(file_text, place)
        if cut is not None:
            return (*cut, True)
    whole = len(before.encode("utf-8", "replace")) == place.start
    return before, after, place.marker, whole


def _cut(file_text: str, place: Place) -> tuple[str, str, str] | None:
    """The file cut at the hole, or None where it is not the file that was scanned."""
    try:
        data = file_text.encode(place.encoding)
        if hashlib.sha256(data).hexdigest() != place.sha256 or not place.start <= place.end <= len(data):
            return None
        before, marker, after = data[: place.start], data[place.start : place.end], data[place.end :]
        return before.decode(place.encoding), after.decode(place.encoding), marker.decode(place.encoding)
    except (UnicodeError, LookupError):
        return None


def _language(hole: Hole) -> str | None:
    named = (hole.language or "").strip().lower()
    named = _ALSO.get(named, named)
    if not named:
        path = hole.path or (hole.place.path if hole.place else None)
        named = (language_of(path) if path else None) or ""
    if named == "typescript" and (hole.path or "").endswith(".tsx"):
        named = "tsx"
    return named if named in LANGUAGES and read(named, "") is not None else None


def _newline(before: str, after: str, place: Place | None) -> str | None:
    """How the lines around end, where they all do so alike; else as the place says."""
    crlf = before.count("\r\n") + after.count("\r\n")
    lines = before.count("\n") + after.count("\n")
    if not lines:
        return place.newline if place else None
    return "\r\n" if crlf == lines else "\n" if not crlf else None


def _references(language: str, before: str, after: str, marker: str, indent: str | None) -> Iterator[Reference]:
    """Ways to fit, the most likely first; where none is sound, the one with the least that does not parse."""
    found = []
    for text in _placeholders(language, before, after, marker, indent):
        reference = _reference(language, before, after, text)
        if reference is None:
            continue
        found.append(reference)
        if reference.sound and not reference.outline.faults and not _at_line_start(language, before):
            break
        if reference.sound and indent is not None:
            break
    sound = [reference for reference in found if reference.sound]
    if not sound:
        yield from sorted(found, key=lambda one: len(one.outline.faults) + len(one.outline.broken))[:1]
        return
    best = min(len(reference.outline.faults) for reference in sound)
    yield from _distinct([one for one in sound if len(one.outline.faults) == best], before)


def _distinct(references: list[Reference], before: str) -> Iterator[Reference]:
    """One of each depth: those in the innermost function, and those further out as the place of new definitions."""
    first = references[0]
    seen = set()
    apart = before.endswith(("\n\n", "\n\r\n")) and not (first.owner and first.owner.whole)
    for one in references:
        key = (one.outline.rows, one.outline.homes)
        if key in seen:
            continue
        seen.add(key)
        if _same_owner(one, first):
            yield one
        elif apart:
            yield Reference(one.outline, one.text, one.indent, one.owner, one.classes, only_definitions=True)


def _same_owner(one: Reference, other: Reference) -> bool:
    def named(reference: Reference) -> tuple[str, str, str] | None:
        owner = reference.owner
        return (owner.name, owner.parameters, owner.indent) if owner else None

    return named(one) == named(other)


def _at_line_start(language: str, before: str) -> bool:
    """Whether the depth of a fill is open: python, and nothing ahead of the hole in its line."""
    return language == "python" and (not before or before.endswith("\n"))


def _placeholders(language: str, before: str, after: str, marker: str, indent: str | None) -> Iterator[str]:
    if marker.strip():
        yield marker
    if language != "python":
        yield from PLACEHOLDERS[language]
        return
    if not _at_line_start(language, before):
        placeholders = PLACEHOLDERS[language]
        yield from placeholders if before[before.rfind("\n") + 1 :].strip() else reversed(placeholders)
        return
    end = "" if after.startswith(("\n", "\r\n")) and not before else "\n"
    levels = _levels(before)
    for level in levels if indent is None else [indent, *levels]:
        yield f"{level}pass{end}"


def _levels(before: str) -> list[str]:
    """Indentations that a line behind `before` may have, the deepest first."""
    begun = [line for line in lines_of(before, "python") if line.begins]
    if begun and opens(_statement(before, begun[-1])):
        return [begun[-1].indent + unit_of(before)]
    found: list[str] = []
    for line in reversed(begun):
        if not found or len(line.indent.expandtabs(8)) < len(found[-1].expandtabs(8)):
            found.append(line.indent)
    return [*found, *([] if "" in found else [""])][:_LEVELS]


def _statement(before: str, line: Line) -> str:
    """The last statement of a text, which begins with `line`, in one line and without comments."""
    text = before[before.rfind(line.text) :]
    for kind, start, end in reversed(list(tokens(text, "python"))):
        if kind == "comment":
            text = text[:start] + text[end:]
    return text.strip()


def _reference(language: str, before: str, after: str, text: str) -> Reference | None:
    tree = read(language, f"{before}{text}{after}")
    if tree is None:
        return None
    start = len(before.encode("utf-8", "replace"))
    end = start + len(text.encode("utf-8", "replace"))
    around = outline(tree, start, end)
    piece = tree.data[start:end]
    tight_start, tight_end = start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())
    nodes = chain(tree, tight_start, tight_end)
    owner = next((node for node in reversed(nodes) if node.type in FUNCTIONS), None)
    own = indent_of(text) if not before or before.endswith("\n") else indent_of(before[before.rfind("\n") + 1 :])
    classes = tuple(name_of(tree, node) for node in nodes if node.type in CLASSES)
    return Reference(
        around, text, own, _owner(tree, owner, tight_start, tight_end) if owner is not None else None, classes
    )


def _owner(tree: Tree, node: Node, start: int, end: int) -> Owner:
    line = tree.data[tree.data.rfind(b"\n", 0, node.start_byte) + 1 : node.start_byte]
    body = node.child_by_field_name("body")
    whole = opened = False
    if body is not None:
        statements = _statements(body)
        within = [one for one in statements if start <= one.start_byte and one.end_byte <= end]
        ahead = [one for one in statements if one.end_byte <= start]
        opened = bool(ahead)
        rest = ahead[1:] if ahead and is_docstring(ahead[0]) else ahead
        whole = bool(within) and not rest and len(ahead) + len(within) == len(statements)
    return Owner(
        name_of(tree, node), parameters_of(tree, node), indent_of(line.decode(errors="replace")), whole, opened
    )


def _statements(body: Node) -> list[Node]:
    """What a body holds, without its braces."""
    inner = [child for child in body.children if child.is_named and not child.is_extra]
    if len(inner) == 1 and inner[0].type == "statement_list":
        return _statements(inner[0])
    return inner
