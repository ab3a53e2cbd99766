"""Functions without a body by intent: abstract methods, protocol members, overloads, stubs for type checkers."""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from maze_tasks.source.descent import Spot
from maze_tasks.syntax import Node, Tree

_DECORATORS: Final = frozenset(
    {"overload", "abstractmethod", "abstractproperty", "abstractclassmethod", "abstractstaticmethod"}
)
_BASES: Final = frozenset({"Protocol", "Interface"})  # typing's, and zope's
_CHECKING: Final = re.compile(rb"(?<!not )\bTYPE_CHECKING\b")
_NAME: Final = re.compile(r"(?:\w+\s*\.\s*)*(\w+)")


def is_bodiless_by_intent(function: Spot) -> bool:
    """Whether a Python function has no body because it should have none."""
    tree, above = function.tree, function.nodes[:-1]
    if above and above[-1].type == "decorated_definition" and _names(tree, above[-1], "decorator") & _DECORATORS:
        return True
    return _is_protocol_member(function) or any(map(partial(_is_for_type_checkers, tree), above, above[1:]))


def _is_protocol_member(function: Spot) -> bool:
    tree = function.tree
    for node in reversed(function.nodes[:-1]):
        if node.type == "function_definition":
            return False
        if node.type == "class_definition":
            bases = node.child_by_field_name("superclasses")
            return bases is not None and any(_name(tree, base) in _BASES for base in bases.named_children)
    return False


def _is_for_type_checkers(tree: Tree, node: Node, within: Node) -> bool:
    """Whether `within` is the branch of an ``if TYPE_CHECKING`` that never runs."""
    if node.type != "if_statement" or node.child_by_field_name("consequence") != within:
        return False
    condition = node.child_by_field_name("condition")
    return condition is not None and _CHECKING.search(tree.text(condition)) is not None


def _names(tree: Tree, node: Node, kind: str) -> set[str | None]:
    """Last names of what the children of that kind name."""
    return {_name(tree, child) for child in node.named_children if child.type == kind}


def _name(tree: Tree, node: Node) -> str | None:
    """The last part of the dotted name that a node begins with."""
    match = _NAME.match(tree.text(node).decode(errors="replace").lstrip("@ \t"))
    return match[1] if match else None
