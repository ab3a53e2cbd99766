"""The code around a hole, and what may stand in it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice

from maze_tasks.models import Hole, Place
from maze_tasks.record import record
from maze_tasks.syntax import LANGUAGES, Tree, language_of
from maze_tasks.validation.lines import closings, unclosed
from maze_tasks.validation.references import Owner, Reference, further_references, references_of
from maze_tasks.validation.trees import read

_KNOWN_FRAMES = 16  # a hole is looked at several times in a row, by its candidates
_PLACES_TRIED = 6  # where a window may be read from
_BEGINS = re.compile(r"^[ \t]*(?:def|class|async def|@)\b", re.MULTILINE)
_GOES_ON = re.compile(r"[^\s;{}:]\n\Z")  # a line that the next one goes on with
_REMARK = re.compile(r"\A[ \t]*#[^\n]*")
_WITHIN = re.compile(
    r"\s*(?:(?:else|catch|finally|case|default|do|try|if|for|while|switch|loop|match)\b|[})\],.?:&|+*-])"
)
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


@record
class _Around:
    """What of the code around a hole is known.

    Args:
        before: code ahead of the hole.
        after: code behind it.
        marker: what stands in it.
        whole: whether `before` is all there is ahead.
        complete: whether that, and `after` is all there is behind.
        line: line of the file that the hole begins in, from 1, if known.
    """

    before: str
    after: str
    marker: str = ""
    whole: bool = True
    complete: bool = True
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """The code around a hole.

    Args:
        language: the language that it and its fills are read as; None where there is no grammar for it.
        before: code ahead of the hole.
        after: code behind it.
        known: whether there is any code around the hole.
        whole: whether `before` is all there is ahead of the hole.
        complete: whether all of the file is known.
        newline: how lines end in the file; None where that is not known or not uniform.
        references: ways in which a fill may fit, the most likely first; empty where nothing is known.
        marker: the text that stands in the hole, if known.
        line: line of the file that the fill begins in, from 1, if known.
    """

    language: str | None
    before: str
    after: str
    known: bool
    whole: bool
    complete: bool
    newline: str | None
    references: tuple[Reference, ...]
    marker: str = ""
    line: int | None = None
    _further: list[tuple[Reference, ...]] = field(default_factory=list, repr=False, compare=False)

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
    def inline(self) -> bool:
        """Whether a block is to stand there in the line that opens it."""
        return self.statements and bool(self.left.strip()) and self.left.rstrip().endswith((":", "{"))

    @property
    def inner(self) -> bool:
        """Whether the hole is all there is between two braces."""
        return self.before.rstrip().endswith("{") and self.after.lstrip().startswith("}")

    @property
    def left(self) -> str:
        """The text ahead of the hole in its first line."""
        return self.before[self.before.rfind("\n") + 1 :]

    def further(self) -> tuple[Reference, ...]:
        """Other ways in which a fill may fit, looked for when they are first asked for."""
        if not self._further:
            known = self.language is not None and bool(self.references) and not self.marker.strip()
            around = (self.language or "", self.before, self.after, self.references)
            self._further.append(tuple(further_references(*around)) if known else ())
        return self._further[0]

    def read(self, code: str) -> Tree | None:
        """The tree of the surroundings with `code` in the hole; None where it cannot be read in time."""
        return read(self.language, f"{self.before}{code}{self.after}")


def frame_of(hole: Hole, file_text: str | None = None) -> Frame:
    """The code around a hole.

    Args:
        hole: the hole.
        file_text: the file as it was scanned, line ends and all, if at hand; used where its digest is that of the
            hole's place, because the hole's own prefix and suffix may be windows of it.
    """
    around = _around(hole, file_text)
    if _language(hole) == "python" and not around.before.rpartition("\n")[2].strip():
        # The remark at the end of the hole's line would belong to the last statement of a fill, however deep that is.
        around = replace(around, after=_REMARK.sub("", around.after))
    newline = _newline(around.before, around.after, hole.place)
    return _frame(_language(hole), around, hole.place.indent if hole.place else None, newline)


@lru_cache(maxsize=_KNOWN_FRAMES)
def _frame(language: str | None, around: _Around, indent: str | None, newline: str | None) -> Frame:
    before, after, marker = around.before, around.after, around.marker
    known = bool(before or after)
    references: tuple[Reference, ...] = ()
    if language and known:
        references = tuple(references_of(language, before, after, marker, indent))
        narrower = () if around.complete or any(map(_clean, references)) else _narrower(language, before, after)
        for ahead, behind in narrower:
            found = tuple(references_of(language, ahead, behind, marker, indent))
            better = any(one.sound for one in found) and not any(one.sound for one in references)
            if better or any(map(_clean, found)):
                before, after, references = ahead, behind, found
            if any(map(_clean, found)):
                break
    if known and not references:
        language = None  # the file itself takes too long to read: nothing can be judged in it
    whole = around.whole and before == around.before
    return Frame(language, before, after, known, whole, around.complete, newline, references, marker, around.line)


def _clean(reference: Reference) -> bool:
    return reference.sound and not reference.outline.faults


def _narrower(language: str, before: str, after: str) -> Iterator[tuple[str, str]]:
    """Smaller windows that may parse by themselves: one that was cut begins within a string or deep in a block."""
    if language == "python":
        for match in islice(_BEGINS.finditer(before), _PLACES_TRIED):
            yield before[match.start() :], after
        return
    opened = unclosed(before, language)[-_PLACES_TRIED:]
    ends = closings(after, language, len(opened))
    for depth in range(min(len(opened), len(ends)), 0, -1):
        ahead = before[_header(before, opened[-depth]) :]
        if not _WITHIN.match(ahead):
            yield ahead, after[: ends[depth - 1]]


def _header(before: str, brace: int) -> int:
    """Where the lines begin that lead to an opening brace: behind a blank line, or one that ends something."""
    start = before.rfind("\n", 0, brace) + 1
    while (start and not before[start:brace].strip()) or _GOES_ON.search(before[:start]):
        start = before.rfind("\n", 0, start - 1) + 1
    return start


def _around(hole: Hole, file_text: str | None) -> _Around:
    place = hole.place
    before, after = hole.prefix or "", hole.suffix or ""
    if place is None:
        return _Around(before, after, line=before.count("\n") + 1)
    cut = _cut(file_text, place) if file_text is not None else None
    if cut is not None:
        return cut
    try:
        whole = len(before.encode(place.encoding, "replace")) == place.start
        behind = place.size is not None and len(after.encode(place.encoding, "replace")) == place.size - place.end
    except LookupError:
        whole = behind = False
    line = not before or before.endswith("\n")
    # A marker is kept in its usual spelling; whole lines of it have the hole's indentation.
    marker = f"{place.indent}{place.marker}\n" if line and place.marker.strip() else place.marker
    return _Around(before, after, marker, whole=whole, complete=whole and behind, line=place.line)


def _cut(file_text: str, place: Place) -> _Around | None:
    """The file cut at the hole, or None where it is not the file that was scanned."""
    try:
        data = file_text.encode(place.encoding)
        if hashlib.sha256(data).hexdigest() != place.sha256 or not place.start <= place.end <= len(data):
            return None
        before, marker, after = data[: place.start], data[place.start : place.end], data[place.end :]
        ahead, held = before.decode(place.encoding), marker.decode(place.encoding)
        return _Around(ahead, after.decode(place.encoding), held, line=ahead.count("\n") + 1)
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
