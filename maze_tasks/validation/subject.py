"""A fill in its place, as the checks look at it."""

from __future__ import annotations

from collections.abc import Iterator

from maze_tasks.models import Hole
from maze_tasks.record import record
from maze_tasks.syntax import Node, Tree
from maze_tasks.validation.findings import Fill, Finding, Severity
from maze_tasks.validation.fit import position
from maze_tasks.validation.frame import Frame
from maze_tasks.validation.outline import nodes_within, outline
from maze_tasks.validation.trees import read


@record
class Subject:
    """A fill in its place.

    Args:
        fill: the fill.
        hole: the hole.
        frame: the code around the hole.
        tree: the tree of the file as it would be, or of the fill alone; None where there is no grammar for it.
        start: byte offset of the fill in the tree's text.
        end: byte offset behind it.
    """

    fill: Fill
    hole: Hole
    frame: Frame
    tree: Tree | None
    start: int
    end: int

    @property
    def code(self) -> str:
        """The code of the fill."""
        return self.fill.code

    @property
    def language(self) -> str | None:
        """The language it is read as."""
        return self.frame.language

    def nodes(self) -> Iterator[Node]:
        """The nodes of the fill."""
        if self.tree is not None:
            yield from nodes_within(self.tree, self.start, self.end)

    def statements(self) -> list[Node]:
        """The outermost statements of the fill; those of its block where it is one."""
        if self.tree is None:
            return []
        guests = outline(self.tree, self.start, self.end).guests
        found = [guest.node for guest in guests if guest.node is not None and guest.node.is_named]
        while len(found) == 1 and found[0].type in ("block", "statement_block", "compound_statement", "statement_list"):
            found = [node for node in found[0].children if node.is_named and not node.is_extra]
        return found

    def text(self, node: Node) -> str:
        """The text of a node."""
        return self.tree.text(node).decode(errors="replace") if self.tree is not None else ""

    def finding(self, check: str, message: str, at: Node | int | None = None, severity: Severity = "error") -> Finding:
        """A finding at a node, or at an offset in the code of the fill in code points."""
        line = column = None
        if isinstance(at, int):
            ahead = self.code[:at]
            line, column = ahead.count("\n") + 1, at - (ahead.rfind("\n") + 1) + 1
        elif at is not None:
            line, column = position(self.frame, self.code, at.start_byte)
        return self.placed(Finding(check, message, line, column, severity))

    def note(self, check: str, message: str, at: Node | int | None = None) -> Finding:
        """A finding that rejects nothing."""
        return self.finding(check, message, at, "note")

    def placed(self, found: Finding) -> Finding:
        """A finding with its place in the file, as far as that is known."""
        place = self.hole.place
        path = self.hole.path or (place.path if place else None)
        first = self.frame.line if path is not None and self.frame.known else None
        line = first + found.line - 1 if first is not None and found.line is not None else None
        return Finding(found.check, found.message, found.line, found.column, found.severity, path, line)


def subject_of(fill: Fill, hole: Hole, frame: Frame) -> Subject:
    """A fill in its place."""
    start = len(frame.before.encode("utf-8", "replace")) if frame.known else 0
    tree = frame.read(fill.code) if frame.known else read(frame.language, fill.code)
    return Subject(fill, hole, frame, tree, start, start + len(fill.code.encode("utf-8", "replace")))
