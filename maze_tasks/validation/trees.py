"""Trees of texts, for the checks: none where there is no grammar or no end."""

from __future__ import annotations

from maze_tasks.errors import Refused
from maze_tasks.syntax import ParseBudgetSpent, Tree, parse

PARSE_BUDGET_S = 2.0  # processor time for one text: a fill that needs more is none
_JOINED_LINES = "\\\n" * 500  # takes a parser quadratic time in one step, which no budget interrupts


def read(language: str | None, text: str) -> Tree | None:
    """The tree of a text; None without a grammar, or where reading takes too long."""
    if language is None or _JOINED_LINES in text:
        return None
    try:
        return parse(language, text.encode("utf-8", "replace"), budget_s=PARSE_BUDGET_S)
    except (Refused, ParseBudgetSpent):
        return None
