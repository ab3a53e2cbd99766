"""Marks of a hole that a fill leaves behind (CONTRACTS section 5)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from maze_tasks.syntax import Node
from maze_tasks.validation.findings import Finding
from maze_tasks.validation.grammar import COMMENTS, IMPORTS, is_docstring
from maze_tasks.validation.stubs import UNDONE, is_stub
from maze_tasks.validation.subject import Subject

_HOLE = re.compile(r"\bHOLE\b")
_BRACKETED = re.compile(r"<<<\s*(?:HOLE|FILL)\b[^<>]*>>>")
_TODO = re.compile(r"\b(?:TODO|FIXME)\b")
# A comment in place of code: "... rest of the code", "existing code here", "your code here".
_LEFT_OUT = re.compile(
    r"^\W*(?:(?:\.\.\.|…)\s*\(?\s*(?:the\s+)?(?:rest|existing|remaining|previous|other|same|unchanged|keep)\b"
    r"|(?:rest|remainder) of (?:the |your )?(?:code|function|method|body|implementation)\b.{0,40}$"
    r"|(?:add |insert |put |write )?(?:your|existing|remaining|actual) (?:code|implementation|logic)(?: goes)? here\b)",
    re.IGNORECASE,
)

# By language: types of nodes, and what the text of one that marks a hole looks like.
_MARKS = {
    "rust": (("macro_invocation",), re.compile(rf"(?:todo|unimplemented)!\s*[(\[{{]|panic!\s*\(\s*{UNDONE}")),
    "go": (("call_expression",), re.compile(rf"panic\(\s*{UNDONE}")),
    "javascript": (("throw_statement",), re.compile(rf"throw\s+(?:new\s+)?Error\(\s*{UNDONE}")),
    "java": (
        ("throw_statement",),
        re.compile(rf"throw\s+new\s+(?:RuntimeException|UnsupportedOperationException)\(\s*{UNDONE}"),
    ),
    "zig": (("builtin_function",), re.compile(rf"@panic\(\s*{UNDONE}")),
    "cpp": (("throw_statement",), re.compile(rf"throw\s+std::(?:logic|runtime)_error\s*[({{]\s*{UNDONE}")),
}
_MARKS["typescript"] = _MARKS["tsx"] = _MARKS["javascript"]
# What may be meant in a branch, but is no end of a body.
_MAYBE = {
    "java": re.compile(r"throw\s+new\s+UnsupportedOperationException\("),
    "c": re.compile(r"assert\s*\(\s*(?:0|false)\s*\)"),
    "cpp": re.compile(r"assert\s*\(\s*(?:0|false)\s*\)"),
}
_UNDEFINED = re.compile(r"undefined\s+as\s+any\b")
_C_MARK = re.compile(r"/\*\s*TODO\b")


def marker_findings(subject: Subject) -> Iterator[Finding]:
    """Marks of a hole in a fill."""
    code = subject.code
    for match in _BRACKETED.finditer(code):
        yield subject.finding("marker", f"the hole's mark is left: {match.group()}", match.start())
    marker = subject.frame.marker.strip()
    if is_stub(code) or (marker and code.strip() == marker):
        yield subject.finding("marker", "the fill is nothing but the mark of a hole", len(code) - len(code.lstrip()))
        return
    if subject.language == "python":
        yield from _python(subject)
    elif subject.language in _MARKS:
        yield from _others(subject)
    yield from _comments(subject)
    yield from _perhaps(subject)


def _perhaps(subject: Subject) -> Iterator[Finding]:
    """What marks a hole as a statement of the body itself, and may be meant within one."""
    maybe = _MAYBE.get(subject.language or "")
    if maybe is not None and (meant := maybe.search(subject.code)):
        outermost = [node for node in subject.statements() if maybe.match(subject.text(node))]
        if outermost:
            yield subject.finding("marker", f"the mark of a hole is left: {meant.group()}", outermost[0])
        else:
            yield subject.note("marker", f"this may mark a hole: {meant.group()}", meant.start())
    if subject.language in ("typescript", "tsx"):
        for node in subject.nodes():
            if node.type == "as_expression" and _UNDEFINED.fullmatch(subject.text(node)):
                yield subject.finding("marker", f"the mark of a hole is left: {subject.text(node)}", node)


def _python(subject: Subject) -> Iterator[Finding]:
    statements = [node for node in subject.statements() if node.type not in IMPORTS and not is_docstring(node)]
    texts = [subject.text(node).strip() for node in statements]
    if statements and all(text in ("pass", "...") or _raises(text) for text in texts):
        yield subject.finding("marker", "the fill does nothing but mark a hole", statements[0])
        return
    leaves = False
    for node, text in zip(statements, texts, strict=True):
        if _raises(text) and not leaves:
            yield subject.finding(
                "marker", "`raise NotImplementedError` is left, and nothing returns ahead of it", node
            )
        leaves = leaves or any(word in text for word in ("return", "yield", "raise"))
    for node in subject.nodes():
        if _is_open_function(subject, node):
            yield subject.finding("marker", f"a function is left open: {_short(subject.text(node))}", node)
        elif node.type == "raise_statement" and node not in statements and _raises(subject.text(node)):
            yield subject.note("marker", "this may mark a hole: raise NotImplementedError", node)


def _is_open_function(subject: Subject, node: Node) -> bool:
    """Whether a node is a function within a fill, in no class, whose body is to be written still."""
    if node.type != "function_definition" or (node.parent is not None and node.parent.type == "decorated_definition"):
        return False
    body = node.child_by_field_name("body")
    above = node.parent
    while above is not None and above.start_byte >= subject.start:
        if above.type == "class_definition":
            return False
        above = above.parent
    held = [one for one in (body.named_children if body is not None else []) if not is_docstring(one)]
    texts = [subject.text(one).strip() for one in held if one.type not in COMMENTS]
    return len(texts) == 1 and (texts[0] == "..." or _raises(texts[0]))


def _raises(text: str) -> bool:
    return text.startswith("raise NotImplementedError")


def _others(subject: Subject) -> Iterator[Finding]:
    types, pattern = _MARKS[subject.language or ""]
    for node in subject.nodes():
        if node.type in types and pattern.match(text := subject.text(node)):
            yield subject.finding("marker", f"the mark of a hole is left: {_short(text)}", node)


def _comments(subject: Subject) -> Iterator[Finding]:
    for node in subject.nodes():
        if node.type not in COMMENTS or _within_comment(node):
            continue
        text = subject.text(node)
        if _HOLE.search(text) or (subject.language in ("c", "cpp") and _C_MARK.match(text)):
            yield subject.finding("marker", f"the mark of a hole is left: {_short(text)}", node)
        elif any(_LEFT_OUT.match(line) for line in text.split("\n")):
            yield subject.finding("marker", f"code is left out: {_short(text)}", node)
        elif _TODO.search(text):
            yield subject.note("marker", f"something is left to do: {_short(text)}", node)


def _within_comment(node: Node) -> bool:
    return node.parent is not None and node.parent.type in COMMENTS


def _short(text: str) -> str:
    return " ".join(text.split())[:60]
