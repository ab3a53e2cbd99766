"""The type that a fill should have, as far as the code around the hole says it."""

from __future__ import annotations

from typing import Final

from maze_tasks.source.descent import Spot
from maze_tasks.source.surroundings import owner_of
from maze_tasks.syntax import Node, Tree

_RETURNS: Final = frozenset({"return_statement", "return_expression"})
_BETWEEN: Final = frozenset({"variable_declarator", "init_declarator", "expression_list", "parenthesized_expression"})
_MAX_TYPE: Final = 500  # characters


def returned_type(function: Spot) -> str | None:
    """The declared type of what a function returns."""
    tree, node = function.tree, function.node
    if tree.language in ("c", "cpp"):
        return _c_type(tree, node)
    for field in ("return_type", "result", "type"):
        if (found := node.child_by_field_name(field)) is not None:
            return _clean(tree.text(found))
    return None


def expression_type(spot: Spot) -> str | None:
    """The type declared for the value that the expression at `spot` stands for.

    That is the type of the variable it is assigned to where it is declared, or of what the function returns whose
    result it is; None where neither is said.
    """
    above = len(spot.nodes) - 2
    while above > 0 and spot.nodes[above].type in _BETWEEN:
        if (found := _declared(spot.tree, spot.nodes[above])) is not None:
            return found
        above -= 1
    parent = spot.nodes[above]
    function = owner_of(spot.up_to(above))
    if parent.type in _RETURNS or parent.type in spot.grammar.functions:
        return returned_type(function) if function is not None else None
    return _declared(spot.tree, parent)


def _declared(tree: Tree, node: Node) -> str | None:
    if tree.language in ("c", "cpp"):
        return _c_type(tree, node) if node.type == "declaration" else None
    if node.type == "variable_declaration" and tree.language == "zig":
        children = node.children
        colon = next((index for index, child in enumerate(children) if child.type == ":"), None)
        return None if colon is None or colon + 1 >= len(children) else _clean(tree.text(children[colon + 1]))
    found = node.child_by_field_name("type")
    return _clean(tree.text(found)) if found is not None and not node.type.endswith("parameter") else None


def _c_type(tree: Tree, node: Node) -> str | None:
    """A type of C, which stands in part before the name and in part around it."""
    base = node.child_by_field_name("type")
    if base is None:
        return None
    stars = ""
    declarator = node.child_by_field_name("declarator")
    while declarator is not None:
        if declarator.type in ("pointer_declarator", "reference_declarator"):
            stars += tree.text(declarator)[:1].decode(errors="replace")
        trailing = [child for child in declarator.children if child.type == "trailing_return_type"]
        if trailing:
            return _clean(tree.text(trailing[0]))
        inner = declarator.child_by_field_name("declarator")
        if inner is None and declarator.type == "reference_declarator":
            inner = next(iter(declarator.named_children), None)
        declarator = inner
    qualifiers = [tree.text(child) for child in node.children if child.type == "type_qualifier"]
    words = b" ".join((*qualifiers, tree.text(base)))
    return f"{_clean(words)} {stars}".rstrip()


def _clean(text: bytes) -> str | None:
    words = " ".join(text.decode(errors="replace").split())
    for mark in (":", "->"):
        words = words.removeprefix(mark).lstrip()
    return words[:_MAX_TYPE] or None
