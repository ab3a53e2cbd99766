"""From the root of a tree down to a spot of its text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from maze_tasks.source.grammars import GRAMMARS, Grammar
from maze_tasks.syntax import Node, Tree

MAX_DEPTH: Final = 1000  # nodes above a marker; deeper nesting is no code that people write


@dataclass(frozen=True, slots=True)
class Spot:
    """A node and all above it, without asking any node for its parent, which costs a search from the root.

    Args:
        tree: the tree.
        nodes: from the root down to the node.
    """

    tree: Tree
    nodes: tuple[Node, ...]

    @property
    def node(self) -> Node:
        """The node itself."""
        return self.nodes[-1]

    @property
    def parent(self) -> Spot | None:
        """The spot one up, or None at the root."""
        return Spot(self.tree, self.nodes[:-1]) if len(self.nodes) > 1 else None

    @property
    def grammar(self) -> Grammar:
        """What the nodes of this language are called."""
        return GRAMMARS[self.tree.language]

    def up_to(self, index: int) -> Spot:
        """The spot of the node at `index` of `nodes`."""
        return Spot(self.tree, self.nodes[: index + 1])


def spot_at(tree: Tree, offset: int) -> Spot | None:
    """The deepest node that holds the byte at `offset`, or None where it lies between nodes or too deep."""
    cursor = tree.root.walk()
    nodes: list[Node] = []
    while len(nodes) <= MAX_DEPTH:
        node = cursor.node
        if node is None or not node.start_byte <= offset < node.end_byte:
            break
        nodes.append(node)
        if cursor.goto_first_child_for_byte(offset) is None:
            return Spot(tree, tuple(nodes))
    return Spot(tree, tuple(nodes)) if 0 < len(nodes) <= MAX_DEPTH else None
