"""Functions as the tree shows them: which one something stands in, what it takes, which names are bound where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from maze_tasks.syntax import Node, Tree
from maze_tasks.validation.grammar import FUNCTIONS, parameters_node

_CALLED: Final = FUNCTIONS | {"closure_expression", "lambda", "lambda_expression", "func_literal", "async_block"}
_NAMES: Final = frozenset({"identifier", "self", "this", "shorthand_property_identifier_pattern"})
_NOT_NAMES: Final = frozenset({"type", "value", "return_type", "size", "right", "default_value"})
_BESIDE: Final = frozenset({"modifiers", "annotation", "marker_annotation", "attribute_item", "decorator"})
# By type of node: the fields that hold names which it binds anew.
_BINDING_FIELDS: Final = {
    "assignment": ("left",),
    "for_statement": ("left",),
    "for_in_clause": ("left",),
    "named_expression": ("name",),
    "function_definition": ("name",),
    "class_definition": ("name",),
    "let_declaration": ("pattern",),
    "for_expression": ("pattern",),
    "parameter": ("pattern", "name"),
    "function_item": ("name",),
    "short_var_declaration": ("left",),
    "range_clause": ("left",),
    "var_spec": ("name",),
    "parameter_declaration": ("name", "declarator"),
    "variable_declarator": ("name",),
    "formal_parameter": ("name",),
    "required_parameter": ("pattern",),
    "optional_parameter": ("pattern",),
    "for_in_statement": ("left",),
    "enhanced_for_statement": ("name",),
    "init_declarator": ("declarator",),
    "declaration": ("declarator",),
    "function_declaration": ("name",),
}
_BINDING_LISTS: Final = frozenset(
    {"parameters", "lambda_parameters", "closure_parameters", "formal_parameters", "global_statement"}
) | {"nonlocal_statement", "delete_statement", "as_pattern_target"}
_ASSIGNMENTS: Final = frozenset({"assignment_expression", "assignment_statement"})
_PATTERNS: Final = frozenset(
    {"pattern_list", "tuple_pattern", "list_pattern", "expression_list", "array_pattern", "object_pattern"}
) | {"pointer_declarator", "reference_declarator", "mut_pattern", "ref_pattern", "reference_pattern"}


def function_around(node: Node | None) -> Node | None:
    """The innermost function, or block that runs like one, that a node stands in."""
    above = node.parent if node is not None else None
    while above is not None and above.type not in _CALLED:
        above = above.parent
    return above


def parameter_names(tree: Tree, function: Node | None) -> set[str]:
    """The names that a function's parameters have in its body.

    Args:
        tree: the tree of the text.
        function: the node of the function, or None.
    """
    given = parameters_node(function) if function is not None else None
    return {tree.text(one).decode(errors="replace") for one in _bound(given)} if given is not None else set()


def _bound(node: Node) -> Iterator[Node]:
    if node.type in _NAMES:
        yield node
    for at, child in enumerate(node.children):
        if node.field_name_for_child(at) not in _NOT_NAMES and child.type not in _BESIDE:
            yield from _bound(child)


def binds_only(node: Node, *, assigned: bool) -> bool:
    """Whether a name only gets a new meaning where it stands, and is not used.

    Args:
        node: the node of the name.
        assigned: whether to count, in languages that declare their variables, an assignment too.
    """
    while node.parent is not None and node.parent.type in _PATTERNS:
        node = node.parent
    above = node.parent
    if above is None:
        return False
    if above.type in _BINDING_LISTS:
        return True
    fields: tuple[str, ...] = _BINDING_FIELDS.get(above.type, ())
    if assigned and above.type in _ASSIGNMENTS and not _reads_too(above):
        fields = ("left",)
    return any(node in above.children_by_field_name(field) for field in fields)


def _reads_too(assignment: Node) -> bool:
    operator = assignment.child_by_field_name("operator")
    return operator is not None and operator.type != "="
