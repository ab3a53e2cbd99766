"""Code around the hole that a reply repeats: found line by line, white space aside, and left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import takewhile

_LOOKED_AT = 200  # lines of code ahead and behind that a reply may repeat
_MOST_LINES = 4_000  # of a reply that is looked through
_LONGEST_OPENING = 500  # characters of a line that opens a block
_TEXT_ENDS = ('"""', "'''")  # may end the docstring ahead, as the first line of a reply
_TELLING = 4  # characters of a line that alone tells that it is repeated: not `}` or `pass`


def without_echo(text: str, before: str, after: str) -> Iterator[str]:
    """Readings of a text without what it repeats of the code around the hole.

    Args:
        text: what a reply holds.
        before: code ahead of the hole.
        after: code behind it.
    """
    lines = text.split("\n")
    if len(lines) > _MOST_LINES:
        return
    texts = [_plain(line) for line in lines]
    begin, left = _begin(texts, before)
    end, right = _end(texts, after, begin)
    both = _cut(lines, begin, left, end, right)
    seen = {text}
    for reading in (both, _cut(lines, begin, left, len(lines), ""), _cut(lines, 0, "", end, right)):
        if reading not in seen and reading.strip():
            seen.add(reading)
            yield reading


def is_echo(text: str, before: str, after: str) -> bool:
    """Whether a text is nothing but code from ahead of the hole and code from behind it."""
    lines = text.split("\n")
    if len(lines) > _MOST_LINES:
        return False
    texts = [_plain(line) for line in lines]
    begin, left = _begin(texts, before)
    end, right = _end(texts, after, begin)
    repeats_both = (begin or left) and (end < len(lines) or right)
    return bool(repeats_both) and not _cut(lines, begin, left, end, right).strip()


def without_comments(text: str, before: str) -> str:
    """A body without the comments at its begin that stand ahead of the hole already."""
    run = _comments(reversed(before.split("\n")[-_LOOKED_AT:]))
    lines = text.split("\n")
    leading = list(takewhile(_is_comment_or_blank, lines))
    own = _comments(leading)
    return "\n".join(lines[len(leading) :]) if own and own == run[: len(own)][::-1] else text


def opens_again(code: str, before: str) -> bool:
    """Whether code begins with the line ahead of it, which opens the block that the code stands in."""
    last = _plain(before.rstrip()[-_LONGEST_OPENING:].rpartition("\n")[2])
    first = _plain(code.lstrip().partition("\n")[0])
    return bool(last) and first == last and last.endswith((":", "{"))


def _comments(lines: Iterable[str]) -> list[str]:
    """The comments that lines begin with, blank lines between them left out."""
    return [_plain(line) for line in takewhile(_is_comment_or_blank, lines) if line.strip()]


def _is_comment_or_blank(line: str) -> bool:
    text = line.strip()
    return not text or text.startswith(("#", "//")) or (text.startswith("/*") and text.endswith("*/"))


def _plain(line: str) -> str:
    return " ".join(line.split())


def _begin(texts: list[str], before: str) -> tuple[int, str]:
    """The first line that is not repeated, and what of it is, after the longest run of lines that stand ahead."""
    *whole, partial = before.rsplit("\n", _LOOKED_AT)
    ahead = [line for line in map(_plain, whole) if line]
    left = _plain(partial)
    best, at = 0, 0
    for row, line in enumerate(texts):
        if left and not line.startswith(left):
            continue
        run = _run_back(texts[: row if left else row + 1], ahead) if (left or line) else 0
        weight = run + bool(left)
        telling = len(line) >= _TELLING or (line in _TEXT_ENDS and not any(texts[:row]))
        if weight > best and (weight > 1 or left or telling):
            best, at = weight, row if left else row + 1
    if not best:
        return 0, ""
    return at, left


def _run_back(texts: list[str], ahead: list[str]) -> int:
    """How many lines at the end of `texts`, blank ones aside, are the last ones ahead of the hole."""
    run = 0
    for line in reversed(texts):
        if not line:
            continue
        if run >= len(ahead) or line != ahead[-1 - run]:
            break
        run += 1
    return run


def _end(texts: list[str], after: str, begin: int) -> tuple[int, str]:
    """The line where what stands behind the hole is repeated, and what of it is."""
    partial, *whole = after.split("\n", _LOOKED_AT)
    behind = [line for line in map(_plain, whole) if line]
    right = _plain(partial)
    best, at = 0, len(texts)
    for row in range(begin, len(texts)):
        line = texts[row]
        if right and not line.endswith(right):
            continue
        run = _run_on(texts[row + 1 if right else row :], behind) if (right or line) else 0
        weight = run + bool(right)
        if weight > best and (weight > 1 or len(right) >= _TELLING or (not right and len(line) >= _TELLING)):
            best, at = weight, row + 1 if right else row
        elif right and weight >= best and not any(texts[row + 1 :]):
            best, at = weight, row + 1
    return (at, right) if best else (len(texts), "")


def _run_on(texts: list[str], behind: list[str]) -> int:
    run = 0
    for line in texts:
        if not line:
            continue
        if run >= len(behind) or line != behind[run]:
            break
        run += 1
    return run


def _cut(lines: list[str], begin: int, left: str, end: int, right: str) -> str:
    """The lines `begin` to `end`, without the pieces of the first and of the last that are repeated."""
    kept = lines[begin:end]
    if not kept:
        return ""
    if right:
        kept[-1] = _without_end(kept[-1], right)
    if left:
        kept[0] = _without_begin(kept[0], left)
    text = "\n".join(kept)
    return text if end == len(lines) else text + "\n"


def _without_begin(line: str, left: str) -> str:
    """A line behind a piece it begins with, white space aside."""
    at = wanted = 0
    signs = "".join(left.split())
    while wanted < len(signs) and at < len(line):
        wanted += not line[at].isspace()
        at += 1
    return line[at:]


def _without_end(line: str, right: str) -> str:
    return _without_begin(line[::-1], right[::-1])[::-1]
