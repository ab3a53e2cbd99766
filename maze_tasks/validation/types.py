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
    if subject.language == "python" and not subject.frame.statements and kinds is not None:
        found = _form(subject.code)
    if found is None or kinds is None:
        yield subject.note("type", f"not judged: whether the fill has the type {wanted}")
    elif found not in kinds and not _WIDENS.get(found, set()) & kinds:
        yield subject.finding("type", f"the fill is of type {found}, wanted is {wanted}", 0)


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
    value = module.body[0].value
    if isinstance(value, ast.UnaryOp):
        if isinstance(value.op, ast.Not):
            return "bool"
        value = value.operand
    if isinstance(value, ast.Constant):
        return None if value.value is ... else "None" if value.value is None else type(value.value).__name__
    return next((name for kinds, name in _FORMS if isinstance(value, kinds)), None)
