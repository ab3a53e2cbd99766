"""Hole comments and raw ``<<< HOLE >>>`` marks, turned into names before the text is parsed.

Where a comment stands for an expression or, in Python, for a statement, the code around it does not parse, and the
comment falls out of the block that it is meant for. A name of the same length in its place makes the tree what it will
be with a fill, and keeps every offset.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from maze_tasks.source.comments import wish_of
from maze_tasks.source.grammars import GRAMMARS

_RAW: Final = rb"<<<[ \t]*HOLE\b[^>\n]*>>>"
_BLOCK: Final = rb"/\*(?:(?!\*/).)*\*/"
# Behind one of these an expression must follow.
_EXPECTS: Final = re.compile(rb"(?:[^=!<>]=|==|[-+*/%&|^,(\[?]|\b(?:return|yield|and|or|not|await|throw|raise))\s*\Z")
_WORDS: Final = (b"HOLE", b"TODO", b"FIXME")
_STUB: Final = re.compile(rb"\s*\n[ \t]*(?:pass\b|\.\.\.|raise[ \t]+NotImplementedError\b)")
_QUOTES: Final = (b'"', b"'", b"`")
_ENDS: Final = (b'"""', b"'''", b"`")  # of texts over several lines
_LOOKED_BACK: Final = 4096  # bytes ahead of a comment in its line


@dataclass(frozen=True, slots=True)
class Masked:
    """A text with names for holes.

    Args:
        data: the text, as long as the one it was made of.
        spans: where the names are, in order.
    """

    data: bytes
    spans: tuple[tuple[int, int], ...]


def masked(language: str, data: bytes, *, todo: bool = False) -> Masked:
    """Put names where holes are written as comments in the place of code.

    Args:
        language: what the text is written in.
        data: the text, in UTF-8.
        todo: whether comments that begin with TODO or FIXME are holes; those right above a stub are part of it.
    """
    if not any(word in data for word in _WORDS):
        return Masked(data, ())
    spans: list[tuple[int, int]] = []
    text = bytearray(data)
    for match in _pattern(language).finditer(data):
        if _stands_for_code(language, data, match, todo=todo):
            spans.append(match.span())
            text[match.start() : match.end()] = b"_" * (match.end() - match.start())
    return Masked(bytes(text), tuple(spans))


def _pattern(language: str) -> re.Pattern[bytes]:
    if GRAMMARS[language].line_comment == "#":
        return re.compile(rb"#[^\n]*?(?=\r?(?:\n|\Z))|" + _RAW)
    return re.compile(_BLOCK + rb"|" + _RAW, re.DOTALL)


def _stands_for_code(language: str, data: bytes, match: re.Match[bytes], *, todo: bool) -> bool:
    found = match[0]
    if found.startswith(b"<<<"):
        return True
    c_like = language in ("c", "cpp")
    above_stub = todo and language == "python" and _STUB.match(data, match.end()) is not None
    if wish_of(found.decode(errors="replace"), bare_todo=c_like, todo=above_stub) is None:
        return False
    begin = data.rfind(b"\n", 0, match.start()) + 1
    ahead = data[max(begin, match.start() - _LOOKED_BACK) : match.start()]
    if not ahead.strip():
        # A comment of its own is a statement in Python, where blocks are made of lines; elsewhere it is in its block.
        return language == "python" and not any(end in found for end in _ENDS)
    if any(ahead.count(quote) % 2 for quote in _QUOTES) or any(end in found for end in _ENDS):
        return False  # part of a text that only looks like a comment
    return _EXPECTS.search(ahead) is not None
