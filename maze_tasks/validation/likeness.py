"""Which fills say the same: one key for all that differ in layout, comments, quotes and local names only."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from maze_tasks.syntax import Node, Tree
from maze_tasks.validation.fit import alone
from maze_tasks.validation.grammar import is_docstring
from maze_tasks.validation.trees import read

_SILENT = frozenset("()[]{},;:")  # what the tree's shape says already
_TOKEN = re.compile(r"\w+|[^\w\s]")
# Nodes of python that bind names: the field (or type of child) that holds what is bound.
_BINDING = {
    "assignment": "left",
    "augmented_assignment": "left",
    "named_expression": "name",
    "for_statement": "left",
    "for_in_clause": "left",
    "as_pattern_target": None,
    "lambda_parameters": None,
}
_TARGETS = frozenset({"identifier", "pattern_list", "tuple_pattern", "list_pattern", "list_splat_pattern"})
_PASSED_OVER = frozenset({"parenthesized_expression"})
_QUOTES = re.compile(r"[\"'`]+")


def likeness(code: str, language: str | None, indent: str = "") -> str:
    """A key that two fills share where their normalised syntax trees are the same.

    The tree is that of the fill by itself, without comments, docstrings, redundant parentheses, kinds of quotes and
    layout; in python the variables that the fill binds count by the order in which they appear. A fill that has no tree
    by itself is compared by its tokens.

    Args:
        code: the fill.
        language: the language of its file, None where it is not known.
        indent: white space ahead of the fill's first line where the fill begins behind it.

    Returns:
        64 hexadecimal digits.
    """
    tree = read(language, alone(language, code if code[:1].isspace() else indent + code))
    sound = tree is not None and not tree.root.has_error
    said = list(_shape(tree)) if tree is not None and sound else _TOKEN.findall(code)
    return hashlib.sha256(repr(said).encode("utf-8", "replace")).hexdigest()


def _shape(tree: Tree) -> Iterator[str]:
    """The tree as a flat sequence, each node closed behind its children; without recursion, however deep it is."""
    names = _bound(tree) if tree.language == "python" else {}
    stack: list[Node | None] = [tree.root]
    while stack:
        node = stack.pop()
        if node is None:
            yield ")"
            continue
        if node.is_extra or node.type in _SILENT or is_docstring(node):
            continue
        if node.type in _PASSED_OVER:
            stack.extend(reversed(node.children))
            continue
        if not node.children:
            yield _leaf(tree, node, names)
            continue
        yield f"({node.type}"
        stack.append(None)
        stack.extend(reversed(node.children))


def _leaf(tree: Tree, node: Node, names: dict[str, int]) -> str:
    text = tree.text(node).decode(errors="replace")
    if node.type == "identifier" and text in names and not _is_attribute(node):
        return f"local {names[text]}"
    if node.type in ("string_start", "string_end", '"', "'", "`"):
        return _QUOTES.sub("quote", text).lower()
    return text


def _is_attribute(node: Node) -> bool:
    """Whether a name is that of a member or of an argument, which no variable changes."""
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "attribute":
        return parent.child_by_field_name("attribute") == node
    return parent.type == "keyword_argument" and parent.child_by_field_name("name") == node


def _bound(tree: Tree) -> dict[str, int]:
    """The variables that a fill of python binds, numbered as they first appear."""
    found: dict[str, int] = {}
    outer: set[str] = set()
    stack = [tree.root]
    while stack:
        node = stack.pop()
        if node.type in ("global_statement", "nonlocal_statement"):
            outer.update(tree.text(one).decode(errors="replace") for one in node.named_children)
        if node.type in _BINDING:
            field = _BINDING[node.type]
            target = node.child_by_field_name(field) if field else node
            for name in _names(tree, target) if target is not None else ():
                found.setdefault(name, len(found))
        stack.extend(reversed(node.named_children))
    return {name: number for name, number in found.items() if name not in outer}


def _names(tree: Tree, target: Node) -> Iterator[str]:
    """The plain names in what is bound; `a.b` and `a[0]` bind none."""
    if target.type == "identifier":
        yield tree.text(target).decode(errors="replace")
        return
    for child in target.named_children:
        if child.type in _TARGETS or target.type == "as_pattern_target":
            yield from _names(tree, child)
