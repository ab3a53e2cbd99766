"""A source tree with holes, and the fills of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from maze_tasks.models import Hole, read_hole
from maze_tasks.models.places import Place
from maze_tasks.models.runs import HoleResult
from maze_tasks.names import HoleId
from maze_tasks.patching import (
    Checkout,
    FileDiff,
    FileOutcome,
    Journal,
    apply_patch,
    diff_patch,
    plan_patch,
    reverse_patch,
)

RUN = "night run/../1"
DATA = b"def f():\n    HOLE\n"
DONE = b"def f():\n    return 1\n"
Fill = tuple[Hole, HoleResult]


def fill_at(hole_id: HoleId, place: Place | None, code: str | None) -> Fill:
    """A hole with what became of it: filled, or failed where there is no code."""
    hole = read_hole({"hole_id": hole_id}).model_copy(update={"place": place})
    return hole, HoleResult(hole_id=hole_id, status="failed" if code is None else "filled", code=code)


def fills_of(path: str, data: bytes, *codes: str | None, first: int = 0, **more: Any) -> list[Fill]:
    """A fill for each ``HOLE`` in a file's bytes."""
    encoding = more.get("encoding", "utf-8")
    hole = "HOLE".encode(encoding).removeprefix("".encode(encoding))
    digest = hashlib.sha256(data).hexdigest()
    found, at = [], -1
    for number, code in enumerate(codes):
        at = data.index(hole, at + 1)
        line = data.count(b"\n", 0, at) + 1
        place = Place(path=path, start=at, end=at + len(hole), sha256=digest, line=line, column=1, **more)
        found.append(fill_at(f"{path[-100:]}#{first + number}", place, code))
    return found


class Bench:
    """A tree and the state folder of a project.

    Args:
        folder: where both are made.
    """

    def __init__(self, folder: Path) -> None:
        self.root, self.state = folder / "tree", folder / ".maze"
        self.root.mkdir()
        self.fills: list[Fill] = []

    def add(self, path: str, data: bytes, *codes: str | None, **more: Any) -> Path:
        """Write a file into the tree, with a fill for each of its holes."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        self.fills += fills_of(path, data, *codes, **more)
        return file

    def apply(self, *, check: bool = False) -> list[FileOutcome]:
        """`apply_patch` as a command calls it."""
        with (
            Checkout(self.root) as checkout,
            plan_patch(self.fills) as plan,
            Journal.open(self.state, RUN, writing=not check) as journal,
        ):
            return list(apply_patch(checkout, plan, journal, check=check))

    def reverse(self, *, check: bool = False) -> list[FileOutcome]:
        """`reverse_patch` as a command calls it."""
        with Checkout(self.root) as checkout, Journal.open(self.state, RUN, writing=False) as journal:
            return list(reverse_patch(checkout, journal, check=check))

    def diffs(self) -> list[FileDiff]:
        """`diff_patch` as a command calls it."""
        with (
            Checkout(self.root) as checkout,
            plan_patch(self.fills) as plan,
            Journal.open(self.state, RUN, writing=False) as journal,
        ):
            return list(diff_patch(checkout, plan, journal))

    def files(self) -> dict[str, bytes]:
        """Content of every file of the tree."""
        found = sorted(path for path in self.root.rglob("*") if path.is_file() and not path.is_symlink())
        return {str(path.relative_to(self.root)): path.read_bytes() for path in found}


def refused(outcomes: list[FileOutcome]) -> dict[str, str | None]:
    """Kinds of what was refused, by path."""
    return {one.path: one.kind for one in outcomes if one.status == "refused"}


def statuses(outcomes: list[FileOutcome]) -> dict[str, str]:
    """Statuses by path."""
    return {one.path: one.status for one in outcomes}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A bench with an empty tree."""
    return Bench(tmp_path)


@contextmanager
def open_descriptors_kept() -> Iterator[None]:
    """Nothing within leaves a file open."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    yield
    assert len(list(Path("/proc/self/fd").iterdir())) == before
