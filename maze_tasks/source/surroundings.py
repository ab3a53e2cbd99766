"""What stands around a hole: the function it is in, that function's signature and description, the names above it."""

from __future__ import annotations

import ast
import inspect
import re
import warnings
from typing import Final

from maze_tasks.source.descent import Spot
from maze_tasks.source.texts import Text
from maze_tasks.syntax import Node, Tree

MAX_SIGNATURE: Final = 2000  # characters
MAX_DOCSTRING: Final = 8000  # characters
_DOC_LINES: Final = 200  # lines above a function that are looked at for its description
_NAME_FIELDS: Final = ("name", "key", "property", "left", "pattern", "declarator")
_ABOVE: Final = re.compile(
    rb"#\s*!?\[.*\]\Z|@[\w.]+(?:\(.*\))?\Z"
)  # an attribute or annotation between description and function
_LEADER: Final = re.compile(r"^\s*(?:/{2,}!?|/\*+!?|\*+/|\*(?!/))?[ \t]?|\s*\*+/\s*$")
ANONYMOUS: Final = "<anonymous>"


def owner_of(spot: Spot) -> Spot | None:
    """The innermost function whose body `spot` is in or is."""
    for index in range(len(spot.nodes) - 1, -1, -1):
        if spot.nodes[index].type in spot.grammar.functions:
            return spot.up_to(index)
    return None


def body_of(function: Spot) -> Node | None:
    """The body of a function: its field of that name, or the last block in it."""
    if (body := function.node.child_by_field_name("body")) is not None:
        return body
    blocks = [child for child in function.node.children if child.type in function.grammar.blocks]
    return blocks[-1] if blocks else None


def scope_of(spot: Spot) -> tuple[str, ...]:
    """Names of what encloses `spot`, the outermost first, the function it is in last."""
    grammar, tree = spot.grammar, spot.tree
    names: list[str] = []
    held: str | None = None
    for node in spot.nodes:
        if node.type in grammar.holders:
            held = _name(tree, node)
        elif node.type in grammar.functions or node.type in grammar.classes:
            name = _own_name(tree, node) or held or ANONYMOUS
            held = None
            names += name.split("::") if tree.language in ("cpp", "go") else [name]
        elif node.type in grammar.spaces and (space := _name(tree, node)):
            names += space.split("::")
    return tuple(names)


def signature_of(function: Spot, text: Text) -> str | None:
    """What a function is declared as, up to its body."""
    body = body_of(function)
    if body is None:
        return None
    start = _declaration(function).start_byte
    code = text.utf8[start : body.start_byte].decode(errors="replace")
    if function.tree.language == "python":
        code = _without_comments_behind(code)
    return code.strip()[:MAX_SIGNATURE] or None


def _declaration(function: Spot) -> Node:
    """The function, or the declaration of the variable that gives its name to one without."""
    if _own_name(function.tree, function.node) is not None:
        return function.node
    grammar = function.grammar
    for index in range(len(function.nodes) - 2, 0, -1):
        node, above = function.nodes[index], function.nodes[index - 1]
        if node.type in grammar.holders:
            is_alone = above.type.endswith("declaration") and above.named_children[-1:] == [node]
            return above if is_alone else node
        if node.type in grammar.functions or node.type in grammar.blocks:
            break
    return function.node


def docstring_of(function: Spot, text: Text) -> str | None:
    """What a function says of itself: its docstring in Python, the comment right above it elsewhere."""
    if function.tree.language == "python":
        body = body_of(function)
        found = docstring_node(body) if body is not None else None
        return _python_docstring(function.tree.text(found)) if found is not None else None
    return _comment_above(function, text)


def docstring_node(body: Node) -> Node | None:
    """The string that is the first statement of a Python body."""
    for child in body.named_children:
        if child.is_extra:
            continue
        inner = child.named_children
        is_text = child.type == "expression_statement" and len(inner) == 1
        return inner[0] if is_text and inner[0].type in ("string", "concatenated_string") else None
    return None


