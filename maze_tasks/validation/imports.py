"""Imports: what a statement brings in, which of them the code around a hole has, where they may stand."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from maze_tasks.syntax import Node, Tree, walk
from maze_tasks.validation.frame import Frame
from maze_tasks.validation.grammar import BODY_IMPORTS, CLASSES, FUNCTIONS, IMPORTS
from maze_tasks.validation.python_rules import tree_of
from maze_tasks.validation.trees import read

_WORD = re.compile(r"\w+")
_IDENTIFIERS = re.compile(r"identifier$|^name$|^self$|^this$|^dotted_name$")


@dataclass(frozen=True, slots=True)
class Imported:
    """One name that an import statement of python binds.

    Args:
        module: the module named, with the dots of a relative one.
        name: what is taken from it; empty for the module itself, ``*`` for all.
        bound: the name it gets.
    """

    module: str
    name: str
    bound: str


def imported_by(statement: str) -> tuple[Imported, ...]:
    """What import statements of python bind; nothing where they do not parse."""
    tree = tree_of(statement)
    if tree is None:
        return ()
    return tuple(one for node in ast.walk(tree) for one in imported_at(node))


def imported_at(node: ast.AST) -> Iterator[Imported]:
    """What one node of a tree of python binds by importing."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            bound = alias.asname or alias.name.partition(".")[0]
            yield Imported(alias.name, "", bound)
    elif isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            yield Imported(module, alias.name, alias.asname or alias.name)


def outer_imports(tree: Tree) -> list[Node]:
    """The import statements of a text that stand in no function and no class."""
    found = []
    waiting = [tree.root]
    while waiting:
        node = waiting.pop()
        if node.type in IMPORTS:
            found.append(node)
        elif node.type not in FUNCTIONS and node.type not in CLASSES:
            waiting += reversed(node.named_children)
    return found


def names_in(tree: Tree) -> set[str]:
    """Every identifier of a text; what stands in strings and comments is none."""
    return {
        tree.text(node).decode(errors="replace")
        for node in walk(tree.root)
        if node.child_count == 0 and node.is_named and _IDENTIFIERS.search(node.type)
    }


def needed(statements: Iterable[str], names: set[str], frame: Frame) -> list[str]:
    """Those of the statements that bring in a name which is used and which the file does not import.

    Args:
        statements: import statements of a reply.
        names: the identifiers that its code uses.
        frame: the code around the hole.
    """
    if frame.language == "python":
        present = present_in(frame)
        return [
            statement
            for statement in dict.fromkeys(statements)
            if any(
                (one.bound in names or one.name == "*") and one not in present and one.module != "__future__"
                for one in imported_by(statement)
            )
        ]
    around = "".join((frame.before + frame.after).split())
    return [
        statement
        for statement in dict.fromkeys(statements)
        if "".join(statement.split()) not in around and (brought_by(statement) & names or "#include" in statement)
    ]


def present_in(frame: Frame) -> set[Imported]:
    """What the code around a hole of python imports, in no function and no class."""
    return {one for text in imports_around(frame) for one in imported_by(text)}


def imports_around(frame: Frame) -> list[str]:
    """The import statements around a hole, those in functions and classes left out."""
    tree = read(frame.language, frame.before + frame.after)
    return [tree.text(node).decode(errors="replace") for node in outer_imports(tree)] if tree is not None else []


def brought_by(statement: str) -> set[str]:
    """Names that an import statement of another language brings in, as far as its text tells."""
    grouped = re.search(r"\{([^{}]*)\}", statement)
    words = _WORD.findall(grouped[1] if grouped else statement)
    return set(words) if grouped else set(words[-1:]) | set(words[1:2])


def with_imports(code: str, statements: Iterable[str], frame: Frame) -> str:
    """Code with import statements at its top, as far as they may stand there.

    Args:
        code: a fill without them.
        statements: import statements that it needs.
        frame: the code around the hole.
    """
    if frame.language not in BODY_IMPORTS or not frame.statements:
        return code
    ahead = "".join(
        f"{frame.indent}{line}\n"
        for statement in statements
        if not (frame.owner and any(one.name == "*" for one in imported_by(statement)))
        for line in statement.split("\n")
    )
    if not ahead:
        return code
    if frame.left:
        ahead = ahead[len(frame.indent) :] + frame.indent
    return ahead + code
