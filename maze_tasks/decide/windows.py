"""Pieces of texts that fit into a number of bytes, cut at the ends of lines.

All sizes are bytes of UTF-8, a lone surrogate (JSON allows them) counting three.
"""

from __future__ import annotations

from typing import NamedTuple

_SHARE_BEFORE = 2, 3  # of the room for code, what is before the hole gets two thirds: it says more than what follows
_CONTINUES, _STARTS = 0x80, 0xC0  # a byte of UTF-8 continues a character if its two high bits are those of the first


class Around(NamedTuple):
    """The code on the two sides of a hole."""

    before: str
    after: str

    @property
    def size(self) -> int:
        """Bytes of both."""
        return size_of(self.before) + size_of(self.after)


def size_of(text: str) -> int:
    """Bytes of a text."""
    return len(text.encode("utf-8", "surrogatepass"))


def around(code: Around, limit: int) -> Around:
    """What is nearest to the hole of the code around it, both sides together at most `limit` bytes.

    Two thirds go to the code before, one to the code after; what one side does not need the other gets. More room
    never shows less of either side.
    """
    share, of = _SHARE_BEFORE
    before = limit * share // of
    after = limit - before
    spare_before = before - size_of(code.before)
    spare_after = after - size_of(code.after)
    if spare_before > 0 > spare_after:
        after += spare_before
    elif spare_after > 0 > spare_before:
        before += spare_after
    return Around(last_lines(code.before, before), first_lines(code.after, after))


def last_lines(text: str, limit: int) -> str:
    """The last whole lines that fit; of a last line that is longer its end."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= limit:
        return text
    window = data[len(data) - limit :] if limit > 0 else b""
    ahead = len(data) - len(window)
    if data[ahead - 1 : ahead] != b"\n":
        _, newline, whole = window.partition(b"\n")
        window = whole if newline else _from_character(window)
    return window.decode("utf-8", "surrogatepass")


def first_lines(text: str, limit: int) -> str:
    """The first whole lines that fit, without the last line end; of a first line that is longer its beginning."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= limit:
        return text
    window = data[: max(limit, 0)]
    if data[len(window) : len(window) + 1] != b"\n":
        whole, newline, _ = window.rpartition(b"\n")
        window = whole if newline else _to_character(data, window)
    return window.decode("utf-8", "surrogatepass")


def _from_character(window: bytes) -> bytes:
    """A window without the end of a character that begins before it."""
    skipped = 0
    while skipped < len(window) and window[skipped] & _STARTS == _CONTINUES:
        skipped += 1
    return window[skipped:]


def _to_character(data: bytes, window: bytes) -> bytes:
    """A window at the beginning of `data` without the beginning of a character that ends behind it."""
    end = len(window)
    while end > 0 and data[end] & _STARTS == _CONTINUES:
        end -= 1
    return window[:end]
