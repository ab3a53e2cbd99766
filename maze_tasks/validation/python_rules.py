"""What python itself says about a text, beyond what its grammar tells."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass

from maze_tasks.validation.quiet import quietly

_TOO_MUCH = (ValueError, RecursionError, MemoryError, OverflowError)
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why python does not take a text.

    Args:
        message: its reason.
        line: line in the text, from 1, if it says one.
        column: column in the line, from 1, in code points, if it says one.
    """

    message: str
    line: int | None = None
    column: int | None = None


def refusal(text: str) -> Refusal | None:
    """Why this release of python does not compile a whole module, or None where it does. Nothing of it is run."""
    return _asked(text, whole=True)


def refusal_of_piece(code: str) -> Refusal | None:
    """Why python does not read whole lines of code whose surroundings are not known, or None where it does."""
    found = None
    for header in ("async def _():\n", ""):
        found = _asked(f"{header}{code}\n", whole=False)
        if found is None:
            return None
    return found


def tree_of(code: str) -> ast.Module | None:
    """The tree of a piece of code that may be indented, or None where python does not read it."""
    for text in (code, f"if 1:\n{code}\n", f"if 1:\n  {code.strip()}\n"):
        try:
            with quietly():
                return ast.parse(text)
        except (SyntaxError, *_TOO_MUCH):
            continue
    return None


def module_of(text: str) -> ast.Module | None:
    """The tree of a whole module that this release of python compiles, or None where it does not."""
    return None if refusal(text) else tree_of(text.removeprefix("\ufeff"))


def _asked(text: str, *, whole: bool) -> Refusal | None:
    try:
        flags = 0 if whole else ast.PyCF_ONLY_AST
        with quietly():
            compile(text.removeprefix("\ufeff"), "<fill>", "exec", flags, dont_inherit=True)
    except SyntaxError as error:
        return Refusal(str(error.msg), error.lineno, error.offset)
    except _TOO_MUCH as error:
        return Refusal(str(error) or type(error).__name__)
    return None
