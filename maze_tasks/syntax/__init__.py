"""Syntax trees of source code: which language a file is in, its tree, and what of it could not be read.

The grammars are those of the extra ``code``; each is loaded when the first text of its language is parsed.
"""

from maze_tasks.syntax.languages import LANGUAGES, language_of
from maze_tasks.syntax.parsing import Node, ParseBudgetSpent, SyntaxProblem, Tree, errors_in, parse, walk

__all__ = [
    "LANGUAGES",
    "Node",
    "ParseBudgetSpent",
    "SyntaxProblem",
    "Tree",
    "errors_in",
    "language_of",
    "parse",
    "walk",
]
