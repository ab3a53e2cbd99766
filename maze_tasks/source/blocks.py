"""Blocks that hold nothing but holes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from maze_tasks.source.comments import Wish
from maze_tasks.source.descent import Spot
from maze_tasks.source.surroundings import docstring_node
from maze_tasks.syntax import Node

_WHOLE: Final = frozenset({"block", "compound_statement", "statement_block", "constructor_body", "statement_list"})


@dataclass(frozen=True, slots=True)
class Element:
    """A piece of a hole.

    Args:
        marker: the marker that it is.
        wish: what it asks for, where it is a hole comment.
        is_comment: whether it is a comment.
    """

    marker: str
    wish: Wish | None
    is_comment: bool


@dataclass(frozen=True, slots=True)
class Block:
    """A block and the pieces of holes in it.

    Args:
        spot: where it is.
        elements: the pieces, in order, with their nodes.
        is_hole: whether it holds nothing else but a docstring and comments.
    """

    spot: Spot
    elements: list[tuple[Node, Element]]
    is_hole: bool


class Blocks:
    """Blocks as they are asked for, each looked at once, however many holes it has.

    Args:
        element_of: what piece of a hole a node is, if any.
    """

    def __init__(self, element_of: Callable[[Node], Element | None]) -> None:
        self._element_of = element_of
        self._known: dict[int, tuple[list[tuple[Node, Element]], bool]] = {}

    def around(self, spot: Spot) -> Block | None:
        """The block whose child the node at `spot` is, or None where it is in none."""
        at = spot.parent
        if at is None or at.node.type not in _WHOLE:
            return None
        if at.node.type == "statement_list" and (outer := at.parent) is not None and outer.node.type == "block":
            at = outer  # Go has its statements one level further down
        if at.node.id not in self._known:
            self._known[at.node.id] = self._read(at)
        elements, is_hole = self._known[at.node.id]
        return Block(at, elements, is_hole)

    def _read(self, at: Spot) -> tuple[list[tuple[Node, Element]], bool]:
        docstring = docstring_node(at.node) if at.tree.language == "python" else None
        elements: list[tuple[Node, Element]] = []
        others = 0
        for child in _statements(at.node):
            element = self._element_of(child)
            if element is not None:
                elements.append((child, element))
            elif not (child.is_extra or _is_docstring(child, docstring)):
                others += 1
        return elements, bool(elements) and others == 0


def _statements(block: Node) -> list[Node]:
    children: list[Node] = []
    for child in block.named_children:
        children += child.named_children if child.type == "statement_list" else [child]
    return children


def _is_docstring(child: Node, docstring: Node | None) -> bool:
    return docstring is not None and child.start_byte == docstring.start_byte
