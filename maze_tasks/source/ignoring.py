"""What a checkout's ``.gitignore`` files leave out.

Source: gitignore(5), and git's ``wildmatch.c`` where it says no more. The last pattern that matches decides; a file in
a folder overrules those further up; what is left out with its folder cannot be let in again, which holds by itself
where such folders are not entered. A pattern is held against the entry itself, never against what lies below it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from maze_tasks.errors import Refused

_BOM: Final = b"\xef\xbb\xbf"
_POSIX: Final = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r" \t\n\r\f\v",
    "punct": r"!-/:-@\[-`{-~",
    "xdigit": "0-9A-Fa-f",
}
_SPECIAL: Final = re.compile(r"[*?\[\\]")
_NAMED_CLASS: Final = re.compile(r"\[:(\w+):\]")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of rules.

    Args:
        regex: what it matches: a whole path where it is anchored, else the last name of one.
        anchored: whether it is relative to the folder of its file.
        only_folders: whether it matches folders only.
        lets_in: whether it lets in again what an earlier one leaves out.
    """

    regex: str
    anchored: bool
    only_folders: bool
    lets_in: bool


class Rules:
    """The patterns of one file.

    Args:
        patterns: in their order.
    """

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self._patterns = [(pattern, re.compile(pattern.regex, re.DOTALL)) for pattern in reversed(list(patterns))]
        # Most entries match nothing: one look at all patterns together says so.
        self._any = re.compile("|".join(_in_path(pattern) for pattern, _ in self._patterns) or r"(?!)", re.DOTALL)

    def verdict(self, path: str, *, is_folder: bool) -> bool | None:
        """Whether a path is left out (True), let in again (False), or not spoken of (None)."""
        path = _byte_text(path)
        if self._any.fullmatch(path) is None:
            return None
        name = path.rpartition("/")[2]
        for pattern, regex in self._patterns:
            if pattern.only_folders and not is_folder:
                continue
            if regex.fullmatch(path if pattern.anchored else name) is not None:
                return not pattern.lets_in
        return None

    def __len__(self) -> int:
        return len(self._patterns)


@dataclass(frozen=True, slots=True)
class Ignoring:
    """The rules of one folder and of those above it.

    Args:
        base: the folder, relative to the top of the checkout; empty for the top.
        rules: its patterns.
        above: the rules of the folders above it.
    """

    base: str
    rules: Rules = field(repr=False)
    above: Ignoring | None = None

    def ignores(self, path: str, *, is_folder: bool) -> bool:
        """Whether a file or folder is left out, given that the folders it is in are not.

        Args:
            path: its path relative to the top of the checkout, below `base`.
            is_folder: whether it is a folder.
        """
        here: Ignoring | None = self
        while here is not None:
            verdict = here.rules.verdict(path[len(here.base) + 1 :] if here.base else path, is_folder=is_folder)
            if verdict is not None:
                return verdict
            here = here.above
        return False


def ignoring(base: str, content: bytes, above: Ignoring | None = None) -> Ignoring | None:
    """The rules of a ``.gitignore``, or `above` where it has none.

    Args:
        base: the folder it is in, relative to the top of the checkout.
        content: its bytes; what is no UTF-8 is read as file names are.
        above: the rules of the folders above.
    """
    lines = content.removeprefix(_BOM).split(b"\n")
    found = (pattern_of(os.fsdecode(line.removesuffix(b"\r"))) for line in lines)
    rules = Rules(pattern for pattern in found if pattern is not None)
    return Ignoring(base, rules, above) if len(rules) else above


@dataclass(frozen=True, slots=True)
class Globs:
    """Globs in the syntax of ``.gitignore``, relative to the root of a tree; a folder stands for all that is in it.

    Args:
        rules: the globs.
    """

    rules: Rules = field(repr=False)

    def match(self, path: str, *, is_folder: bool = False) -> bool:
        """Whether a path, or a folder that it is in, matches."""
        parts = path.split("/")
        verdicts = (
            self.rules.verdict("/".join(parts[:count]), is_folder=is_folder or count < len(parts))
            for count in range(1, len(parts) + 1)
        )
        return any(verdicts)


