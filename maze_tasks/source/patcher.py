"""Fills put into a file: bytes and places in, bytes out, or a reason why not."""

from __future__ import annotations

import codecs
import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from maze_tasks.errors import MazeError
from maze_tasks.models.places import Place

_BARE_LF: Final = re.compile(r"(?<!\r)\n")

# Codecs that would put a byte order mark ahead of every fill, and what writes the same without one. Those of two byte
# orders go by the file's own mark, and without one by what Python takes them for.
_UNMARKED: Final = {"utf-8-sig": "utf-8"}
_BIG_ENDIAN: Final = {"utf-16": codecs.BOM_UTF16_BE, "utf-32": codecs.BOM_UTF32_BE}


class PatchRefused(MazeError):  # noqa: N818 - reads as the verdict it is
    """A file cannot be patched as asked; nothing of it is.

    Args:
        kind: one word for programs: ``changed, outside, overlap, encoding``, or, of a file in a checkout, ``path, link,
            missing, not_a_file, too_large, permission, system``.
        reason: one sentence for people, which does not name the file.
    """

    def __init__(self, kind: str, reason: str) -> None:
        self.kind, self.reason = kind, reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Piece:
    """What takes the place of what.

    Args:
        start: byte offset in the patched file at which the fill begins.
        end: byte offset in the patched file behind its last byte.
        original: the bytes that were there before.
    """

    start: int
    end: int
    original: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Patched:
    """A file with its fills.

    Args:
        data: its bytes.
        pieces: what was replaced, in the order of the file; `unpatch` takes them out again.
    """

    data: bytes = field(repr=False)
    pieces: tuple[Piece, ...]


def patch(data: bytes, fills: Sequence[tuple[Place, str]]) -> Patched:
    r"""Put fills into a file, all of them or none.

    What lies outside the places stays as it is, byte for byte. A fill goes in as it is, in the file's encoding; where
    the file ends its lines with ``\r\n``, a bare ``\n`` of the fill becomes one. A place that ended a line still does:
    models leave out the last line's end, and a blank line of the file would go with it.

    Args:
        data: the file as it was scanned.
        fills: places in the file, in any order, with their code.

    Raises:
        PatchRefused: the file is not the one that was scanned (``changed``), a place lies outside of it (``outside``),
            two places overlap or are the same (``overlap``), a fill has no form in the encoding (``encoding``).
    """
    ordered = sorted(fills, key=lambda fill: (fill[0].start, fill[0].end))
    _refuse_wrong_places(data, [place for place, _ in ordered])
    parts: list[bytes] = []
    pieces: list[Piece] = []
    read = written = 0
    for place, code in ordered:
        filled = _encoded(_ended(code, place, data), place, data)
        start = written + place.start - read
        parts += (data[read : place.start], filled)
        pieces.append(Piece(start, start + len(filled), data[place.start : place.end]))
        read, written = place.end, start + len(filled)
    return Patched(b"".join([*parts, data[read:]]), tuple(pieces))


def unpatch(data: bytes, pieces: Sequence[Piece]) -> bytes:
    """Take fills out of a file again: the bytes that `patch` was given.

    Args:
        data: what `patch` made, unchanged since.
        pieces: what it replaced, in order.
    """
    parts: list[bytes] = []
    read = 0
    for piece in pieces:
        parts += (data[read : piece.start], piece.original)
        read = piece.end
    return b"".join([*parts, data[read:]])


def digest(data: bytes) -> str:
    """The sha256 of a file's bytes as places carry it."""
    return hashlib.sha256(data).hexdigest()


def _refuse_wrong_places(data: bytes, ordered: Sequence[Place]) -> None:
    found = digest(data)
    for place in ordered:
        if place.sha256 != found:
            raise PatchRefused("changed", "is not as it was when it was scanned")
        if not place.start <= place.end <= len(data):
            reason = f"{_at(place)}: bytes {place.start} to {place.end} are not within its {len(data)} bytes"
            raise PatchRefused("outside", reason)
    for one, other in pairwise(ordered):
        if other.start < one.end or (one.start, one.end) == (other.start, other.end):
            reason = f"{_at(one)} and {_at(other)}: two holes overlap, at most one of them can be filled"
            raise PatchRefused("overlap", reason)


def _ended(code: str, place: Place, data: bytes) -> str:
    """A fill with the line end that what it replaces has."""
    if not code or code.endswith(("\n", "\r")):
        return code
    original = data[place.start : place.end]
    try:
        ends = original.endswith("\n".encode(_codec(place.encoding, data)))
    except (LookupError, ValueError):
        return code  # told when the fill itself is encoded
    return code + place.newline if ends else code


def _encoded(code: str, place: Place, data: bytes) -> bytes:
    """The bytes of a fill, as they stand in the file."""
    if place.newline == "\r\n":
        code = _BARE_LF.sub("\r\n", code)
    try:
        codec = _codec(place.encoding, data)
        filled = code.encode(codec)
        if filled.decode(codec) == code:
            return filled
    except UnicodeEncodeError as error:
        raise _unencodable(code[error.start], place) from None
    except (LookupError, ValueError):  # no such codec, none of text, or one that refuses without naming a character
        raise PatchRefused("encoding", f"{_at(place)}: nothing can be written as {place.encoding!r}") from None
    # Some codecs write another character instead, such as shift_jis a backslash for the yen sign.
    changed = (char for char in code if char.encode(codec).decode(codec, errors="replace") != char)
    raise _unencodable(next(changed, code[0]), place)


def _codec(encoding: str, data: bytes) -> str:
    name = codecs.lookup(encoding).name
    if name in _BIG_ENDIAN:
        return f"{name}-be" if data.startswith(_BIG_ENDIAN[name]) else f"{name}-le"
    return _UNMARKED.get(name, name)


def _unencodable(char: str, place: Place) -> PatchRefused:
    name = unicodedata.name(char, "no name")
    reason = f"{_at(place)}: the fill holds U+{ord(char):04X} ({name}), which {place.encoding} cannot write"
    return PatchRefused("encoding", reason)


def _at(place: Place) -> str:
    return f"line {place.line}"
