"""Recorded answers, replayed by hole: a JSONL file, or the rows of it that one model gave."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maze_tasks.errors import ConfigError, InputError
from maze_tasks.simulate.settings import SimulatedEndpoint

FALLBACK_CODE_FIELD = "body"


@dataclass(slots=True)
class HoleAnswers:
    """The answers to one hole: in the order of the file, and by the sample number that a row gives."""

    in_order: list[str] = field(default_factory=list)
    by_sample: dict[int, str] = field(default_factory=dict)

    def pick(self, sample: int) -> str:
        """The answer of that sample if a row names it, else by the order of the rows, round and round."""
        named = self.by_sample.get(sample)
        return self.in_order[sample % len(self.in_order)] if named is None else named


Answers = Mapping[str, HoleAnswers]


def load_answers(settings: SimulatedEndpoint, folder: Path, name: str) -> Answers:
    """The answers of one endpoint by hole id as text; empty where the settings name no file.

    Args:
        settings: of the endpoint.
        folder: what its file is relative to: the folder of the configuration.
        name: of the endpoint, for error texts.

    Raises:
        ConfigError: if the file cannot be read or holds no row of that ``where``.
        InputError: if a row lacks an id or an answer.
    """
    if settings.answers is None:
        return {}
    path = folder / settings.answers
    place = f"simulate.{name}.answers"
    try:
        with path.open(encoding="utf-8") as lines:
            answers = collect(_rows(lines, str(path)), settings, str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}", field=place) from error
    if not answers:
        raise ConfigError(f"{path} has no row with {dict(settings.where)!r}", field=place)
    return answers


def collect(
    rows: Iterable[tuple[int, Mapping[str, Any]]], settings: SimulatedEndpoint, file: str
) -> dict[str, HoleAnswers]:
    """Group the rows that the settings select by hole.

    Args:
        rows: line number and row.
        settings: which rows and which of their fields count.
        file: for error texts.

    Raises:
        InputError: if a row lacks an id or an answer.
    """
    answers: dict[str, HoleAnswers] = {}
    for line, row in rows:
        if any(row.get(column) != value for column, value in settings.where.items()):
            continue
        hole = row.get(settings.id_field)
        if not isinstance(hole, str | int) or isinstance(hole, bool):
            raise InputError("a hole id is text or a whole number", file=file, line=line, field=settings.id_field)
        code = _code(row, settings, file, line)
        found = answers.setdefault(str(hole), HoleAnswers())
        found.in_order.append(code)
        sample = row.get("sample")
        if isinstance(sample, int):
            found.by_sample.setdefault(sample, code)
    return answers


def _rows(lines: Iterable[str], file: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InputError(f"not JSON: {error}", file=file, line=number) from error
        if not isinstance(row, dict):
            raise InputError("not a JSON object", file=file, line=number)
        yield number, row


def _code(row: Mapping[str, Any], settings: SimulatedEndpoint, file: str, line: int) -> str:
    code = row.get(settings.code_field, row.get(FALLBACK_CODE_FIELD))
    if not isinstance(code, str):
        raise InputError("an answer is text", file=file, line=line, field=settings.code_field)
    imports = row.get(settings.imports_field) if settings.imports_field else None
    if not imports:
        return code
    indent = code[: len(code) - len(code.lstrip(" \t"))]
    return "".join(f"{indent}{one}\n" for one in imports) + code
