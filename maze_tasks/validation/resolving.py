"""Whether what a fill imports and names is there to be found."""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterator
from functools import lru_cache

from maze_tasks.validation.findings import Finding, Severity
from maze_tasks.validation.imports import brought_by, imported_at, imported_by, imports_around, present_in
from maze_tasks.validation.python_rules import module_of, tree_of
from maze_tasks.validation.subject import Subject

_BUILT_IN = frozenset(dir(builtins)) | {"__file__", "__class__", "__path__", "__annotations__", "reveal_type"}
# Languages that read nothing but what the file itself imports ahead of its code.
_FIRST = frozenset({"go", "java", "javascript", "typescript", "tsx"})
# What makes names in ways that a look at the text does not show, or expects that some are not there. Other holes may.
_MAKES_NAMES = re.compile(r"\b(?:globals|locals|vars|exec|setattr|builtins|__builtins__|NameError|HOLE)\b")


def import_findings(subject: Subject) -> Iterator[Finding]:
    """What the imports that a fill needs come to.

    An import that could not be put into the fill is an error where the whole file is known and does not have its name;
    and so is a module that is neither python's own nor known in the tree, as far as what is known there came with the
    hole; else it is a note, for it may be installed.
    """
    for statement in subject.fill.imports:
        if "".join(statement.split()) not in "".join(subject.code.split()):
            yield from _left_out(subject, statement)
    if subject.language != "python":
        return
    module = tree_of(subject.code)
    if module is None:
        return
    present = {one.module.partition(".")[0] for one in present_in(subject.frame)}
    place = subject.hole.place
    of_tree = frozenset(place.modules) if place is not None and place.modules is not None else None
    tried = {id(below) for node in ast.walk(module) if isinstance(node, ast.Try) for below in ast.walk(node)}
    for node in ast.walk(module):
        for one in imported_at(node):
            top = one.module.lstrip(".").partition(".")[0]
            found = present if one.module.startswith(".") else present | sys.stdlib_module_names
            if not top or top in found or (of_tree is not None and top in of_tree):
                continue
            if of_tree is not None and id(node) not in tried:
                yield subject.finding("imports", f"there is no module `{one.module}`: nothing in the tree imports it")
            else:
                yield subject.note("imports", f"the module `{one.module}` is neither python's own nor imported here")


def _left_out(subject: Subject, statement: str) -> Iterator[Finding]:
    message = f"the code needs `{statement}`, which cannot stand in the hole and is not in the file"
    certain = subject.frame.known and subject.frame.complete
    if certain and subject.language == "python":
        bound = {one.bound for one in imported_by(statement)}
        certain = bool(bound & set(_undefined(subject))) and "*" not in bound
    elif certain:
        certain = subject.hole.place is not None and subject.language in _FIRST and not _is_there(subject, statement)
    yield subject.finding("imports", message, severity="error" if certain else "note")


def _is_there(subject: Subject, statement: str) -> bool:
    """Whether a file may have what an import brings in by another one that it has."""
    wanted = brought_by(statement) - {"java", "javax", "org", "com"}
    package = re.match(r"import\s+(?:static\s+)?([\w.]+)\.\w+\s*;", statement)
    texts = " ".join(imports_around(subject.frame))
    if package is not None and (f"{package[1]}.*" in texts or package[1] == "java.lang"):
        return True
    return bool(wanted & set(re.findall(r"\w+", texts)))


def name_findings(subject: Subject) -> Iterator[Finding]:
    """Names of python that nothing in the whole file binds.

    An error in a file that was scanned and is known from end to end, unless something in it makes or expects names in
    ways not seen here; else a note.
    """
    frame = subject.frame
    certain = subject.hole.place is not None and not _MAKES_NAMES.search(f"{frame.before}{subject.code}{frame.after}")
    for name in _undefined(subject):
        at = re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", subject.code)
        severity: Severity = "error" if certain and name != "_" else "note"
        yield subject.finding("names", f"nothing defines `{name}`", at.start() if at else None, severity)


def _undefined(subject: Subject) -> list[str]:
    """Names that the fill reads and the file binds nowhere, each once."""
    frame = subject.frame
    if subject.language != "python" or not (frame.known and frame.complete) or not frame.references:
        return []
    piece = tree_of(subject.code)
    around = _bound_around(frame.before, frame.references[0].text, frame.after)
    if piece is None or around is None:
        return []
    bound = around.union(*(_bound(node) for node in ast.walk(piece)))
    if "*" in bound:
        return []
    # The annotations of a function's variables are never looked at.
    annotated = [node.annotation for node in ast.walk(piece) if isinstance(node, ast.AnnAssign)]
    unread = {id(below) for one in annotated if frame.owner for below in ast.walk(one)}
    read = [node.id for node in ast.walk(piece) if isinstance(node, ast.Name) and id(node) not in unread]
    return [name for name in dict.fromkeys(read) if name not in bound and name not in _BUILT_IN]


@lru_cache(maxsize=16)
def _bound_around(before: str, text: str, after: str) -> frozenset[str] | None:
    """Names bound anywhere in a file, or None where python does not read it."""
    module = module_of(f"{before}{text}{after}")
    return None if module is None else frozenset().union(*(_bound(node) for node in ast.walk(module)))


def _bound(node: ast.AST) -> set[str]:
    """Names that a node binds."""
    if isinstance(node, ast.Name):
        return {node.id} if not isinstance(node.ctx, ast.Load) else set()
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.arg):
        return {node.arg}
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        return {node.name} if node.name else set()
    if isinstance(node, ast.MatchMapping):
        return {node.rest} if node.rest else set()
    if isinstance(node, ast.Global | ast.Nonlocal):
        return set(node.names)
    return {one.bound for one in imported_at(node)}
