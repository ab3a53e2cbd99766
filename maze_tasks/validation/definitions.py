"""A whole function, class or file in place of a body: the body is taken out of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from maze_tasks.syntax import Node, Tree, walk
from maze_tasks.validation.frame import Frame
from maze_tasks.validation.grammar import (
    CLASSES,
    COMMENTS,
    DEFINITIONS,
    FUNCTIONS,
    IMPORTS,
    is_docstring,
    name_of,
    parameters_of,
)
from maze_tasks.validation.imports import names_in, outer_imports
from maze_tasks.validation.lines import indent_of, lines_of, unmatched
from maze_tasks.validation.parameters import parameter_names
from maze_tasks.validation.stubs import is_stub
from maze_tasks.validation.trees import read

# Where a member of a class does not parse by itself.
_CLASS_AROUND = {
    "typescript": "class Hole {\n",
    "tsx": "class Hole {\n",
    "javascript": "class Hole {\n",
    "java": "class Hole {\n",
    "cpp": "struct Hole {\n",
    "zig": "const Hole = struct {\n",
}
_BESIDE_A_FUNCTION = DEFINITIONS | IMPORTS | COMMENTS | {"package_clause", "export_statement"}
_HEADER = re.compile(r"[^#\n]*:\s*(?:#.*)?$|\s*@\w")  # what deeper lines may follow
_KEYWORDS = frozenset({"if", "for", "while", "switch", "catch", "with", "do", "else"})
_NEVER_OUTSIDE = frozenset(  # statements that stand within functions
    {"return_statement", "for_statement", "for_range_loop", "while_statement", "if_statement", "switch_statement"}
)
_RUN = (b"print(", b"if __name__")  # what a statement beside a function may begin with


@dataclass(frozen=True, slots=True)
class Taken:
    """What a definition in a reply comes to.

    Args:
        body: its body, as it is indented there.
        imports: import statements around it.
        helpers: definitions beside it that the body uses and the file does not have; python only.
        missing: names of those that cannot be moved into a body.
    """

    body: str
    imports: tuple[str, ...]
    helpers: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def bodies(piece: str, frame: Frame) -> Iterator[Taken]:
    """The bodies in a piece of code of the definition that the hole stands in, the likeliest first.

    Args:
        piece: code of a reply.
        frame: the code around the hole.
    """
    for opening in ("", _CLASS_AROUND.get(frame.language or "", "")):
        text = f"{opening}{piece}\n}}" if opening else piece
        tree = read(frame.language, text)
        if tree is None:
            return
        found = [(node, body) for node in _targets(tree, frame) if (body := _body(tree, node, frame)) is not None]
        for node, body in sorted(found, key=lambda one: is_stub(one[1])):
            yield _taken(tree, node, body, frame)
        if found or frame.language not in _CLASS_AROUND:
            return


def _targets(tree: Tree, frame: Frame) -> list[Node]:
    """Definitions that may be the one around the hole: those of its name, the right class and parameters first."""
    owner = frame.owner
    if owner is None:
        wanted = frame.classes[-1:]
        return [node for node in walk(tree.root) if node.type in CLASSES and name_of(tree, node) in wanted]
    functions = [node for node in walk(tree.root) if node.type in FUNCTIONS and node.child_by_field_name("body")]
    named = [node for node in functions if name_of(tree, node) == owner.name]
    if not named and owner.whole:
        named = _renamed(tree, functions, owner.parameters, frame)
    inner = frame.classes[-1] if frame.classes else ""

    def rank(node: Node) -> tuple[bool, bool, bool]:
        classes = [name_of(tree, one) for one in _above(node) if one.type in CLASSES]
        nested = any(one in named for one in _above(node))
        return nested, parameters_of(tree, node) != owner.parameters, (classes[0] if classes else "") != inner

    return sorted(named, key=rank)


def _renamed(tree: Tree, functions: list[Node], parameters: str, frame: Frame) -> list[Node]:
    """The one function of a text, if it is nothing but that, with as many parameters as are wanted."""
    outer = [node for node in functions if not any(one.type in FUNCTIONS for one in _above(node))]
    if tree.root.has_error or len(outer) != 1 or not all(_beside(tree, one) for one in tree.root.named_children):
        return []
    name = name_of(tree, outer[0])
    if name in _KEYWORDS or _in_file(name, frame):
        return []  # a statement that reads like a method, or another one of the file
    given = parameters_of(tree, outer[0])
    alike = given.count(",") == parameters.count(",") and (given == "()") == (parameters == "()")
    return outer if alike else []


def _beside(tree: Tree, node: Node) -> bool:
    """Whether a statement may stand beside a function without being part of a body that the function belongs to."""
    return node.type in _BESIDE_A_FUNCTION or tree.text(node).startswith(_RUN)


def _above(node: Node) -> Iterator[Node]:
    above = node.parent
    while above is not None:
        yield above
        above = above.parent


def _body(tree: Tree, node: Node, frame: Frame) -> str | None:
    """The text of a definition's body: whole lines, or what is between its braces."""
    body = node.child_by_field_name("body")
    if body is not None and tree.language == "python":
        return _lines(tree, node, body, frame)
    if body is not None and node.type == "arrow_function" and body.type != "statement_block":
        return f"return {tree.text(body).decode(errors='replace')};"
    children = body.children if body is not None else []
    if _is_broken_off(tree, node):
        return None
    if len(children) < 2 or tree.text(children[0]) != b"{" or tree.text(children[-1]) != b"}":  # noqa: PLR2004
        return None
    return tree.data[children[0].end_byte : children[-1].start_byte].decode(errors="replace")


