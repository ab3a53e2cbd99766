"""Names that a fill must use or must not use, read on its tree: a word in a string or a comment is no use of a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from maze_tasks.models import FillConstraint
from maze_tasks.syntax import Node
from maze_tasks.validation.findings import Finding
from maze_tasks.validation.grammar import COMMENTS
from maze_tasks.validation.subject import Subject

_PATH = re.compile(r"\s*([\w$]+(?:(?:\.|::|->)[\w$]+)*)!?\s*(?:[(:].*)?", re.DOTALL)
_PARTS = re.compile(r"[\w$]+|\.|::|->")
_OF_ANOTHER = frozenset({".", "?.", "->"})  # ahead of the name of a member


@dataclass(frozen=True, slots=True)
class _Token:
    """A leaf of the tree: its text, whether it is a name, and the node."""

    text: str
    named: bool
    node: Node


def binding_findings(subject: Subject, constraint: FillConstraint) -> Iterator[Finding]:
    """What a fill says to a demand to use a name, or not to.

    A dotted path is met where its parts follow each other. A single name is used also where it is a member
    (``self.name``), and only forbidden where it is not: ``model.eval()`` is no use of ``eval``.

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
    uses = list(_uses(subject, path, members=wanted))
    if wanted and not uses:
        yield subject.finding("binding", _said(constraint, f"`{match[1]}` is not used"))
    elif not wanted and uses:
        yield subject.finding("binding", _said(constraint, f"`{match[1]}` is used"), uses[0])


def _said(constraint: FillConstraint, message: str) -> str:
    return f"{message}: {constraint.error_message}" if constraint.error_message else message


def _uses(subject: Subject, path: list[str], *, members: bool) -> Iterator[Node]:
    tokens = list(_tokens(subject))
    texts = [token.text for token in tokens]
    for at, token in enumerate(tokens):
        if not token.named or texts[at : at + len(path)] != path or _is_keyword_argument(token.node):
            continue
        if not members and at and texts[at - 1] in _OF_ANOTHER:
            continue
        yield token.node


def _tokens(subject: Subject) -> Iterator[_Token]:
    """The leaves of a fill's tree that are no text and no comment."""
    for node in subject.nodes():
        if node.child_count or node.type in COMMENTS or "string" in node.type or "content" in node.type:
            continue
        text = subject.text(node)
        yield _Token(text, node.is_named or text in ("self", "this", "super"), node)


def _is_keyword_argument(node: Node) -> bool:
    above = node.parent
    return above is not None and above.type == "keyword_argument" and above.child_by_field_name("name") == node


def _by_words(subject: Subject, constraint: FillConstraint, path: str, *, wanted: bool) -> Iterator[Finding]:
    """Without a tree only the absence of a word is certain."""
    match = re.search(rf"(?<![\w$]){re.escape(path)}(?![\w$])", subject.code)
    if wanted and match is None:
        yield subject.finding("binding", _said(constraint, f"`{path}` is not used"))
    elif not wanted and match is not None:
        yield subject.note("binding", _said(constraint, f"`{path}` seems to be used"), match.start())
