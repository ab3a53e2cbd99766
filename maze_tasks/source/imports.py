"""What a file imports: the statements as they stand, and what the names that they bring stand for."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from textwrap import dedent
from typing import Final, NamedTuple

from maze_tasks.source.definitions import Definition
from maze_tasks.source.outlines import lines_of

_NAME: Final = re.compile(r"[^\W\d]\w*")
_QUOTED: Final = re.compile(r"""["']([^"'\n]+)["']""")
_ALIAS: Final = re.compile(r"\b([^\W\d]\w*)\s+as\s+([^\W\d]\w*)")
_BY_CALL: Final = {  # where a value may be what elsewhere is an import
    "zig": re.compile(rb"@(?:import|cImport)\b"),
    "javascript": re.compile(rb"\brequire\s*\("),
    "typescript": re.compile(rb"\brequire\s*\("),
    "tsx": re.compile(rb"\brequire\s*\("),
}
_MAX_STATEMENT: Final = 4000  # bytes of one import that is looked at


class Imported(NamedTuple):
    """What an imported name stands for.

    `module` is the dotted path of a Python module, relative ones with their dots; in other languages it is empty.
    `name` is the name there, None for the module itself.
    """

    module: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Imports:
    """The imports of a file.

    Args:
        statements: as they stand, each moved to the left.
        names: what the names stand for by which the file calls them.
        words: all words of the statements: parts of paths, packages and names.
        files: names of files in quotation marks.
    """

    statements: tuple[str, ...] = ()
    names: dict[str, Imported] = field(default_factory=dict)
    words: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()


def imports_of(data: bytes, language: str, definitions: Sequence[Definition]) -> Imports:
    """The imports among the definitions of a file.

    Args:
        data: its text in UTF-8.
        language: what it is written in.
        definitions: what it defines.
    """
    statements = tuple(dict.fromkeys(_statements(data, language, definitions)))
    names: dict[str, Imported] = {}
    for statement in statements:
        names.update(_python_names(statement) if language == "python" else _other_names(statement))
    words = frozenset(word for one in statements for word in _NAME.findall(one))
    return Imports(statements, names, words, tuple(file for one in statements for file in _QUOTED.findall(one)))


def _statements(data: bytes, language: str, definitions: Sequence[Definition]) -> Iterator[str]:
    by_call = _BY_CALL.get(language)
    for definition in definitions:
        start, end = definition.start, min(definition.end, definition.start + _MAX_STATEMENT)
        if definition.kind == "import":
            yield lines_of(data, definition.head, end)
        elif by_call is not None and definition.kind == "value" and not definition.scope:
            line = data[start:end]
            if by_call.search(line) is not None and b"\n" not in line:
                yield lines_of(data, start, end)


def _python_names(statement: str) -> Iterator[tuple[str, Imported]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(dedent(statement)).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return
    for node in body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                yield (alias.asname, Imported(alias.name, None)) if alias.asname else (first, Imported(first, None))
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                yield alias.asname or alias.name, Imported(module, alias.name)


def _other_names(statement: str) -> Iterator[tuple[str, Imported]]:
    for name in _NAME.findall(statement):
        yield name, Imported("", name)
    for name, called in _ALIAS.findall(statement):
        yield called, Imported("", name)