def _lines(tree: Tree, node: Node, body: Node, frame: Frame) -> str | None:
    colon = next((one for one in reversed(node.children) if one.type == ":" and one.end_byte <= body.start_byte), None)
    begin = body.start_byte
    if colon is not None and colon.start_point.row != body.start_point.row:
        begin = tree.data.find(b"\n", colon.end_byte) + 1
    statements = [one for one in body.named_children if not one.is_extra]
    there = len(list(takewhile(lambda one: _is_ahead(tree, one, frame), statements)))
    if there:
        if len(statements) == there:
            return None
        begin = tree.data.find(b"\n", statements[there - 1].end_byte) + 1 or statements[there].start_byte
    if (row := _goes_on(tree, node, body)) is not None:
        return None if row else _by_lines(tree, node, begin)
    end = tree.data.find(b"\n", body.end_byte)
    rest = tree.data[body.end_byte : end if end >= 0 else None]
    white = rest if not rest.strip() else b""
    return (tree.data[begin : body.end_byte] + white).decode(errors="replace") + "\n"


def _is_broken_off(tree: Tree, node: Node) -> bool:
    """Whether what follows a definition with braces belongs to it: its end is but where a bracket too many is."""
    least = len(indent_of(_line(tree, node)).expandtabs(8))
    following = node.next_sibling
    if following is not None and following.is_error and tree.text(following).strip(b"}; \t\r\n"):
        return True
    odd = unmatched(tree.data.decode(errors="replace"), tree.language) is not None
    while following is not None:
        ahead = _line(tree, following)
        if odd and not (following.type in _BESIDE_A_FUNCTION or following.is_error):
            return True
        if following.type in _NEVER_OUTSIDE or (not ahead.strip() and len(ahead.expandtabs(8)) > least):
            return True
        following = following.next_sibling
    return False


def _goes_on(tree: Tree, node: Node, body: Node) -> int | None:
    """How many statements follow the body of a definition of python till one that is deeper than it, if there is one.

    Such a line belongs to the body, but is indented wrongly, or parted from it by what is not code.
    """
    least = len(indent_of(_line(tree, node)).expandtabs(8))
    rest = tree.data[body.end_byte :].decode(errors="replace").partition("\n")[2]
    for row, line in enumerate(one for one in lines_of(rest, "python") if one.begins):
        if line.width > least:
            return row
        if _HEADER.match(line.text):
            return None
    return None


def _by_lines(tree: Tree, node: Node, begin: int) -> str:
    """The lines of a body from an offset on: all that are deeper than the definition."""
    least = len(indent_of(_line(tree, node)).expandtabs(8))
    lines = lines_of(tree.data[begin:].decode(errors="replace"), "python")
    return "".join(line.text for line in takewhile(lambda line: not line.begins or line.width > least, lines))


def _is_ahead(tree: Tree, statement: Node, frame: Frame) -> bool:
    """Whether a statement at the begin of a body stands ahead of the hole: a docstring, or imports."""
    if frame.owner is None or not frame.owner.opened:
        return False
    return is_docstring(statement) or (
        statement.type in IMPORTS and tree.text(statement).decode(errors="replace") in frame.before
    )


def _taken(tree: Tree, node: Node, body: str, frame: Frame) -> Taken:
    imports = tuple(
        tree.text(one).decode(errors="replace").strip() for one in outer_imports(tree) if not _holds(node, one)
    )
    used = _names(body, frame)
    foreign = _foreign(tree, node, body, used, frame)
    if tree.language != "python":
        return Taken(body, imports, (), (*foreign, *_others(tree, node, used, frame)))
    helpers, used = _helpers(tree, node, used, frame)
    return Taken(body, imports, helpers, (*foreign, *_methods(tree, node, used, frame)))


