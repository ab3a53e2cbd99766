"""A forbidden name in code of python, whatever it is called there: by an alias, a part of it, or a module's member."""

from __future__ import annotations

import ast
import unicodedata
from collections.abc import Iterable

from maze_tasks.validation.imports import Imported, imported_at, present_in
from maze_tasks.validation.python_rules import tree_of
from maze_tasks.validation.subject import Subject

_BUILT_IN = ("builtins.", "__builtins__.")


def hidden_use(subject: Subject, path: str) -> str | None:
    """How a fill of python uses a forbidden name by another one, or None where that is not seen.

    Args:
        subject: the fill in its place.
        path: the name, dotted where it is a member of a module.
    """
    module = tree_of(subject.code)
    if module is None:
        return None
    path = unicodedata.normalize("NFKC", path)
    own = [one for node in ast.walk(module) for one in imported_at(node)]
    for one in own:
        if (said := _brings(one, path)) is not None:
            return said
    known = {**_meanings(present_in(subject.frame)), **_meanings(own)}
    nodes = list(ast.walk(module))
    for node in nodes:  # `o = os` makes `o` another name of it
        if isinstance(node, ast.Assign) and (value := _dotted(node.value, known)) is not None:
            known.update({one.id: value for one in node.targets if isinstance(one, ast.Name) and one.id != value})
    for node in nodes:
        meant = _dotted(node, known)
        if meant is not None and _within(meant, path):
            return ast.unparse(node)
    return None


def _brings(one: Imported, path: str) -> str | None:
    """What an import of a fill says, if it brings in the name or something below it, or may do so."""
    module, _, member = path.rpartition(".")
    if one.name == "*" and module and one.module == module and member:
        return f"from {one.module} import *"
    meant = f"{one.module}.{one.name}" if one.name else one.module
    if not _within(meant, path):
        return None
    return f"from {one.module} import {one.name}" if one.name else f"import {one.module}"


def _meanings(imports: Iterable[Imported]) -> dict[str, str]:
    """What the names that imports bind stand for."""
    return {
        one.bound: f"{one.module}.{one.name}" if one.name else one.module if "." not in one.module else one.bound
        for one in imports
        if one.name != "*"
    }


def _within(meant: str, path: str) -> bool:
    for prefix in _BUILT_IN:
        meant = meant.removeprefix(prefix)
    return meant == path or meant.startswith(f"{path}.")


def _dotted(node: ast.AST, known: dict[str, str]) -> str | None:
    """The dotted name of an expression, its first part as what it stands for."""
    if isinstance(node, ast.Name):
        return known.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        inner = _dotted(node.value, known)
        return f"{inner}.{node.attr}" if inner is not None else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        if node.func.id == "getattr" and texts and (inner := _dotted(node.args[0], known)) is not None:
            return f"{inner}.{texts[0]}"
        if node.func.id == "__import__" and texts:
            return texts[0]
    return None
