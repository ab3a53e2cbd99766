"""The lines of a piece of code: which of them begin a statement, and how they are indented.

Read by their tokens alone, so that it works for what does not parse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

_STRING = r"""'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*\""""
_TRIPLE = r"""'''(?:\\[\s\S]|[^\\])*?(?:'''|\Z)|\"\"\"(?:\\[\s\S]|[^\\])*?(?:\"\"\"|\Z)"""
_PYTHON = re.compile(
    rf"(?P<string>{_TRIPLE}|{_STRING})|(?P<comment>\#[^\n]*)|(?P<open>[(\[{{])|(?P<close>[)\]}}])|(?P<joined>\\\r?\n)"
    r"|(?P<newline>\n)"
)
_BRACES = re.compile(
    r"""(?P<string>\"\"\"(?:\\[\s\S]|[^\\])*?\"\"\"|"(?:\\[\s\S]|[^"\\])*"|'(?:\\[^\n]{1,9}|[^'\\\n])'|`[^`]*`)"""
    r"""|(?P<comment>//[^\n]*|/\*[\s\S]*?\*/)|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<newline>\n)"""
)
# JavaScript has long texts in single quotes, where Rust has lifetimes and the others single characters.
_SCRIPT = re.compile(
    rf"(?P<string>{_STRING}|`(?:\\[\s\S]|[^`\\])*`)"
    r"|(?P<comment>//[^\n]*|/\*[\s\S]*?\*/)|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<newline>\n)"
)
_STATEMENT = re.compile(r"[ \t]*(?:def|class|return|import|raise|while|try|pass|assert|del|global)\b")
_INDENT = re.compile(r"[ \t]*")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of code.

    Args:
        text: the line with its end.
        frozen: whether it begins within a string, so that its white space has a meaning.
        joined: whether it goes on with what the line ahead of it began.
    """

    text: str
    frozen: bool = False
    joined: bool = False

    @property
    def blank(self) -> bool:
        """Whether there is nothing but white space in it."""
        return not self.text.strip()

    @property
    def indent(self) -> str:
        """The white space that it begins with."""
        return indent_of(self.text)

    @property
    def width(self) -> int:
        """Columns of that white space."""
        return len(self.indent.expandtabs(8))

    @property
    def begins(self) -> bool:
        """Whether a statement begins in it."""
        return not (self.frozen or self.joined or self.blank) and not self.text.lstrip().startswith(("#", "//"))


def indent_of(line: str) -> str:
    """The white space that a line begins with."""
    match = _INDENT.match(line)
    return match.group() if match else ""


def lines_of(text: str, language: str | None) -> list[Line]:
    """The lines of a text, their ends kept."""
    texts = [part for part in re.split(r"(?<=\n)", text) if part]  # nothing else ends a line of code
    frozen, joined = _rows(text, language)
    return [Line(one, row in frozen, row in joined) for row, one in enumerate(texts)]


def unmatched(text: str, language: str | None) -> int | None:
    """The offset of the first bracket that closes what the text did not open, or None."""
    depth = 0
    for kind, start, _ in tokens(text, language):
        depth += (kind == "open") - (kind == "close")
        if depth < 0:
            return start
    return None


def bare(text: str, language: str | None) -> str:
    """A text without what stands in its strings and comments."""
    parts, at = list[str](), 0
    for kind, start, end in tokens(text, language):
        if kind in ("string", "comment"):
            parts.append(text[at:start])
            at = end
    return "".join([*parts, text[at:]])


def unclosed(text: str, language: str | None) -> list[int]:
    """Offsets of the brackets that a text opens and does not close, the outermost first."""
    opened: list[int] = []
    for kind, start, _ in tokens(text, language):
        if kind == "open":
            opened.append(start)
        elif kind == "close" and opened:
            opened.pop()
    return opened


def unbraced(text: str, language: str | None) -> str:
    """What stands between two braces that enclose a whole text; the text where they do not."""
    inner = text.strip()
    if language in ("python", None) or not (inner.startswith("{") and inner.endswith("}")):
        return text
    inner = inner[1:-1]
    return text if unmatched(inner, language) is not None else inner


def closings(text: str, language: str | None, most: int) -> list[int]:
    """Offsets behind the first brackets, at most so many, that close what the text did not open."""
    depth, found = 0, list[int]()
    for kind, _, end in tokens(text, language):
        depth += (kind == "open") - (kind == "close")
        if depth < -len(found):
            found.append(end)
            if len(found) == most:
                break
    return found


def unit_of(text: str, language: str | None = "python") -> str:
    """What one level of indentation is in a text: a tab, or as many spaces as its first inner block has more."""
    begun = [line for line in lines_of(text, language) if line.begins]
    for outer, inner in pairwise(begun):
        if opens(outer.text) and inner.indent.startswith(outer.indent) and inner.indent != outer.indent:
            step = inner.indent[len(outer.indent) :]
            return "\t" if step[0] == "\t" else step
    return "\t" if language == "go" else "    "


def opens(line: str) -> bool:
    """Whether a line begins a block."""
    return line.rstrip().endswith((":", "{")) or line.partition("#")[0].rstrip().endswith(":")


def opens_at(lines: Sequence[Line], row: int) -> bool:
    """Whether the statement that begins in a line begins a block; it may go on over several lines."""
    last = row
    while last + 1 < len(lines) and (lines[last + 1].joined or lines[last + 1].frozen):
        last += 1
    return opens(lines[last].text)


def stripped(lines: Sequence[Line], begun: Sequence[int]) -> bool:
    """Whether the first statement seems to have lost its indentation, as in a text without the white space at its ends.

    Args:
        lines: lines of python.
        begun: rows of those that begin a statement.
    """
    if len(begun) < 2:  # noqa: PLR2004 - there is nothing to compare with
        return False
    widths = [lines[row].width for row in begun]
    least = min(widths[1:])
    # Below a line that begins a block one deeper line is its block; if that is deeper than others, these are not.
    return widths[0] < least and (not opens_at(lines, begun[0]) or widths[1] > least)


def tokens(text: str, language: str | None) -> Iterator[tuple[str, int, int]]:
    """Strings, comments, brackets and line ends of a text, each with its offsets."""
    pattern = _PYTHON if language in ("python", None) else _BRACES
    if language in ("javascript", "typescript", "tsx"):
        pattern = _SCRIPT
    for match in pattern.finditer(text):
        yield match.lastgroup or "", match.start(), match.end()


def _rows(text: str, language: str | None) -> tuple[set[int], set[int]]:
    """Numbers of the lines that begin within a string, and of those that continue a statement."""
    frozen: set[int] = set()
    joined: set[int] = set()
    row = depth = 0
    python = language in ("python", None)
    for kind, start, end in tokens(text, language):
        if kind in ("open", "close"):
            if not python and text[start] in "{}":
                continue  # a block, in which statements begin
            depth = max(0, depth + (kind == "open") - (kind == "close"))
            continue
        inner = text.count("\n", start, end)
        if kind == "newline" and depth and python and _STATEMENT.match(text, end):
            depth = 0  # no bracket holds a statement: one ahead was left open
        if kind == "string":
            frozen.update(range(row + 1, row + inner + 1))
        elif inner and (kind == "joined" or depth):
            joined.update(range(row + 1, row + inner + 1))
        row += inner
    return frozen, joined
