"""Which bytes a fill replaces, and how a fill is put there.

A body or a statement that stands alone on its lines is replaced with whole lines, so that code whose lines carry the
hole's indentation, each ended, fits as it is: ``prefix + code + suffix``. An expression is replaced exactly. What
shares its line with other code is replaced within the line: of a body, with the blanks around it, so that a fill which
begins with a line end and the indentation fits; of a statement, exactly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from maze_tasks.source.finding import Finding
from maze_tasks.source.grammars import GRAMMARS
from maze_tasks.source.surroundings import owner_of
from maze_tasks.source.texts import BLANK, Text

_TAIL: Final = {
    "#": re.compile(rb"[ \t\f]*(?:#[^\n]*)?\r?\n?\Z"),
    "//": re.compile(rb"[ \t\f;]*(?:/\*(?:(?!\*/).)*\*/[ \t]*)*(?://[^\n]*)?\r?\n?\Z"),
}


@dataclass(frozen=True, slots=True)
class Span:
    """What a fill replaces.

    Args:
        start: offset of the first byte.
        end: offset behind the last byte.
        indent: white space that the lines of a fill begin with.
    """

    start: int
    end: int
    indent: str


def span_of(found: Finding, text: Text) -> Span:
    """What a fill of a hole replaces.

    Args:
        found: the hole.
        text: the text it is in.
    """
    if found.kind == "expression":
        return Span(found.start, found.end, "")
    line, end = text.line_start(found.start), text.line_end(max(found.end - 1, found.start))
    is_first = text.utf8[line : found.start].strip(BLANK) == b""
    tail = _TAIL[GRAMMARS[found.spot.tree.language].line_comment]
    is_last = tail.match(text.utf8[found.end : end]) is not None
    if is_first and is_last:
        return Span(line, end, text.indent_at(found.start))
    if found.kind == "body":
        return _within_line(found, text, ends_line=is_last)
    return Span(found.start, found.end, "")


def _within_line(found: Finding, text: Text, *, ends_line: bool) -> Span:
    """The span of a body that shares a line with what is around it, with the blanks on both sides."""
    data, start, end = text.utf8, found.start, found.end
    while start > 0 and data[start - 1 : start] in (b" ", b"\t"):
        start -= 1
    if ends_line and found.spot.tree.language == "python":
        end = len(data[: text.line_end(max(end - 1, start))].rstrip(b"\r\n"))
    else:
        while end < len(data) and data[end : end + 1] in (b" ", b"\t"):
            end += 1
    function = owner_of(found.spot)
    outer = text.indent_at(function.node.start_byte) if function is not None else ""
    return Span(start, end, outer + text.indent_unit(GRAMMARS[found.spot.tree.language].indent))
