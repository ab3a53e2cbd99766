"""How a definition is shown to somebody who wants to use it: whole if it is short, else without what is inside."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from textwrap import dedent
from typing import Final

from maze_tasks.source.definitions import Definition

WHOLE_BYTES: Final = 900  # a definition that is no longer, and has no more lines than these, is shown whole
WHOLE_LINES: Final = 24
MOST_BYTES: Final = 2500  # of what is shown of one definition
_ENOUGH_BYTES: Final = 4 * MOST_BYTES  # of what is cut to that afterwards
_SHORT_BODY: Final = 60  # bytes of a body in one line that is worth more than the mark that it is left out
_ELIDED: Final = b"..."
_ELIDED_BLOCK: Final = b"{ ... }"

_DOCSTRING: Final = re.compile(rb"[rRuUbB]{0,2}(?:\"\"\"(.*?)\"\"\"|'''(.*?)'''|\"([^\"\n]*)\"|'([^'\n]*)')", re.DOTALL)
_PARAGRAPH: Final = re.compile(rb"\n[ \t]*\r?\n")
_SELF_FIELD: Final = re.compile(rb"^[ \t]*self\.[^\W\d]\w*[ \t]*(?::[^=\n]*)?=[^=].*$", re.MULTILINE)
_MAKERS: Final = frozenset({"__init__", "__post_init__", "__new__", "setUp"})


def lines_of(data: bytes, start: int, end: int) -> str:
    """The text between two offsets, its first line with the white space ahead of it, all moved to the left."""
    begin = data.rfind(b"\n", 0, start) + 1
    if data[begin:start].strip():
        begin = start
    text = data[begin:end].decode(errors="replace").replace("\r\n", "\n")
    return dedent(text).strip("\n")


def is_short(data: bytes, start: int, end: int) -> bool:
    """Whether a piece of text is short enough to be shown whole."""
    return end - start <= WHOLE_BYTES and data.count(b"\n", start, end) < WHOLE_LINES


def shown(data: bytes, language: str, definition: Definition, members: Sequence[Definition] = ()) -> str:
    """What to show of a definition.

    A short one is shown whole, a function whose description makes it long with the first paragraph of that. Of a
    longer function the signature and that paragraph remain, of a longer type all but the bodies of its functions.

    Args:
        data: the text that it is in, in UTF-8.
        language: what that is written in.
        definition: what to show.
        members: definitions that may lie within it.
    """
    if definition.kind == "type":
        return limited(outline(data, language, definition, members))
    if is_short(data, definition.start, definition.end) or definition.body is None:
        return limited(lines_of(data, definition.start, definition.end))
    if language == "python":
        condensed = _patched(data, definition.start, definition.end, _shorter_docstring(data, definition.body))
        if len(condensed.encode()) <= WHOLE_BYTES and condensed.count("\n") < WHOLE_LINES:
            return condensed
    inside = _description(data, definition.body) + _ELIDED if language == "python" else _ELIDED_BLOCK
    return limited(_patched(data, definition.start, definition.end, [(*definition.body, inside)]))


def without_docstring(data: bytes, language: str, body: tuple[int, int]) -> bytes:
    """The body of a function as code, without the string that describes it."""
    found = _DOCSTRING.match(data, *body) if language == "python" else None
    return data[found.end() if found else body[0] : body[1]]


def heading(data: bytes, definition: Definition) -> str:
    """How a definition is declared, without what is above it and in it, on one line."""
    end = definition.body[0] if definition.body else definition.end
    text = data[definition.head : end].decode(errors="replace")
    lines = (line.partition(" #")[0] for line in text.splitlines())
    return " ".join(" ".join(lines).split()).replace("( ", "(").replace(", )", ")").rstrip(" {:=;")


def outline(
    data: bytes, language: str, definition: Definition, members: Sequence[Definition], *, hole: int | None = None
) -> str:
    """A type without the bodies of its functions; of what makes an object of Python its attributes remain.

    Of the type around the byte at `hole` all of the description is shown if there is room for it, of others the first
    paragraph; nothing is shown of the body of the function in which that byte is. Of a very long one only the beginning
    is given, somewhat more than `limited` leaves.
    """
    left_out = _bodies_left_out(data, language, definition, members, hole)
    whole = _patched(data, definition.start, definition.end, left_out, _ENOUGH_BYTES)
    if language != "python" or definition.body is None or (hole is not None and len(whole.encode()) <= MOST_BYTES):
        return whole
    brief = _shorter_docstring(data, definition.body)
    left_out = _bodies_left_out(data, language, definition, members, hole)
    return _patched(data, definition.start, definition.end, chain(brief, left_out), _ENOUGH_BYTES)


def _bodies_left_out(
    data: bytes, language: str, definition: Definition, members: Sequence[Definition], hole: int | None
) -> Iterator[_Change]:
    end = definition.start
    for member in members:
        body = member.body
        if member.kind != "function" or body is None or body[0] < end or not _within(member, definition):
            continue
        end = body[1]
        if hole is not None and body[0] <= hole <= body[1]:
            yield *body, _ELIDED if language == "python" else _ELIDED_BLOCK
        elif body[1] - body[0] > _SHORT_BODY or b"\n" in data[body[0] : body[1]]:
            yield *body, _in_place_of(data, language, member, body)


def limited(text: str, most_bytes: int = MOST_BYTES) -> str:
    """The first lines of a text that is too long, with a mark for the rest."""
    data = text.encode()
    if len(data) <= most_bytes:
        return text
    cut = data[:most_bytes]
    kept = cut.rpartition(b"\n")[0] or cut
    return kept.decode(errors="ignore") + "\n..."


def _within(member: Definition, definition: Definition) -> bool:
    return definition.start <= member.start and member.end <= definition.end and member is not definition


def _in_place_of(data: bytes, language: str, member: Definition, body: tuple[int, int]) -> bytes:
    if language != "python":
        return _ELIDED_BLOCK
    if member.name not in _MAKERS:
        return _ELIDED
    if is_short(data, *body):
        return data[body[0] : body[1]]
    begin = data.rfind(b"\n", 0, body[0]) + 1
    indent = data[begin : body[0]]
    fields = dict.fromkeys(line.strip() for line in _SELF_FIELD.findall(data, begin, body[1]))
    return b"".join(field + b"\n" + indent for field in fields) + _ELIDED


def _description(data: bytes, body: tuple[int, int]) -> bytes:
    """The first paragraph of a docstring as a docstring of its own, with the line end and indentation behind it."""
    indent = data[data.rfind(b"\n", 0, body[0]) + 1 : body[0]]
    found = _paragraph(data, body)
    return b"" if found is None or indent.strip() else found[1] + b"\n" + indent


def _shorter_docstring(data: bytes, body: tuple[int, int]) -> list[_Change]:
    """The change that leaves of a docstring its first paragraph."""
    found = _paragraph(data, body)
    return [] if found is None else [(body[0], *found)]


def _paragraph(data: bytes, body: tuple[int, int]) -> tuple[int, bytes] | None:
    """Where a docstring ends, and its first paragraph as a docstring."""
    found = _DOCSTRING.match(data, *body)
    if found is None:
        return None
    text = next((group for group in found.groups() if group is not None), b"")
    paragraph = _PARAGRAPH.split(text.strip(), maxsplit=1)[0].rstrip()
    return found.end(), b'"""' + paragraph + b'"""'


_Change = tuple[int, int, bytes]  # offsets of a piece of text, and what is shown in its place


def _patched(data: bytes, start: int, end: int, changes: Iterable[_Change], most_bytes: int | None = None) -> str:
    """The text from `start` to `end` with other text in some places, given in order; about the first `most_bytes`."""
    begin = data.rfind(b"\n", 0, start) + 1
    parts, at = [data[begin:start] if not data[begin:start].strip() else b""], start
    left = end - start if most_bytes is None else most_bytes
    for change_start, change_end, instead in changes:
        parts += [data[at:change_start], instead]
        left -= change_start - at + len(instead)
        at = change_end
        if left <= 0 and most_bytes is not None:
            break
    rest = end if most_bytes is None else min(end, at + max(left, 0))
    text = b"".join((*parts, data[at:rest]))
    return dedent(text.decode(errors="replace").replace("\r\n", "\n")).strip("\n")
