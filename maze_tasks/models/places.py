"""Where a hole stands in a source tree."""

from __future__ import annotations

from pydantic import Field

from maze_tasks.models.reading import U64, Shape


class Place(Shape):
    """The spot of a file that a fill replaces, found by scanning.

    `start` and `end` are byte offsets into the file as it was read (`sha256` of those bytes, in hexadecimal); what lies
    between them is replaced by the fill. `line` and `column` count from 1, columns in code points. `indent` is the
    white space that the lines of a fill begin with, `newline` how the file ends its lines, `size` how many bytes it
    has. `modules` are the top-level names of modules that the tree knows, of a file of Python; None is not known.
    """

    path: str = Field(min_length=1)
    start: U64
    end: U64
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    line: U64
    column: U64
    kind: str = "body"
    indent: str = ""
    newline: str = "\n"
    encoding: str = "utf-8"
    signature: str | None = None
    docstring: str | None = None
    scope: tuple[str, ...] = ()
    marker: str = ""
    size: U64 | None = None
    modules: tuple[str, ...] | None = None
