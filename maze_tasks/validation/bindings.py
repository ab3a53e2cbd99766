"""Names that a fill must use or must not use, read on its tree: a word in a string or a comment is no use of a name."""

from __future__ import annotations

import builtins
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from maze_tasks.models import FillConstraint
from maze_tasks.syntax import Node
from maze_tasks.validation.findings import Finding
from maze_tasks.validation.forbidden import hidden_use
from maze_tasks.validation.grammar import COMMENTS
from maze_tasks.validation.parameters import binds_only, function_around, parameter_names
from maze_tasks.validation.subject import Subject

_PATH = re.compile(r"\s*([\w$]+(?:(?:\.|::|->)[\w$]+)*)!?\s*(?:[(:].*)?", re.DOTALL)
_PARTS = re.compile(r"[\w$]+|\.|::|->")
_OF_ANOTHER = frozenset({".", "?.", "->"})  # ahead of the name of a member
_TEXTS = ("string", "content", "regex")  # in the types of leaves that are text
_KEYED = {"keyword_argument": "name", "pair": "key", "field_initializer": "field"}
_ESCAPED = re.compile(r"\\u(?:\{([0-9a-fA-F]{1,6})\}|([0-9a-fA-F]{4}))")
_UNICODE = 0x110000
_GLOBAL_OBJECTS = frozenset({"builtins", "__builtins__", "globalThis", "window", "global"})
_SCRIPT = frozenset(
    {"eval", "Function", "fetch", "require", "alert", "setTimeout", "setInterval", "parseInt", "escape"}
)
_BUILT_IN = {
    "python": frozenset(dir(builtins)),
    "go": frozenset({"append", "cap", "clear", "close", "copy", "delete", "len", "make", "max", "min", "new", "panic"}),
    **dict.fromkeys(("javascript", "typescript", "tsx"), _SCRIPT),
}


@dataclass(frozen=True, slots=True)
class _Token:
    """A leaf of the tree: its text, whether it is a name, and the node."""

    text: str
    named: bool
    node: Node


def binding_findings(subject: Subject, constraint: FillConstraint) -> Iterator[Finding]:
    """What a fill says to a demand to use a name, or not to.

    A dotted path is met where its parts follow each other. A name is used where it is read, not where it is only
    given another meaning; as a member (``self.name``) too, unless it is a parameter of the function. It is forbidden
    as a member too, unless it is known as more than that: ``model.eval()`` is no use of ``eval``.

    Args:
        subject: the fill in its place.
        constraint: one of kind ``must_use_binding`` or ``must_not_use_binding``.
    """
    match = _PATH.fullmatch(constraint.value)
    if match is None:
        yield subject.note("binding", f"not judged: {constraint.value!r} is not a name")
        return
    path = _PARTS.findall(match[1])
    wanted = constraint.kind == "must_use_binding"
    if subject.tree is None:
        yield from _by_words(subject, constraint, match[1], wanted=wanted)
        return
    uses = list(_wanted(subject, path) if wanted else _forbidden(subject, path))
    hidden = hidden_use(subject, match[1]) if not wanted and not uses and subject.language == "python" else None
    if wanted and not uses:
        yield subject.finding("binding", _said(constraint, f"`{match[1]}` is not used"))
    elif not wanted and uses:
        yield subject.finding("binding", _said(constraint, f"`{match[1]}` is used"), uses[0])
    elif hidden is not None:
        yield subject.finding("binding", _said(constraint, f"`{match[1]}` is used: `{hidden}`"))


def _said(constraint: FillConstraint, message: str) -> str:
    return f"{message}: {constraint.error_message}" if constraint.error_message else message


def _wanted(subject: Subject, path: list[str]) -> Iterator[Node]:
    uses = list(_uses(subject, path))
    if len(path) > 1 or subject.tree is None:
        yield from (node for node, _ in uses)
        return
    outer = next((function_around(node) for node in subject.nodes()), None)
    parameter = path[0] in parameter_names(subject.tree, outer)
    for node, of in uses:
        if not (of and parameter) and not (not of and binds_only(node, assigned=parameter)):
            yield node


def _forbidden(subject: Subject, path: list[str]) -> Iterator[Node]:
    members = len(path) == 1 and not _stands_alone(subject, path[0])
    for node, of in _uses(subject, path):
        if not of or members or of in _GLOBAL_OBJECTS:
            yield node


def _stands_alone(subject: Subject, name: str) -> bool:
    """Whether a name is known as one that needs nothing ahead of it: the language's own, or one of the file."""
    around = f"{subject.frame.before}\n{subject.frame.after}"
    known = _BUILT_IN.get(subject.language or "", frozenset())
    return name in known or re.search(rf"(?<![\w$.>:=]){re.escape(name)}(?![\w$])", around) is not None


def _uses(subject: Subject, path: list[str]) -> Iterator[tuple[Node, str]]:
    """Where a path stands in a fill, with what its first part is a member of (empty where of nothing)."""
    tokens = list(_tokens(subject))
    texts = [token.text for token in tokens]
    for at, token in enumerate(tokens):
        if not token.named or texts[at : at + len(path)] != path or _is_key(token.node):
            continue
        member = at > 1 and texts[at - 1] in _OF_ANOTHER
        yield token.node, texts[at - 2] if member else ""


def _tokens(subject: Subject) -> Iterator[_Token]:
    """The leaves of a fill's tree that are no text and no comment."""
    for node in subject.nodes():
        if node.child_count or node.type in COMMENTS or any(word in node.type for word in _TEXTS):
            continue
        text = subject.text(node)
        if subject.language == "python":
            text = unicodedata.normalize("NFKC", text)  # as python itself does with names
        elif "\\u" in text:
            text = _ESCAPED.sub(lambda match: chr(int(match[1] or match[2], 16) % _UNICODE), text)
        yield _Token(text, node.is_named or text.isidentifier(), node)


def _is_key(node: Node) -> bool:
    """Whether a name is the key of an argument or a member that gets a value."""
    above = node.parent
    if above is None or above.type not in _KEYED:
        return False
    return above.child_by_field_name(_KEYED[above.type]) == node and node.type != "shorthand_property_identifier"


def _by_words(subject: Subject, constraint: FillConstraint, path: str, *, wanted: bool) -> Iterator[Finding]:
    """Without a tree only the absence of a word is certain."""
    match = re.search(rf"(?<![\w$]){re.escape(path)}(?![\w$])", subject.code)
    if wanted and match is None:
        yield subject.finding("binding", _said(constraint, f"`{path}` is not used"))
    elif not wanted and match is not None:
        yield subject.note("binding", _said(constraint, f"`{path}` seems to be used"), match.start())
