"""Holes for the tests of validation, and the recorded data where it is at hand."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from maze_tasks.models import FillConstraint, Hole, HoleSpec
from maze_tasks.source.scanner import scan

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def hole(
    before: str | None = None, after: str | None = None, language: str | None = "python", *demands: tuple[str, str]
) -> Hole:
    """A hole between two pieces of code, with demands of a kind and a value each."""
    constraints = tuple(FillConstraint(kind=kind, value=value) for kind, value in demands)
    spec = HoleSpec(hole_id=1, fill_constraints=constraints)
    return Hole(id=1, spec=spec, prefix=before, suffix=after, language=language)


def scanned(text: str, path: str = "a.py", language: str = "python") -> Hole:
    """The one hole of a file."""
    (found,) = scan(path, text.encode(), language)
    return found


@cache
def rows(name: str) -> tuple[dict[str, Any], ...]:
    """The rows of a file of recorded data; the test is skipped where it is missing."""
    path = DATA / f"{name}.jsonl"
    if not path.is_file():
        pytest.skip(f"the recorded data {path.name} is not at hand")
    return tuple(json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def row_hole(row: dict[str, Any]) -> Hole:
    """The hole of a row of recorded data."""
    return hole(row["prefix"], row["suffix"])
