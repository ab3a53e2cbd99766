"""What the grammars read anywhere and compilers refuse: `await` where nothing is async, conditions left open."""

from __future__ import annotations

import re
from collections.abc import Iterator

from maze_tasks.syntax import Node
from maze_tasks.validation.findings import Finding
from maze_tasks.validation.lines import bare
from maze_tasks.validation.parameters import function_around
from maze_tasks.validation.subject import Subject

_SCRIPTS = frozenset({"javascript", "typescript", "tsx"})
_WAITS = {"await_expression": "await", "yield_expression": "yield"}
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
