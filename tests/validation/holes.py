"""Holes for the tests of validation, and the recorded data where it is at hand."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from benchmarks import rows as recorded
from maze_tasks.models import FillConstraint, Hole, HoleSpec
from maze_tasks.source.scanner import scan

DATA = "MAZE_DATA"  # names a folder with more recorded data than the repository ships


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
    folder = os.environ.get(DATA)
    try:
        return tuple(recorded.rows(name, Path(folder) if folder else None))
    except recorded.Unusable as missing:
        pytest.skip(str(missing))


def row_hole(row: dict[str, Any]) -> Hole:
    """The hole of a row of recorded data."""
    return hole(row["prefix"], row["suffix"])
