"""What changed in a file as a patch that ``git apply`` takes.

Text is a unified diff, line by line; what git calls binary is git's own binary patch, which carries both versions.
Sources: git's documentation of the diff format (git-diff, "Generating patch text with -p"), ``quote.c`` for names,
``diff.c`` and ``apply.c`` for the binary form.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final, NamedTuple

CONTEXT: Final = 3  # lines shown around a change

_LINE: Final = re.compile(rb"[^\n]*\n|[^\n]+")
_NO_NEWLINE: Final = b"\n\\ No newline at end of file\n"
_PLAIN_NAME: Final = re.compile(rb'[^\x00-\x1f"\\\x7f-\xff]*')
_QUOTED: Final = {
    7: b"\\a", 8: b"\\b", 9: b"\\t", 10: b"\\n", 11: b"\\v", 12: b"\\f", 13: b"\\r", 34: b'\\"', 92: b"\\\\"
}  # fmt: skip
_FIRST_UNQUOTED, _DELETE = 0x20, 0x7F
_CHUNK: Final = 52  # bytes of a line of a binary patch
_SHORT: Final = 26  # up to that length a line begins with a capital


class _Change(NamedTuple):
    """Lines `a` to `b` of the old file have become lines `c` to `d` of the new one, from 0, ends excluded."""

    a: int
    b: int
    c: int
    d: int


def unified_diff(path: bytes, old: bytes, new: bytes) -> bytes:
    """The patch that turns a file into another of the same name; empty where they are equal.

    Args:
        path: the file's name, relative, as the file system spells it.
        old: its bytes.
        new: the bytes it will have.
    """
    if old == new:
        return b""
    left, right = b"a/" + path, b"b/" + path
    head = b"diff --git %s %s\nindex %s..%s\n" % (quoted(left), quoted(right), _blob_id(old), _blob_id(new))
    if b"\0" in old or b"\0" in new:
        return head + b"GIT binary patch\n" + _literal(new) + _literal(old)
    names = b"--- %s\n+++ %s\n" % (_labelled(left), _labelled(right))
    before, after = _LINE.findall(old), _LINE.findall(new)
    return head + names + b"".join(_hunk(before, after, group) for group in _groups(_changes(before, after)))


def quoted(name: bytes) -> bytes:
    """A file name as git writes it: quoted like a C string where it holds more than printable ASCII."""
    if _PLAIN_NAME.fullmatch(name):
        return name
    return b'"%s"' % b"".join(_QUOTED.get(byte) or _spelt(byte) for byte in name)


def _spelt(byte: int) -> bytes:
    return bytes([byte]) if _FIRST_UNQUOTED <= byte < _DELETE else b"\\%03o" % byte


def _labelled(name: bytes) -> bytes:
    """A name behind ``---``: a tab ends one with spaces, which would end at the first of them otherwise."""
    text = quoted(name)
    return text + b"\t" if b" " in text and not text.startswith(b'"') else text


def _blob_id(data: bytes) -> bytes:
    """What git calls a file of these bytes; lets ``git apply --3way`` find the old version."""
    blob = hashlib.sha1(b"blob %d\0" % len(data), usedforsecurity=False)
    blob.update(data)
    return blob.hexdigest().encode()


def _changes(before: Sequence[bytes], after: Sequence[bytes]) -> Iterator[_Change]:
    head = 0
    most = min(len(before), len(after))
    while head < most and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < most - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    matcher = SequenceMatcher(None, before[head : len(before) - tail], after[head : len(after) - tail])
    for tag, *at in matcher.get_opcodes():
        if tag != "equal":
            yield _Change(*(head + line for line in at))


def _groups(changes: Iterator[_Change]) -> Iterator[list[_Change]]:
    """Changes that share a hunk, because their contexts meet."""
    group: list[_Change] = []
    for change in changes:
        if group and change.a - group[-1].b > 2 * CONTEXT:
            yield group
            group = []
        group.append(change)
    if group:
        yield group


def _hunk(before: Sequence[bytes], after: Sequence[bytes], group: Sequence[_Change]) -> bytes:
    lead = min(CONTEXT, group[0].a)
    first, last = group[0].a - lead, min(group[-1].b + CONTEXT, len(before))
    new_first, new_last = group[0].c - lead, group[-1].d + last - group[-1].b
    lines = [b"@@ -%s +%s @@\n" % (_range(first, last), _range(new_first, new_last))]
    at = first
    for change in group:
        lines += (_marked(b" ", line) for line in before[at : change.a])
        lines += (_marked(b"-", line) for line in before[change.a : change.b])
        lines += (_marked(b"+", line) for line in after[change.c : change.d])
        at = change.b
    lines += (_marked(b" ", line) for line in before[at:last])
    return b"".join(lines)


def _range(first: int, last: int) -> bytes:
    """Lines from 1; an empty range names the line ahead of it."""
    return b"%d,%d" % (first + 1 if last > first else first, last - first)


def _marked(mark: bytes, line: bytes) -> bytes:
    return mark + line if line.endswith(b"\n") else mark + line + _NO_NEWLINE


def _literal(data: bytes) -> bytes:
    """A whole version in a binary patch: deflated, in base 85, each line led by its number of bytes as a letter."""
    packed = zlib.compress(data)
    lines = [b"literal %d\n" % len(data)]
    for start in range(0, len(packed), _CHUNK):
        chunk = packed[start : start + _CHUNK]
        letter = len(chunk) + (ord("A") - 1 if len(chunk) <= _SHORT else ord("a") - 1 - _SHORT)
        lines.append(b"%c%s\n" % (letter, base64.b85encode(chunk, pad=True)))
    return b"".join([*lines, b"\n"])
