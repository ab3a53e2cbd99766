"""Calls that a reviewer would want to see, for holes that are marked as sensitive. Notes, no proof of anything."""

from __future__ import annotations

import re
from collections.abc import Iterator

from maze_tasks.validation.findings import Finding
from maze_tasks.validation.subject import Subject

_CALLS = frozenset({"call", "call_expression", "method_invocation", "new_expression", "macro_invocation"})
_RISKY = {
    "python": re.compile(
        r"(?:eval|exec|compile|__import__|os\.(?:system|popen|exec\w+|spawn\w+)|pickle\.loads?|marshal\.loads?"
        r"|tempfile\.mktemp|yaml\.(?:load|unsafe_load))\s*\("
        r"|subprocess\.\w+\(.*shell\s*=\s*True|.*verify\s*=\s*False",
        re.DOTALL,
    ),
    "javascript": re.compile(r"(?:eval|Function|new Function|document\.write|(?:child_process\.)?exec(?:Sync)?)\s*\("),
    "java": re.compile(r"Runtime\.getRuntime\(\)\.exec|new ObjectInputStream"),
    "c": re.compile(r"(?:gets|strcpy|strcat|sprintf|vsprintf|system|popen|scanf)\s*\("),
    "go": re.compile(r"(?:exec\.Command|unsafe\.\w+|template\.HTML)\s*\("),
    "rust": re.compile(r"(?:std::)?(?:mem::transmute|process::Command)"),
}
_RISKY |= {"typescript": _RISKY["javascript"], "tsx": _RISKY["javascript"], "cpp": _RISKY["c"]}


def security_findings(subject: Subject) -> Iterator[Finding]:
    """Notes on calls that often are a way in."""
    pattern = _RISKY.get(subject.language or "")
    if pattern is None:
        return
    for node in subject.nodes():
        if node.type in _CALLS and pattern.match(text := subject.text(node)):
            yield subject.note("security", f"worth a look: {' '.join(text.split())[:60]}", node)
        elif node.type == "unsafe_block":
            yield subject.note("security", "worth a look: an unsafe block", node)
