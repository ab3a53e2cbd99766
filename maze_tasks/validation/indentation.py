"""Lines moved to where the hole is: indentation of python, line ends, the edges of a fill."""

from __future__ import annotations

import re
from collections.abc import Iterator

from maze_tasks.validation.lines import Line, lines_of, opens, opens_at, stripped, unit_of

_BESIDE = re.compile(r"\s*(?:async\s+def|def|class|@\w|if\s+__name__)\b")  # what may stand beside a function
_TAB = 4  # columns of a tab that stands among spaces


def reindented(text: str, indent: str, language: str | None = "python") -> Iterator[str]:
    """Readings of a text whose statements begin at `indent`, the least changed first.

    Lines within a string stay as they are: their white space has a meaning.

    Args:
        text: whole lines.
        indent: white space that the outermost statements are to begin with.
        language: the language of the text.
    """
    lines = lines_of(text, language)
    begun = [row for row, line in enumerate(lines) if line.begins]
    if not begun:
        return
    if _is_too_deep(lines, begun):
        lines[begun[0]] = Line(lines[begun[1]].indent + lines[begun[0]].text.lstrip(" \t"))
    texts = [line.text for line in lines]
    texts[begun[0]] = indent + texts[begun[0]].lstrip(" \t")
    first = "".join(texts)
    base = _base(lines)
    moved, levelled = (
        "".join(_moved(line, base, indent) for line in lines),
        "".join(_levelled(lines, base, indent, text)),
    )
    # What strips a reply takes the white space of its first line alone.
    alone = stripped(lines, begun) or (len(begun) == 1 and lines[-1].joined and lines[-1].indent == indent)
    mixed = any(line.indent.strip(indent[:1] or " ") for line in lines if line.begins)
    readings = (levelled, moved) if mixed else (moved, levelled)
    yield from (first, *readings) if alone else (*readings, first)


def _is_too_deep(lines: list[Line], begun: list[int]) -> bool:
    """Whether the first statement is deeper than the next though none ahead of it opens a block."""
    if len(begun) < 2 or opens_at(lines, begun[0]):  # noqa: PLR2004 - there is nothing to compare with
        return False
    following = lines[begun[1]]
    return lines[begun[0]].width > following.width and not _BESIDE.match(following.text)


def _base(lines: list[Line]) -> str:
    """The indentation of the outermost statements."""
    begun = [row for row, line in enumerate(lines) if line.begins]
    if stripped(lines, begun):
        begun = begun[1:]
    return min((lines[row].indent for row in begun), key=_columns)


def _columns(indent: str) -> int:
    return len(indent.expandtabs(_TAB))


def _moved(line: Line, base: str, indent: str) -> str:
    if line.frozen or line.blank:
        return line.text
    if line.text.startswith(base):
        return indent + line.text[len(base) :]
    # Less deep than the outermost statement: the first line of a text that was stripped, or a line within brackets.
    return indent + line.text.lstrip(" \t")


def _levelled(lines: list[Line], base: str, indent: str, text: str) -> Iterator[str]:
    """Lines indented by as many levels of the hole's style as they had of their own."""
    own = max(1, _columns(unit_of(text)))
    unit = "\t" if "\t" in indent else " " * own
    for line in lines:
        if line.frozen or line.blank:
            yield line.text
            continue
        columns = max(0, _columns(line.indent) - _columns(base))
        yield indent + unit * (columns // own) + " " * (columns % own) + line.text.lstrip(" \t")


def moved_to(text: str, base: str, indent: str, language: str | None) -> str:
    """A text with its lines moved from one indentation to another; lines that are less deep stay."""
    if base == indent:
        return text
    return "".join(
        indent + line.text[len(base) :] if not (line.frozen or line.blank) and line.text.startswith(base) else line.text
        for line in lines_of(text, language)
    )


def with_newlines(text: str, newline: str | None) -> str:
    """A text whose lines end as those of the file; as it is where the file has no one way."""
    if newline is None:
        return text
    return re.sub(r"\r\n|\n", newline, text)


def newlines_fit(text: str, newline: str | None) -> bool:
    """Whether the lines of a text end as those of the file; one odd end is no other style, and stays as it came."""
    if newline is None or "\n" not in text:
        return True
    crlf = text.count("\r\n")
    return crlf > 0 if newline == "\r\n" else crlf < max(2, text.count("\n"))


def edged(text: str, before: str, after: str, *, block: bool) -> str:
    """A fill with the edges that its place wants, its lines ending in line feeds.

    A hole that begins at the start of a line is whole lines: it has its own line end and keeps its indentation. A block
    that is to stand in the line that opens it begins a line of its own if it has several. Any other is a piece of a
    line: it has no white space at its ends.

    Args:
        text: the fill.
        before: code ahead of the hole.
        after: code behind it.
        block: whether it is a block in the line that opens it.
    """
    lines = text.split("\n")
    while lines and not lines[0].strip():
        lines.pop(0)
    while lines and not lines[-1].strip():
        lines.pop()
    if not before or before.endswith("\n"):
        return "\n".join(lines) + "\n"
    if not block:
        return text.strip()
    last = before[before.rfind("\n") + 1 :]
    braces = last.rstrip().endswith("{")
    if len(lines) == 1 and (braces or not opens(lines[0])):
        ahead, behind = "" if last[-1:].isspace() else " ", " " if braces and after[:1] == "}" else ""
        return ahead + text.strip() + behind
    closing = last[: len(last) - len(last.lstrip())]
    end = "\n" + closing if braces and not after.startswith(("\n", "\r\n")) else ""
    return "\n" + "\n".join(lines).rstrip() + end
