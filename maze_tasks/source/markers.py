"""The markers of holes, each told from its node alone (CONTRACTS section 5)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from maze_tasks.source.grammars import STRINGS
from maze_tasks.syntax import Node, Tree

Marker = Callable[[Tree, Node], str | None]

_MESSAGE: Final = re.compile(
    r"\A\s*(?:TODO|not (?:yet )?implemented(?: yet)?|unimplemented)\s*(?:[.!]*\s*\Z|\s-\s|:)", re.IGNORECASE
)

_PATHS: Final = {"rust": "::", "cpp": "::", "java": "."}

# Words without which a text of that language holds no marker; each place where one stands is looked at in the tree.
WORDS: Final[dict[str, str]] = {
    "python": r"\bpass\b|\.\.\.|\bNotImplementedError\b",
    "rust": r"\b(?:todo|unimplemented|panic)\s*!",
    "go": r"\bpanic\b",
    "typescript": r"\bError\b|\bundefined\b",
    "tsx": r"\bError\b|\bundefined\b",
    "javascript": r"\bError\b",
    "java": r"\bUnsupportedOperationException\b|\bRuntimeException\b",
    "c": r"\bassert\b",
    "cpp": r"\bassert\b|\b(?:logic|runtime)_error\b",
    "zig": r"@panic\b",
}


def marker_of(tree: Tree, node: Node) -> str | None:
    """The marker that `node` is, in its usual spelling, or None."""
    found = _MARKERS[tree.language](tree, node)
    if found is None and node.type == "expression_statement" and len(inner := _code(node)) == 1:
        return _MARKERS[tree.language](tree, inner[0])
    return found


def _python(tree: Tree, node: Node) -> str | None:
    if node.type == "pass_statement":
        return "pass"
    if node.type == "ellipsis":
        return "..."
    if node.type == "raise_statement" and (inner := _code(node)):
        raised = _field(inner[0], "function") if inner[0].type == "call" else inner[0]
        if raised is not None and tree.text(raised) == b"NotImplementedError":
            return "raise NotImplementedError"
    return None


def _rust(tree: Tree, node: Node) -> str | None:
    if node.type != "macro_invocation":
        return None
    name = _last_name(tree, _field(node, "macro"))
    if name in ("todo", "unimplemented"):
        return f"{name}!()"
    if name == "panic":
        tokens = [child for child in _code(node) if child.type == "token_tree"]
        if len(tokens) == 1 and _says_todo(tree, _code(tokens[0])[:1]):
            return "panic!()"
    return None


def _go(tree: Tree, node: Node) -> str | None:
    called = _called_with_message(tree, node, "call_expression", "function", ("panic",))
    return f"{called}()" if called else None


def _ecma(tree: Tree, node: Node) -> str | None:
    if node.type == "as_expression":
        parts = _code(node)
        if [tree.text(part) for part in parts] == [b"undefined", b"any"]:
            return "undefined as any"
    if node.type != "throw_statement" or len(thrown := _code(node)) != 1:
        return None
    for kind, name in (("new_expression", "constructor"), ("call_expression", "function")):
        if _called_with_message(tree, thrown[0], kind, name, ("Error",)):
            return "throw new Error()"
    return None


def _java(tree: Tree, node: Node) -> str | None:
    if node.type != "throw_statement" or len(thrown := _code(node)) != 1:
        return None
    made = thrown[0]
    if made.type != "object_creation_expression" or any(child.type == "class_body" for child in made.children):
        return None
    name = _last_name(tree, _field(made, "type"))
    if name == "UnsupportedOperationException":
        return f"throw new {name}()"
    if _called_with_message(tree, made, "object_creation_expression", "type", ("RuntimeException",)):
        return f"throw new {name}()"
    return None


def _zig(tree: Tree, node: Node) -> str | None:
    if node.type != "builtin_function":
        return None
    name, *arguments = _code(node)
    if tree.text(name) == b"@panic" and arguments and _says_todo(tree, _code(arguments[0])):
        return "@panic()"
    return None


def _c(tree: Tree, node: Node) -> str | None:
    if node.type == "call_expression" and _last_name(tree, _field(node, "function")) == "assert":
        arguments = _field(node, "arguments")
        given = [tree.text(one) for one in _code(arguments)] if arguments is not None else []
        if given in ([b"false"], [b"0"]):
            return f"assert({given[0].decode()})"
    return None


def _cpp(tree: Tree, node: Node) -> str | None:
    if node.type != "throw_statement" or len(thrown := _code(node)) != 1:
        return _c(tree, node)
    errors = ("logic_error", "runtime_error")
    for kind, name, arguments in (
        ("call_expression", "function", "arguments"),
        ("compound_literal_expression", "type", "value"),
    ):
        if called := _called_with_message(tree, thrown[0], kind, name, errors, arguments):
            return f"throw std::{called}()"
    return None


_MARKERS: Final[dict[str, Marker]] = {
    "python": _python,
    "rust": _rust,
    "go": _go,
    "typescript": _ecma,
    "tsx": _ecma,
    "javascript": _ecma,
    "java": _java,
    "zig": _zig,
    "c": _c,
    "cpp": _cpp,
}


def _called_with_message(
    tree: Tree, node: Node, kind: str, callee: str, names: tuple[str, ...], arguments: str = "arguments"
) -> str | None:
    """The one of `names` that `node` calls with a message such as ``TODO`` for its only argument."""
    if node.type != kind:
        return None
    name = _last_name(tree, _field(node, callee))
    given = _field(node, arguments)
    if name in names and given is not None and _says_todo(tree, _code(given)):
        return name
    return None


def _says_todo(tree: Tree, arguments: list[Node]) -> bool:
    """Whether the only argument is a plain text that says that something is still to be done."""
    if len(arguments) != 1 or arguments[0].type not in STRINGS:
        return False
    if any(child.type.endswith(("substitution", "interpolation")) for child in arguments[0].children):
        return False
    text = tree.text(arguments[0]).decode(errors="replace")
    opening = re.match(r"""(?:[uULR8]{0,3}|r#*)["'`]""", text)
    return opening is not None and _MESSAGE.match(text[opening.end() :].rstrip("#\"'`")) is not None


def _last_name(tree: Tree, node: Node | None) -> str | None:
    """The last name of a path such as ``std::logic_error``, in languages where a path may lead to a marker."""
    if node is None:
        return None
    name = tree.text(node).decode(errors="replace")
    return name.rpartition(_PATHS.get(tree.language, "\0"))[2].strip()


def _field(node: Node, name: str) -> Node | None:
    return node.child_by_field_name(name)


def _code(node: Node) -> list[Node]:
    """Named children without comments."""
    return [child for child in node.named_children if not child.is_extra]
