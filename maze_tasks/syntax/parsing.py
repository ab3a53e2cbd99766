"""Trees of texts, within a budget of time, and what of a text is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from maze_tasks.errors import MazeError, Refused
from maze_tasks.syntax.languages import LANGUAGES

if TYPE_CHECKING:
    from tree_sitter import Language
    from tree_sitter import Node as Node  # noqa: PLC0414 - what users of this module annotate with
    from tree_sitter import Tree as RawTree
else:
    Node = Any

PARSE_BUDGET_S: Final = 10.0
"""Seconds of processor time that one text may take; a megabyte of real code takes a tenth of one."""

_SURE: Final = 64 * 1024  # bytes that are parsed within a second or two, whatever they are
_STEP: Final = 4  # how many times longer the next piece of a text is
_GROWTH: Final = 1.5  # exponent of the time by the length, of what is no code; of code it is 1
_MAX_PROBLEMS: Final = 100  # of one text; what is no code at all has as many as it has tokens

# Modules and functions of the grammars where they are not `tree_sitter_<language>.language`.
_GRAMMARS: Final = {
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
}


class ParseBudgetSpent(MazeError):  # noqa: N818 - reads as what happened
    """A text would take longer to parse than it may.

    Args:
        language: the language it was parsed as.
        budget_s: seconds of processor time it was given.
    """

    def __init__(self, language: str, budget_s: float) -> None:
        self.language, self.budget_s = language, budget_s
        super().__init__(f"not parsed as {language} within {budget_s:g} s")


class SyntaxProblem(NamedTuple):
    """A piece of text that does not parse.

    `start` and `end` are byte offsets, equal where something is missing there; `line` and `column` of the start count
    from 1, columns in code points.
    """

    start: int
    end: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Tree:
    """The syntax tree of a text.

    Args:
        language: one of `LANGUAGES`.
        data: the text, in UTF-8; nodes hold byte offsets into it.
        raw: the tree as the parser made it.
    """

    language: str
    data: bytes = field(repr=False)
    raw: RawTree = field(repr=False, compare=False)

    @property
    def root(self) -> Node:
        """The node of the whole text."""
        return self.raw.root_node

    def text(self, node: Node) -> bytes:
        """The piece of text that `node` spans."""
        return self.data[node.start_byte : node.end_byte]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of a byte offset, from 1; columns count code points, a byte that is no UTF-8 counts one."""
        begin = self.data.rfind(b"\n", 0, offset) + 1
        ahead = self.data[begin:offset].decode(errors="surrogateescape")
        return self.data.count(b"\n", 0, offset) + 1, len(ahead) + 1


def parse(
    language: str,
    data: bytes,
    *,
    budget_s: float = PARSE_BUDGET_S,
    clock: Callable[[], float] = time.thread_time,
) -> Tree:
    """The syntax tree of a text; any bytes have one, with errors in it where they are not of the language.

    A parser cannot be stopped without leaking what it was given (py-tree-sitter 0.26 keeps all that a read callback
    returns). So growing pieces of a long text are parsed first, and the next is begun only if it will be in time.

    Args:
        language: one of `LANGUAGES`.
        data: the text, in UTF-8.
        budget_s: seconds of `clock` it may take.
        clock: what measures them, the processor time of this thread unless told otherwise.

    Raises:
        Refused: the grammars are not installed, or there is none of that name.
        ParseBudgetSpent: it took longer.
    """
    grammar = _language(language)
    from tree_sitter import Parser

    parser = Parser(grammar)  # not safe to share between threads, and made in microseconds
    end = clock() + budget_s
    size = _SURE
    while size < len(data):
        begin = clock()
        parser.parse(data[:size])
        now = clock()
        following = min(size * _STEP, len(data))
        if now + (now - begin) * (following / size) ** _GROWTH > end:
            raise ParseBudgetSpent(language, budget_s)
        size = following
    return Tree(language, data, parser.parse(data))


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it, in the order of the text; however deep, without recursion."""
    cursor = node.walk()
    while True:
        if (current := cursor.node) is not None:
            yield current
        if cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return


def errors_in(tree: Tree) -> list[SyntaxProblem]:
    """What of a text does not parse, in its order; of an error only the outermost, and at most a hundred."""
    found: list[SyntaxProblem] = []
    cursor = tree.root.walk()
    while len(found) < _MAX_PROBLEMS:
        node = cursor.node
        if node is not None and node.has_error:
            if not (node.is_error or node.is_missing):
                if cursor.goto_first_child():
                    continue
            else:
                found.append(SyntaxProblem(node.start_byte, node.end_byte, *tree.position(node.start_byte)))
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return found
    return found


@cache
def _language(name: str) -> Language:
    if name not in LANGUAGES:
        raise Refused(f"no grammar for {name!r}; there are: {', '.join(LANGUAGES)}")
    module, function = _GRAMMARS.get(name, (f"tree_sitter_{name}", "language"))
    try:
        from tree_sitter import Language

        return Language(getattr(import_module(module), function)())
    except ImportError:
        raise Refused(f"reading {name} needs its grammar: pip install 'maze-tasks[code]'") from None
