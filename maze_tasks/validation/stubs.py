"""Code that is nothing but the mark of a hole (CONTRACTS section 5)."""

from __future__ import annotations

import re
from typing import Final

UNDONE: Final = r"""["'`](?i:todo|not\s*(?:yet\s*)?implemented|unimplemented|implement\s*me)\b[^"'`]*["'`]"""
"""A text that says that something is not done."""

_STUB = re.compile(
    r"(?:pass|\.\.\.|raise NotImplementedError(?:\([^()]*\))?|(?:todo|unimplemented)!\([^()]*\)|undefined as any"
    rf"|@?panic!?\(\s*{UNDONE}\s*\)|throw new (?:Error|RuntimeException)\(\s*{UNDONE}\s*\)"
    rf"|throw new UnsupportedOperationException\([^()]*\)|assert\((?:0|false)\)"
    rf"|throw std::(?:logic|runtime)_error[({{]\s*{UNDONE}\s*[)}}])?;?"
)
_COMMENT = re.compile(r"^\s*(?:#|//).*$", re.MULTILINE)
_LONGEST_STUB = 400  # characters


def is_stub(code: str) -> bool:
    """Whether code is nothing but what marks a hole, or nothing at all."""
    text = _COMMENT.sub("", code).strip()
    return len(text) <= _LONGEST_STUB and _STUB.fullmatch(text) is not None
