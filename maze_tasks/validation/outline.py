"""What of a syntax tree lies around a piece of its text: two texts with one outline have the same surroundings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from maze_tasks.syntax import Node, SyntaxProblem, Tree, errors_in

INSIDE = "inside"  # an end of a node that lies within the piece: it moves with the piece

# Nodes that only hold a block's statements, and end where the last of them does: that depends on comments behind it.
_TRANSPARENT = frozenset({"statement_list"})
_LINE_FEED = ord("\n")

Edge = int | str  # offset ahead of the piece, `INSIDE`, or a negative distance from the text's end
Row = tuple[int, str, Edge, Edge]
Home = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Guest:
    """A node that lies wholly within the piece, directly below one that does not.

    Args:
        home: number of the row it lies below, and the field it has there.
        type: its type.
        start: byte offset in the text.
        end: byte offset behind it.
        node: the node itself, in a tree of a grammar.
    """

    home: Home
    type: str
    start: int
    end: int
    node: Node | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Outline:
    """The surroundings of a piece of text, as its tree shows them.

    Args:
        rows: the nodes not within the piece, each with its depth, type, and where it begins and ends, those wholly
            outside without what is below them; comments are left out, they say nothing about structure.
        guests: the outermost nodes within the piece.
        faults: what does not parse outside the piece, its place relative to the nearer end of the text.
        broken: what does not parse and touches the piece.
    """

    rows: tuple[Row, ...]
    guests: tuple[Guest, ...]
    faults: frozenset[tuple[Edge, Edge]]
    broken: tuple[SyntaxProblem, ...]

    @property
    def homes(self) -> frozenset[Home]:
        """Where in the surroundings the nodes of the piece hang."""
        return frozenset(guest.home for guest in self.guests)


def outline(tree: Tree, start: int, end: int) -> Outline:
    """The outline of a tree around the bytes `start` to `end` of its text."""
    rows: list[Row] = []
    guests: list[Guest] = []
    total = len(tree.data)
    cursor = tree.root.walk()
    above: list[int] = []
    while True:
        node = cursor.node
        if node is not None and node.type in _TRANSPARENT and node.start_byte < end and start < node.end_byte:
            if cursor.goto_first_child():
                above.append(above[-1] if above else -1)
                continue
        elif node is not None and not node.is_extra:
            home = (above[-1] if above else -1, cursor.field_name or "")
            if _within(node, start, end):
                guests.append(Guest(home, node.type, node.start_byte, node.end_byte, node))
            else:
                begins = _edge(node.start_byte, start, end, total, opening=True)
                ends = _edge(node.end_byte, start, end, total, opening=False)
                rows.append((len(above), node.type, begins, ends))
                # What lies wholly outside has the same text and type in both texts, and so the same nodes below it.
                if node.start_byte < end and start < node.end_byte and cursor.goto_first_child():
                    above.append(len(rows) - 1)
                    continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                faults, broken = _faults(tree, start, end)
                return Outline(tuple(rows), tuple(guests), faults, broken)
            above.pop()


def python_outline(text: bytes, root: ast.AST, start: int, end: int) -> Outline:
    """The same of a tree of python's own, for what its grammar here does not read.

    Args:
        text: the whole text, in UTF-8.
        root: its tree.
        start: byte offset where the piece begins.
        end: byte offset behind it.
    """
    begins = [0, *(at + 1 for at, sign in enumerate(text) if sign == _LINE_FEED)]
    rows: list[Row] = []
    guests: list[Guest] = []
    waiting: list[tuple[ast.AST, int, int, str]] = [(root, 0, -1, "")]
    while waiting:
        node, depth, above, name = waiting.pop()
        spans = isinstance(node, ast.stmt | ast.expr)
        if isinstance(node, ast.stmt | ast.expr):
            first = begins[node.lineno - 1] + node.col_offset
            last = begins[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
            kind = type(node).__name__
            if start <= first < last <= end:
                guests.append(Guest((above, name), kind, first, last))
                continue
            edges = _edge(first, start, end, len(text), opening=True), _edge(last, start, end, len(text), opening=False)
            rows.append((depth, kind, *edges))
            if first >= end or last <= start:
                continue
            above = len(rows) - 1
        children = [(key, child) for key, value in ast.iter_fields(node) for child in _nodes(value)]
        waiting += [(child, depth + spans, above, key if spans else name) for key, child in reversed(children)]
    return Outline(tuple(rows), tuple(guests), frozenset(), ())


def _nodes(value: object) -> list[ast.AST]:
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, ast.AST)]


def chain(tree: Tree, start: int, end: int) -> list[Node]:
    """The nodes around the bytes `start` to `end`, outermost first, that are more than these."""
    found = []
    node: Node | None = tree.root
    while node is not None:
        found.append(node)
        node = next((child for child in node.children if _around(child, start, end)), None)
    return found


def nodes_within(tree: Tree, start: int, end: int) -> Iterator[Node]:
    """All nodes that lie within the bytes `start` to `end`, in the order of the text, comments too."""
    cursor = tree.root.walk()
    while True:
        node = cursor.node
        if node is not None and node.start_byte < end and start < node.end_byte:
            if _within(node, start, end):
                yield node
            if cursor.goto_first_child():
                continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return


def _within(node: Node, start: int, end: int) -> bool:
    return start <= node.start_byte < node.end_byte <= end


def _around(node: Node, start: int, end: int) -> bool:
    if node.is_extra or _within(node, start, end):
        return False
    return node.start_byte <= start and end <= node.end_byte and node.end_byte > start


def _edge(offset: int, start: int, end: int, total: int, *, opening: bool) -> Edge:
    if offset < start or (offset == start and not opening):
        return offset
    if offset > end or (offset == end and opening):
        return offset - total - 1
    return INSIDE


def _faults(tree: Tree, start: int, end: int) -> tuple[frozenset[tuple[Edge, Edge]], tuple[SyntaxProblem, ...]]:
    """What does not parse: outside, by its place, and what touches the piece."""
    total = len(tree.data)
    outside: set[tuple[Edge, Edge]] = set()
    broken = []
    for problem in errors_in(tree):
        if problem.start < start and problem.end <= start:
            outside.add((problem.start, problem.end))
        elif problem.start >= end and problem.end > end:
            outside.add((problem.start - total - 1, problem.end - total - 1))
        else:
            broken.append(problem)
    return frozenset(outside), tuple(broken)