def _foreign(tree: Tree, node: Node, body: str, used: set[str], frame: Frame) -> tuple[str, ...]:
    """Parameters of a reply's function that its body uses and the function around the hole does not have."""
    if frame.owner is None or parameters_of(tree, node) == frame.owner.parameters:
        return ()
    surroundings = frame.read(frame.references[0].text)
    if surroundings is None:
        return ()
    at = len(f"{frame.before}{frame.indent}".encode("utf-8", "replace"))
    inside = surroundings.root.descendant_for_byte_range(at, at)
    while inside is not None and inside.type not in FUNCTIONS:
        inside = inside.parent
    if inside is None:
        return ()
    others = parameter_names(tree, node) - parameter_names(surroundings, inside)
    given = {name for name in others & used if re.search(rf"(?<![\w.]){re.escape(name)}\s*(?::[^=\n]*)?:?=[^=]", body)}
    return tuple(sorted(others & used - given))


def _names(code: str, frame: Frame) -> set[str]:
    tree = read(frame.language, code)
    return names_in(tree) if tree is not None else set()


def _holds(outer: Node, inner: Node) -> bool:
    return outer.start_byte <= inner.start_byte and inner.end_byte <= outer.end_byte


def _helpers(tree: Tree, node: Node, used: set[str], frame: Frame) -> tuple[tuple[str, ...], set[str]]:
    """Definitions and constants at the top of a module that are used, also by each other."""
    beside = {}
    for one in tree.root.named_children:
        names = _defines(tree, one)
        if names and not _holds(one, node) and not any(_in_file(name, frame) for name in names):
            beside[one.start_byte] = (names, tree.text(one).decode(errors="replace"))
    taken: dict[int, str] = {}
    growing = True
    while growing:
        growing = False
        for at, (names, text) in beside.items():
            if at not in taken and names & used:
                taken[at] = text
                used = used | _names(text, frame)
                growing = True
    return tuple(taken[at] for at in sorted(taken)), used


def _defines(tree: Tree, node: Node) -> set[str]:
    inner = node
    if node.type == "decorated_definition":
        inner = node.child_by_field_name("definition") or node
    if inner.type in FUNCTIONS or inner.type in CLASSES:
        return {name_of(tree, inner)}
    if node.type == "expression_statement" and node.named_children and node.named_children[0].type == "assignment":
        left = node.named_children[0].child_by_field_name("left")
        return {tree.text(left).decode(errors="replace")} if left is not None and left.type == "identifier" else set()
    return set()


def _in_file(name: str, frame: Frame) -> bool:
    """Whether the code around the hole has that word: then it is most likely defined there."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", frame.before + frame.after) is not None


def _methods(tree: Tree, node: Node, used: set[str], frame: Frame) -> tuple[str, ...]:
    """Methods that the reply adds to the class and the body calls: they have no place in a body."""
    home = next((one for one in _above(node) if one.type in CLASSES), None)
    if home is None:
        return ()
    return tuple(
        name
        for one in walk(home)
        if one.type in FUNCTIONS
        and not _holds(node, one)
        and (name := name_of(tree, one)) in used
        and not name.startswith("__")
        and not _in_file(name, frame)
    )


def _others(tree: Tree, node: Node, used: set[str], frame: Frame) -> tuple[str, ...]:
    """Other functions and classes of a reply that its body uses and the file does not have."""
    return tuple(
        name
        for one in walk(tree.root)
        if (one.type in FUNCTIONS or one.type in CLASSES)
        and not _holds(node, one)
        and not _holds(one, node)
        and (name := name_of(tree, one)) in used
        and not _in_file(name, frame)
    )


def without_imports(piece: str, frame: Frame) -> tuple[str, tuple[str, ...]] | None:
    """A piece of code without the import statements it begins with, and these; None where it begins with none."""
    tree = read(frame.language, piece)
    if tree is None:
        return None
    imports: list[str] = []
    end = 0
    for node in tree.root.children:
        if node.type not in IMPORTS or indent_of(_line(tree, node)):
            if node.is_extra and not node.is_error:
                continue
            break
        imports.append(tree.text(node).decode(errors="replace").strip())
        end = node.end_byte
    if not imports:
        return None
    return tree.data[end:].decode(errors="replace").lstrip(";").partition("\n")[2], tuple(imports)


def _line(tree: Tree, node: Node) -> str:
    begin = tree.data.rfind(b"\n", 0, node.start_byte) + 1
    return tree.data[begin : node.start_byte].decode(errors="replace")
