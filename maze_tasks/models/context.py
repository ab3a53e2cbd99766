"""What a prompt shows of the code base beside the code around a hole."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from maze_tasks.models.reading import NonNegative, Shape

# Kinds of pieces, the most useful first. Others are read as well and come last.
PIECE_KINDS: Final = (
    "dependency",  # the fill of a hole that this one depends on
    "imports",  # the imports of the file
    "fields",  # the class around the hole: its attributes and the signatures of its methods
    "type",  # a type that the signature names
    "definition",  # something else that the hole refers to
    "signature",  # how functions that are at hand are declared
    "usage",  # code that calls the function whose body the hole is
    "neighbour",  # code of the same kind, which shows the style
)


class ContextPiece(Shape):
    """A piece of code that helps to fill a hole.

    `kind` is one of `PIECE_KINDS`, others are kept as they are. `title` is one line that says what `text` is. The
    larger its `weight`, from 0 to about 1, the more useful it is; of equal weights the kind decides.
    """

    kind: str = Field(min_length=1)
    title: str = ""
    text: str
    weight: NonNegative = 1.0
