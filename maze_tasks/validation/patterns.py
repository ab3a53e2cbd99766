"""Regular expressions that a fill must match, without letting one of them run away.

The package ``regex`` (of the extra ``code``) is asked with a limit of time; it also reads what Rust and JavaScript
write. Without it python's own ``re``, which cannot be stopped, is asked only where the work is bounded by the shape of
the pattern; anything else is not judged.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module
from typing import Any, Literal

from maze_tasks.validation.quiet import quietly

Answer = Literal["match", "no match", "not judged"]

MATCH_BUDGET_S = 0.5  # for one pattern on one text
MAX_PATTERN_CHARS = 4_096
_MOST_COPIES = 100_000  # of a part that is repeated a fixed number of times: each is kept in memory
_MOST_STEPS = 20_000_000  # of a pattern that cannot be stopped, at worst

_FLAGS = {
    **dict.fromkeys(("i", "ignorecase", "caseinsensitive"), re.IGNORECASE),
    **dict.fromkeys(("m", "multiline"), re.MULTILINE),
    **dict.fromkeys(("s", "dotall", "dotmatchesnewline", "singleline"), re.DOTALL),
    **dict.fromkeys(("x", "verbose", "extended", "ignorewhitespace"), re.VERBOSE),
}
_COUNTED = re.compile(r"\{(\d+)?(,)?(\d+)?\}")
_REPEATED = re.compile(r"(?<!\\)(?:[*+?]|\{\d*,?\d*\})")
_GROUP_REPEATED = re.compile(r"\)(?:[*+]|\{)")
_RUST_NAMES = re.compile(r"\(\?<([A-Za-z_]\w*)>")


def matches(pattern: str, text: str, flags: str = "") -> tuple[Answer, str]:
    """Whether a pattern is found in a text, and why that is not judged where it is not.

    A pattern is searched for; one that is to span the whole fill says so with anchors, and these may also stand at the
    ends of the text without the white space around it, which belongs to the place and not to the fill.

    Args:
        pattern: the regular expression.
        text: the fill.
        flags: letters such as ``im`` or words such as ``IGNORECASE``; those that only say how to search are ignored.
    """
    if len(pattern) > MAX_PATTERN_CHARS or _copies(pattern) > _MOST_COPIES:
        return "not judged", "the pattern is too large"
    compiled = _compiled(pattern, _flags(flags))
    if compiled is None:
        return "not judged", "the pattern cannot be read here"
    texts = dict.fromkeys((text, text.strip()))
    if _engine() is None:
        if _steps(pattern, len(text)) > _MOST_STEPS:
            return "not judged", "the pattern may take too long; with the package `regex` it can be stopped"
        return ("match" if any(compiled.search(one) for one in texts) else "no match"), ""
    try:
        found = any(compiled.search(one, timeout=MATCH_BUDGET_S) for one in texts)
    except (TimeoutError, MemoryError, RecursionError):
        return "not judged", f"the pattern takes more than {MATCH_BUDGET_S:g} s, or too much memory, on this fill"
    return ("match" if found else "no match"), ""


def _flags(flags: str) -> int:
    found = 0
    for word in re.findall(r"[a-z]+", flags.lower().replace("_", "").replace("-", "")):
        found |= _FLAGS[word] if word in _FLAGS else sum({_FLAGS.get(letter, 0) for letter in word} - {0})
    return found


@lru_cache(maxsize=256)
def _compiled(pattern: str, flags: int) -> Any:
    """The pattern ready to search, or None where it cannot be read; the flags of both engines have the same names."""
    engine = _engine()
    named = ("IGNORECASE", "MULTILINE", "DOTALL", "VERBOSE")
    try:
        with quietly():
            if engine is None:
                return re.compile(_RUST_NAMES.sub(r"(?P<\1>", pattern), flags)
            return engine.compile(pattern, sum(getattr(engine, name) for name in named if flags & getattr(re, name)))
    except (re.error, getattr(engine, "error", re.error), ValueError, OverflowError, RecursionError, MemoryError):
        return None


@lru_cache(maxsize=1)
def _engine() -> Any:
    """The package ``regex``, or None where it is not installed."""
    try:
        return import_module("regex")
    except ImportError:
        return None


def _copies(pattern: str) -> int:
    """A bound on how often a part of a pattern is copied, by the numbers in its braces."""
    copies = 1
    for match in _COUNTED.finditer(pattern):
        copies *= max(1, int((match[1] or "1")[:9]), int((match[3] or "1")[:9]))
    return copies


def _steps(pattern: str, length: int) -> float:
    """A rough bound on the work of a search that goes back: as if every repeated part could take any length."""
    if _GROUP_REPEATED.search(pattern):
        return float("inf")
    steps = float(max(length, 1))
    for match in _REPEATED.finditer(pattern):
        sign = match.group()
        steps *= 2 if sign == "?" else max(length, 1)
        if steps > _MOST_STEPS:
            break
    return steps
