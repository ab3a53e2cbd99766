"""Whether an expression has a wanted type, where its form alone tells."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from maze_tasks.validation.findings import Finding
from maze_tasks.validation.python_rules import tree_of
from maze_tasks.validation.subject import Subject

_NAMES = {
    "int": "int",
    "float": "float",
    "complex": "complex",
    "str": "str",
    "bytes": "bytes",
    "bool": "bool",
    "none": "None",
    "nonetype": "None",
    "list": "list",
    "dict": "dict",
    "set": "set",
    "frozenset": "frozenset",
    "tuple": "tuple",
}
# What also passes where a type is wanted: numbers widen, a truth value is a number.
_WIDENS = {"bool": {"int", "float", "complex"}, "int": {"float", "complex"}, "float": {"complex"}}
_FORMS: tuple[tuple[type[ast.expr] | tuple[type[ast.expr], ...], str], ...] = (
    ((ast.List, ast.ListComp), "list"),
    ((ast.Dict, ast.DictComp), "dict"),
    ((ast.Set, ast.SetComp), "set"),
    (ast.Tuple, "tuple"),
    (ast.JoinedStr, "str"),
)
_WRAPPED = re.compile(r"(?:typing\.)?(Optional|Union)\[(.*)\]", re.DOTALL)


def type_findings(subject: Subject, wanted: str) -> Iterator[Finding]:
    """What is known of a fill's type: an error where a literal of python is of another, else a note.

    Args:
        subject: the fill in its place.
        wanted: the type, as python writes it.
    """
    kinds = _kinds(wanted)
    found = None
    if subject.language == "python" and kinds is not None:
        if subject.frame.statements:
            yield from _returned(subject, wanted, kinds)
            return
        found = _form(subject.code)
    if found is None or kinds is None:
        yield subject.note("type", f"not judged: whether the fill has the type {wanted}")
    elif not _passes(found, kinds):
        yield subject.finding("type", f"the fill is of type {found}, wanted is {wanted}", 0)


def _passes(found: str, kinds: set[str]) -> bool:
    return found in kinds or bool(_WIDENS.get(found, set()) & kinds)


def _returned(subject: Subject, wanted: str, kinds: set[str]) -> Iterator[Finding]:
    """What the body of a function of python gives back: literals of another type, or nothing where something is due."""
    owner, module = subject.frame.owner, tree_of(subject.code)
    if owner is None or not owner.whole or module is None:
        yield subject.note("type", f"not judged: whether the fill has the type {wanted}")
        return
    own = list(_of_the_function(module))
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own):
        yield subject.finding("type", f"the fill makes a generator, wanted is {wanted}")
        return
    returns = [node for node in own if isinstance(node, ast.Return)]
    forms = ["None" if node.value is None else _form_of(node.value) for node in returns]
    for node, found in zip(returns, forms, strict=True):
        # Where there is no answer much code gives back None, whatever it promises: alone that is another type.
        if found is not None and found != "None" and not _passes(found, kinds):
            yield subject.finding("type", f"`{ast.unparse(node)[:60]}` gives back {found}, wanted is {wanted}")
            return
    empty = "None" not in kinds and all(found == "None" for found in forms)
    if empty and not any(isinstance(node, ast.Raise | ast.While) for node in own):
        yield subject.finding("type", f"the fill gives nothing back, wanted is {wanted}")
        return
    yield subject.note("type", f"not judged: whether the fill has the type {wanted}")


def _of_the_function(node: ast.AST) -> Iterator[ast.AST]:
    """What is below a node, without what is in functions and classes of its own."""
    for below in ast.iter_child_nodes(node):
        if not isinstance(below, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield below
            yield from _of_the_function(below)


def _kinds(wanted: str) -> set[str] | None:
    """The plain types that a type allows; None where it is not made of these alone."""
    text = wanted.strip().strip("'\"")
    wrapped = _WRAPPED.fullmatch(text)
    parts = _split(wrapped[2] if wrapped else text, "," if wrapped and wrapped[1] == "Union" else "|")
    found = {"None"} if wrapped and wrapped[1] == "Optional" else set()
    for part in parts:
        name = part.partition("[")[0].strip().removeprefix("typing.").removeprefix("builtins.").lower()
        if name not in _NAMES:
            return None
        found.add(_NAMES[name])
    return found


def _split(text: str, sign: str) -> list[str]:
    """A text at the signs that stand in no brackets."""
    parts, depth = [""], 0
    for one in text:
        depth += (one == "[") - (one == "]")
        if one == sign and not depth:
            parts.append("")
        else:
            parts[-1] += one
    return parts


def _form(code: str) -> str | None:
    """The type that an expression has by its form."""
    module = tree_of(code.strip())
    if module is None or len(module.body) != 1 or not isinstance(module.body[0], ast.Expr):
        return None
    return _form_of(module.body[0].value)


def _form_of(value: ast.expr) -> str | None:
    if isinstance(value, ast.UnaryOp):
        if isinstance(value.op, ast.Not):
            return "bool"
        value = value.operand
    if isinstance(value, ast.Constant):
        return None if value.value is ... else "None" if value.value is None else type(value.value).__name__
    return next((name for kinds, name in _FORMS if isinstance(value, kinds)), None)
