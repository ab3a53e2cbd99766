"""A file's text: how it is encoded, how its lines end, and the windows around a spot of it."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Final

from maze_tasks.errors import MazeError

PREFIX_BYTES: Final = 24 * 1024  # of the code before a hole, in UTF-8
SUFFIX_BYTES: Final = 8 * 1024  # of the code behind it
BOM: Final = b"\xef\xbb\xbf"
BLANK: Final = b" \t\f\v\r"  # what a line may hold and still be empty

# Source: the Python language reference, "Encoding declarations" (PEP 263).
_COOKIE: Final = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)
# Characters of programs. An encoding in which they are not themselves, each apart from the others, is none of programs:
# pieces of a file are decoded, and fills encoded, by themselves.
_PLAIN: Final = "aZ_09 \t\r\n#.,:;=+-*/%&|!?<>()[]{}'\"@$^`"
_NOTHING: Final = re.compile(rb"^[ \t\f]*(?:#.*)?\r?$")


class NotText(MazeError):  # noqa: N818 - reads as the verdict it is
    """The bytes of a file are no text in the encoding that it should have.

    Args:
        reason: what is wrong, with the place.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Text:
    """A file's text in UTF-8, in which all offsets within this package count.

    Args:
        data: the bytes of the file.
        utf8: the same text in UTF-8, which is what is parsed.
        encoding: Python's name of the encoding of `data`.
        newline: how most of its lines end.
    """

    data: bytes = field(repr=False)
    utf8: bytes = field(repr=False)
    encoding: str
    newline: str
    _starts: list[int] = field(repr=False)

    def file_offset(self, offset: int) -> int:
        """Where in the file an offset of `utf8` is."""
        if self.utf8 is self.data:
            return offset
        return len(self.utf8[:offset].decode().encode(self.encoding))

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1; columns count code points, a byte order mark none."""
        line = bisect_right(self._starts, offset)
        ahead = self.utf8[self._starts[line - 1] : offset]
        if line == 1:
            ahead = ahead.removeprefix(BOM)
        return line, len(ahead.decode(errors="replace")) + 1

    def line_start(self, offset: int) -> int:
        """Where the line begins in which `offset` stands; a byte order mark is not part of it."""
        start = self._starts[bisect_right(self._starts, offset) - 1]
        return len(BOM) if start == 0 and self.utf8.startswith(BOM) else start

    def line_end(self, offset: int) -> int:
        """Where the next line begins, or the end of the text."""
        line = bisect_right(self._starts, offset)
        return self._starts[line] if line < len(self._starts) else len(self.utf8)

    def indent_at(self, offset: int) -> str:
        """The white space that the line of `offset` begins with."""
        start = self.line_start(offset)
        line = self.utf8[start : self.line_end(offset)].rstrip(b"\r\n")
        return line[: len(line) - len(line.lstrip(b" \t\f\v"))].decode()

    def before(self, offset: int, limit: int = PREFIX_BYTES) -> str:
        """The text ahead of `offset`: the whole lines of it that fit into `limit` bytes, or a part of a longer one."""
        if offset <= limit:
            return self.utf8[:offset].decode()
        window = self.utf8[offset - limit - 1 : offset]
        cut = window.find(b"\n", 0, -1) + 1 or 1
        return window[cut:].decode(errors="ignore")  # a character that is cut is not part of it

    def after(self, offset: int, limit: int = SUFFIX_BYTES) -> str:
        """The text from `offset` on, cut as `before` is."""
        if len(self.utf8) - offset <= limit:
            return self.utf8[offset:].decode()
        window = self.utf8[offset : offset + limit]
        cut = window.rfind(b"\n") + 1 or len(window)
        return window[:cut].decode(errors="ignore")

    def indent_unit(self, otherwise: str) -> str:
        """What one level of indentation is in this text: that of its first indented line, or `otherwise`."""
        first = re.search(rb"^(\t| {2,8})[^\s*]", self.utf8, re.MULTILINE)
        return first[1].decode() if first else otherwise


def text_of(data: bytes, language: str) -> Text:
    """The text of a file.

    Args:
        data: its bytes.
        language: what it is written in: Python files may name their encoding, all others are UTF-8.

    Raises:
        NotText: it cannot be decoded, or not be encoded again to the same bytes.
    """
    encoding = _declared(data) if language == "python" else "utf-8"
    try:
        if encoding != "utf-8" and _PLAIN.encode().decode(encoding, "replace") != _PLAIN:
            raise NotText(f"its encoding {encoding!r} is not one that programs are written in")
        text = data.decode(encoding)
        if encoding != "utf-8" and text.encode(encoding) != data:
            raise NotText(f"does not survive being read as {encoding}")
    except UnicodeDecodeError as error:
        raise NotText(f"not {encoding}: byte {data[error.start]:#04x} at offset {error.start}") from None
    except (LookupError, UnicodeError, ValueError):
        raise NotText(f"its encoding {encoding!r} cannot be read") from None
    utf8 = data if encoding == "utf-8" else text.encode(errors="surrogatepass")
    crlf = utf8.count(b"\r\n") * 2 > utf8.count(b"\n")
    starts = [0, *(match.end() for match in re.finditer(b"\n", utf8))]
    return Text(data, utf8, encoding, "\r\n" if crlf else "\n", starts)


def _declared(data: bytes) -> str:
    """The encoding that a Python file names in its first two lines, as Python spells it; UTF-8 if none."""
    if data.startswith(BOM):
        return "utf-8"
    for line in data[:2000].split(b"\n", 2)[:2]:
        if cookie := _COOKIE.match(line):
            name = cookie[1].decode().lower().replace("_", "-")
            return "utf-8" if name in ("utf-8", "utf8", "u8") or name.startswith("utf-8-") else name
        if not _NOTHING.match(line):
            break
    return "utf-8"
