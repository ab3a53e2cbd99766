"""Which line of a TOML text a key stands on, which `tomllib` does not tell."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence

KeyPath = tuple[str | int, ...]  # such as ("endpoints", 1, "priority")

_STRING = r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\''
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_HEADER = re.compile(rf"(\[\[?)((?:{_STRING}|[^\]\"'\n])*)\]\]?", re.DOTALL)
_KEY = re.compile(rf"((?:{_STRING}|[^=\"'\n])+)=", re.DOTALL)
_VALUE_PART = re.compile(rf"{_STRING}|#[^\n]*|[\[{{]|[\]}}]|\n|[^\[\]{{}}\"'#\n]+", re.DOTALL)
_NAME = re.compile(rf"{_STRING}|[A-Za-z0-9_-]+", re.DOTALL)


def toml_lines(text: str) -> dict[KeyPath, int]:
    """Lines of all tables and keys of a text.

    Keys inside inline tables have no entry of their own; `line_of` falls back on the table.

    Args:
        text: a text that `tomllib` accepts. For another text the answer may be incomplete.

    Returns:
        Line numbers, from 1, by path, such as ``("endpoints", 1, "priority")``; tables of an array are
        counted from 0.
    """
    lines: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    at = _end(_BLANK, text, 0)
    while at < len(text):
        line = text.count("\n", 0, at) + 1
        if header := _HEADER.match(text, at):
            table = _table_path(_names(header[2]), counts, is_array=header[1] == "[[")
            lines.setdefault(table, line)
            at = header.end()
        elif key := _KEY.match(text, at):
            _note_key(lines, table, _names(key[1]), line)
            at = _value_end(text, key.end())
        else:
            break
        at = _end(_BLANK, text, at)
    return lines


def line_of(lines: Mapping[KeyPath, int], path: Sequence[str | int]) -> int | None:
    """Line of the longest known beginning of a path, None if nothing of it is known.

    Args:
        lines: answer of `toml_lines`.
        path: a path into the parsed document.
    """
    for length in range(len(path), 0, -1):
        if (line := lines.get(tuple(path[:length]))) is not None:
            return line
    return None


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _names(dotted: str) -> tuple[str, ...]:
    """Parts of a dotted key, quotes undone."""
    return tuple(_unquoted(part) for part in _NAME.findall(dotted))


def _unquoted(part: str) -> str:
    if part[0] not in "\"'":
        return part
    try:
        return str(tomllib.loads(f"k = {part}")["k"])
    except tomllib.TOMLDecodeError:
        return part[1:-1]


def _table_path(names: tuple[str, ...], counts: dict[KeyPath, int], *, is_array: bool) -> KeyPath:
    """Path of a header, with the index of the current element behind every array of tables on the way."""
    path: KeyPath = ()
    for position, name in enumerate(names, 1):
        path = (*path, name)
        if is_array and position == len(names):
            counts[path] = counts.get(path, 0) + 1
        if path in counts:
            path = (*path, counts[path] - 1)
    return path


def _note_key(lines: dict[KeyPath, int], table: KeyPath, names: tuple[str, ...], line: int) -> None:
    for length in range(1, len(names) + 1):
        lines.setdefault((*table, *names[:length]), line)


def _value_end(text: str, at: int) -> int:
    """Where the value that begins at `at` ends: the first line break outside of brackets."""
    depth = 0
    while at < len(text) and (part := _VALUE_PART.match(text, at)):
        piece = part[0]
        if piece == "\n" and depth <= 0:
            break
        depth += (piece in "[{") - (piece in "]}")
        at = part.end()
    return at