def _own_name(tree: Tree, node: Node) -> str | None:
    if node.type == "impl_item":
        own, trait = node.child_by_field_name("type"), node.child_by_field_name("trait")
        name = _bare(tree, own) if own is not None else ANONYMOUS
        return f"<{name} as {_bare(tree, trait)}>" if trait is not None else name
    if node.type == "method_declaration" and (receiver := node.child_by_field_name("receiver")) is not None:
        method = node.child_by_field_name("name")
        name = tree.text(method).decode(errors="replace") if method is not None else ANONYMOUS
        return name if (kind := _first(receiver, "type_identifier")) is None else f"{_bare(tree, kind)}::{name}"
    if node.type == "test_declaration":
        texts = [child for child in node.named_children if child.type in ("string", "identifier")]
        return "test " + tree.text(texts[0]).decode(errors="replace") if texts else "test"
    if node.type == "static_initializer":
        return "static"
    if node.type == "lambda_expression":
        return None
    return _name(tree, node)


def _name(tree: Tree, node: Node) -> str | None:
    """The name that a node declares, by whatever field its grammar has for it."""
    for field in _NAME_FIELDS:
        found = node.child_by_field_name(field)
        while found is not None and (inner := _declared_in(found)) is not None:
            found = inner
        if found is not None and found.type == "operator_cast":
            kind = found.child_by_field_name("type")
            return "operator" if kind is None else f"operator {_bare(tree, kind)}"
        if found is not None:
            return " ".join(tree.text(found).decode(errors="replace").split()) or None
    if node.type == "variable_declaration" and (found := _first(node, "identifier")) is not None:
        return tree.text(found).decode(errors="replace")
    return None


def _declared_in(declarator: Node) -> Node | None:
    """What a declarator of C is wrapped around: the name is the innermost of them."""
    if declarator.type == "operator_cast":
        return None
    if declarator.type in ("reference_declarator", "parenthesized_declarator"):
        return next(iter(declarator.named_children), None)
    return declarator.child_by_field_name("declarator")


def _bare(tree: Tree, node: Node) -> str:
    """A type without its parameters."""
    return " ".join(tree.text(node).decode(errors="replace").partition("<")[0].split())


def _first(node: Node, kind: str) -> Node | None:
    """The first node of that kind below `node`, some levels down."""
    level = [node]
    for _ in range(4):
        level = [child for above in level for child in above.named_children]
        if found := next((child for child in level if child.type == kind), None):
            return found
    return None


def _without_comments_behind(code: str) -> str:
    """A Python signature up to its colon: comments may stand between it and the body."""
    kept = code.rstrip()
    lines = kept.split("\n")
    while len(lines) > 1 and lines[-1].lstrip().startswith("#"):
        lines.pop()
    head, hash_mark, _ = lines[-1].rpartition("#")
    if hash_mark and head.rstrip().endswith(":"):
        lines[-1] = head
    return "\n".join(lines).rstrip()


def _python_docstring(literal: bytes) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # escapes that Python will not know in future
            value = ast.literal_eval(literal.decode())
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    if not isinstance(value, str) or not (cleaned := inspect.cleandoc(value)):
        return None
    return cleaned.encode(errors="replace").decode()[:MAX_DOCSTRING]


def _comment_above(function: Spot, text: Text) -> str | None:
    """The comment that ends in the line above a function, without the marks that make it one."""
    start = text.line_start(function.node.start_byte)
    found: list[bytes] = []
    in_block = False
    for _ in range(_DOC_LINES):
        if start <= text.line_start(0):
            break
        above = text.line_start(start - 1)
        line = text.utf8[above:start].strip()
        if not in_block and not found and _ABOVE.match(line):
            start = above
            continue
        if not in_block and line.endswith(b"*/"):
            in_block = b"/*" not in line
            is_comment = in_block or line.startswith(b"/*")
        else:
            is_comment = in_block or line.startswith(b"//")
            in_block = in_block and b"/*" not in line
        if not is_comment:
            break
        found.append(line)
        start = above
    lines = [_LEADER.sub("", line.decode(errors="replace")).rstrip() for line in reversed(found)]
    return "\n".join(lines).strip()[:MAX_DOCSTRING] or None