def globs(texts: Iterable[str]) -> Globs:
    """Read globs.

    Raises:
        Refused: one of them can match nothing.
    """
    patterns = []
    for text in texts:
        pattern = pattern_of(text)
        if pattern is None:
            raise Refused(f"{text!r} is no glob; globs are written as in .gitignore, such as 'src/**/*.py'")
        patterns.append(pattern)
    return Globs(Rules(patterns))


def pattern_of(line: str) -> Pattern | None:
    """The pattern of a line of rules; None for a comment, a blank line, and what can match nothing."""
    text = _byte_text(_without_blanks_behind(line))
    if text.startswith("#"):
        return None
    lets_in = text.startswith("!")
    text = text.removeprefix("!")
    only_folders = text.endswith("/")
    text = text.removesuffix("/")
    anchored = "/" in text
    regex = _regex(text.removeprefix("/"), anchored=anchored)
    return Pattern(regex, anchored, only_folders, lets_in) if regex else None


def _byte_text(text: str) -> str:
    """A text with a character for each byte of it: git matches bytes, so that ``?`` is no letter with an accent."""
    return text if text.isascii() else os.fsencode(text).decode("latin-1")


def _in_path(pattern: Pattern) -> str:
    return f"(?:{pattern.regex})" if pattern.anchored else f"(?:.*/)?(?:{pattern.regex})"


def _without_blanks_behind(line: str) -> str:
    kept = line.rstrip(" ")
    slashes = len(kept) - len(kept.rstrip("\\"))
    return kept + " " if slashes % 2 and len(kept) < len(line) else kept


def _regex(glob: str, *, anchored: bool) -> str | None:
    """A glob as a regular expression for a whole path or name; None where it can match nothing."""
    parts: list[str] = []
    at = 0
    while at < len(glob):
        char = glob[at]
        if char == "*":
            part, at = _stars(glob, at, anchored=anchored)
        elif char == "?":
            part, at = "[^/]", at + 1
        elif char == "[":
            found = _class(glob, at)
            if found is None:
                return None
            part, at = found
        elif char == "\\":
            if at + 1 == len(glob):
                return None
            part, at = re.escape(glob[at + 1]), at + 2
        else:
            part, at = re.escape(char), at + 1
        parts.append(part)
    return "".join(parts) or None


def _stars(glob: str, at: int, *, anchored: bool) -> tuple[str, int]:
    """What a run of stars matches: two or more that are a whole name, any number of folders."""
    end = at
    while end < len(glob) and glob[end] == "*":
        end += 1
    # git cuts off what is literal ahead of the first wildcard, so that stars there stand at the beginning of a name.
    begins = at == 0 or glob[at - 1] == "/" or _SPECIAL.search(glob, 0, at) is None
    is_name = begins and (end == len(glob) or glob[end] == "/")
    if end - at == 1 or not anchored or not is_name:
        return "[^/]*", end
    return (".*", end) if end == len(glob) else ("(?:.*/)?", end + 1)


def _class(glob: str, at: int) -> tuple[str, int] | None:
    """A class such as ``[!a-z]``, and where it ends; None where it does not."""
    inner = at + 1
    negated = glob[inner : inner + 1] in ("!", "^")
    inner += negated
    members: list[str] = []
    end = inner
    while end < len(glob) and (glob[end] != "]" or end == inner):
        named = _NAMED_CLASS.match(glob, end)
        if named is not None:
            if named[1] not in _POSIX:
                return None
            members.append(_POSIX[named[1]])
            end = named.end()
            continue
        low, end = _member(glob, end)
        if glob[end : end + 1] == "-" and glob[end + 1 : end + 2] not in ("", "]"):
            high, end = _member(glob, end + 1)
            if low <= high:
                members.append(f"{re.escape(low)}-{re.escape(high)}")
        else:
            members.append(re.escape(low))
    if end >= len(glob):
        return None
    inside = "".join(members)
    if negated:
        return f"[^/{inside}]", end + 1
    return (f"(?!/)[{inside}]" if inside else "(?!)"), end + 1


def _member(glob: str, at: int) -> tuple[str, int]:
    at += glob[at] == "\\" and at + 1 < len(glob)
    return glob[at], at + 1
