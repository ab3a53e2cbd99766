"""Which line of a JSON text a value stands on, which `json` does not tell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from maze_tasks.config.toml_lines import KeyPath
from maze_tasks.models.reading import field_path
from maze_tasks.strict_json import JsonProblem, parse_json

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[{}\[\],:]|[^\s"{}\[\],:]+', re.DOTALL)


class Spot(NamedTuple):
    """Where a value stands.

    `path` is such as ``("endpoints", 1, "priority")``, `line` that of its key, or of its beginning in a list, from 1;
    `scalar` is its text, None for a list or an object.
    """

    path: KeyPath
    line: int
    scalar: str | None


def json_spots(text: str) -> Iterator[Spot]:
    """Every value of a text but the outermost, in its order.

    Args:
        text: a text that `json` accepts. For another text the answer may be incomplete.
    """
    open_: list[_Open] = []
    line, at = 1, 0
    for match in _TOKEN.finditer(text):
        line, at = line + text.count("\n", at, match.start()), match.start()
        piece, inner = match[0], open_[-1] if open_ else None
        if piece in "}]":
            open_ = open_[:-1]
        elif piece == ",":
            if inner is not None:
                inner.go_on()
        elif piece == ":":
            continue
        elif inner is not None and inner.wants_key:
            inner.key, inner.line = _text(piece), line
        else:
            path: KeyPath = ()
            if inner is not None:
                assert inner.key is not None
                path = (*inner.path, inner.key)
                yield Spot(path, inner.line or line, None if piece in "{[" else piece)
            if piece in "{[":
                open_.append(_Open(path, is_list=piece == "["))


def json_lines(text: str) -> dict[KeyPath, int]:
    """Lines of all values of a text, as `toml_lines` tells those of TOML.

    Args:
        text: a text that `json` accepts.
    """
    return {spot.path: spot.line for spot in json_spots(text)}


def spot_of(text: str, problem: JsonProblem) -> Spot | None:
    """Where a text has the problem that it is refused for; None where that is no one place.

    Args:
        text: a text that `json` accepts and `parse_json` refuses.
        problem: why.
    """
    seen: set[KeyPath] = set()
    for spot in json_spots(text):
        is_again = spot.path in seen
        seen.add(spot.path)
        if problem.field == field_path(spot.path) or is_again or _is_refused(spot.scalar, problem):
            return spot
    return None


class _Open:
    """A list or an object that is being read, and where in it."""

    def __init__(self, path: KeyPath, *, is_list: bool) -> None:
        self.path, self.is_list = path, is_list
        self.key: str | int | None = 0 if is_list else None
        self.line = 0  # of the key; a list has none

    @property
    def wants_key(self) -> bool:
        return self.key is None

    def go_on(self) -> None:
        self.key = self.key + 1 if isinstance(self.key, int) else None


def _is_refused(scalar: str | None, problem: JsonProblem) -> bool:
    if scalar is None or problem.field is not None:
        return False
    try:
        parse_json(scalar)
    except JsonProblem as found:
        return found.reason == problem.reason
    return False


def _text(piece: str) -> str:
    try:
        return str(json.loads(piece))
    except ValueError:
        return piece
