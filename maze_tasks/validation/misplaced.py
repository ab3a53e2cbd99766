"""What the grammars read anywhere and compilers refuse: `await` where nothing is async, conditions left open."""

from __future__ import annotations

import re
from collections.abc import Iterator

from maze_tasks.syntax import Node, walk
from maze_tasks.validation.findings import Finding
from maze_tasks.validation.lines import bare
from maze_tasks.validation.parameters import binds_only, function_around, parameter_names
from maze_tasks.validation.subject import Subject

_SCRIPTS = frozenset({"javascript", "typescript", "tsx"})
_WAITS = {"await_expression": "await", "yield_expression": "yield"}
_DECLARING = {
    **dict.fromkeys(_SCRIPTS, ("lexical_declaration",)),
    "java": ("local_variable_declaration",),
    "go": ("short_var_declaration", "var_declaration"),
    "c": ("declaration",),
    "cpp": ("declaration",),
}
_DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif|else|endif)\b", re.MULTILINE)


def misplaced(subject: Subject) -> Iterator[Finding]:
    """What of a fill parses and cannot be compiled where it stands.

    Args:
        subject: the fill in its place.
    """
    if subject.language in _SCRIPTS or subject.language == "rust":
        for node in subject.nodes():
            word = _WAITS.get(node.type)
            if word is None or (subject.language == "rust" and word == "yield"):
                continue
            around = function_around(node)
            if around is not None and around.start_byte < subject.start and not _allows(around, word):
                kind = "async" if word == "await" else "a generator"
                yield subject.finding("syntax", f"`{word}` stands in a function that is not {kind}", node)
    if subject.language in ("c", "cpp"):
        yield from _conditions(subject)
    yield from _declared_again(subject)


def _declared_again(subject: Subject) -> Iterator[Finding]:
    """Variables of a body with the name of a parameter, where the language gives both one scope."""
    declaring = _DECLARING.get(subject.language or "", ())
    owner, statements = subject.frame.owner, subject.statements()
    if not declaring or owner is None or not owner.whole or not statements or subject.tree is None:
        return
    parameters = parameter_names(subject.tree, function_around(statements[0]))
    for node in statements:
        if node.type not in declaring:
            continue
        names = [one for one in walk(node) if one.type == "identifier" and _declares(one, node)]
        again = [one for one in names if subject.text(one) in parameters]
        if again and (node.type != "short_var_declaration" or len(again) == len(names)):
            yield subject.finding("syntax", f"`{subject.text(again[0])}` is a parameter, and declared again", again[0])


def _declares(name: Node, statement: Node) -> bool:
    """Whether a declaration gives a name its meaning, rather than using it or what is within it."""
    inner = function_around(name)
    return binds_only(name, assigned=False) and (inner is None or inner.start_byte <= statement.start_byte)


def _allows(function: Node, word: str) -> bool:
    if word == "yield":
        return "generator" in function.type or any(child.type == "*" for child in function.children)
    if function.type == "async_block":
        return True
    inner = [below for child in function.children if "modifiers" in child.type for below in child.children]
    return any(child.type == "async" for child in (*function.children, *inner))


def _conditions(subject: Subject) -> Iterator[Finding]:
    """Conditions of C's preprocessor that a fill begins and does not end, or ends and did not begin."""
    depth = 0
    for match in _DIRECTIVE.finditer(bare(subject.code, subject.language)):
        depth += match[1].startswith("if") - (match[1] == "endif")
        if depth < 0 or (not depth and match[1].startswith("el")):
            yield subject.finding("syntax", f"`#{match[1]}` has no `#if` in the fill")
            return
    if depth:
        yield subject.finding("syntax", "an `#if` is not ended in the fill")
