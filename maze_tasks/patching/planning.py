"""The fills of a run by the file they belong to, however they are scattered in the run.

They are sorted in a database of SQLite in a temporary file that has no name: only what belongs to one file comes back
into memory at a time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from maze_tasks.errors import MazeError
from maze_tasks.models.holes import Hole
from maze_tasks.models.places import Place
from maze_tasks.models.runs import HoleResult
from maze_tasks.names import HoleId, decode_id, encode_id

_NAMED: Final = 5  # holes without a place that a plan names; of more it knows the number
_TABLE: Final = "CREATE TABLE fill (path TEXT, hole TEXT, place TEXT, code BLOB)"
# Sorting by path and then by the order of the run keeps what is reported the same from one call to the next.
_SORTED: Final = "SELECT path, hole, place, code FROM fill ORDER BY path, rowid"


@dataclass(frozen=True, slots=True)
class FileFills:
    """The fills of one file.

    Args:
        path: the file, relative to the root of the tree.
        holes: ids of the holes.
        fills: places and code, in the same order.
    """

    path: str
    holes: tuple[HoleId, ...]
    fills: tuple[tuple[Place, str], ...] = field(repr=False)


@dataclass(slots=True)
class PatchPlan:
    """What there is to patch.

    Args:
        fills: number of fills that have a place.
        unfilled: number of holes that are not filled (yet).
        placeless: number of fills without a place in a source tree.
        placeless_ids: ids of the first of those.
    """

    _rows: sqlite3.Connection = field(repr=False)
    fills: int = 0
    unfilled: int = 0
    placeless: int = 0
    placeless_ids: list[HoleId] = field(default_factory=list)

    def count_files(self) -> int:
        """How many files `files` gives.

        Raises:
            MazeError: the temporary file cannot be read.
        """
        with _translated():
            (count,) = self._rows.execute("SELECT COUNT(DISTINCT path) FROM fill").fetchone()
        return int(count)

    def files(self) -> Iterator[FileFills]:
        """The files with their fills, by path; one at a time is in memory.

        Raises:
            MazeError: the temporary file cannot be read.
        """
        with _translated():
            for path, rows in groupby(self._rows.execute(_SORTED), key=lambda row: str(row[0])):
                holes, fills = [], []
                for _, hole, place, code in rows:
                    holes.append(decode_id(hole))
                    fills.append((Place.model_validate_json(place), bytes(code).decode(errors="surrogatepass")))
                yield FileFills(path, tuple(holes), tuple(fills))

    def _take(self, hole: Hole, result: HoleResult) -> None:
        if hole.part is not None:
            return  # what it gave is in the fill of the whole
        if result.status != "filled" or result.code is None:
            self.unfilled += 1
        elif hole.place is None:
            self.placeless += 1
            if len(self.placeless_ids) < _NAMED:
                self.placeless_ids.append(hole.id)
        else:
            self.fills += 1
            code = result.code.encode(errors="surrogatepass")
            row = (hole.place.path, encode_id(hole.id), hole.place.model_dump_json(), code)
            self._rows.execute("INSERT INTO fill VALUES (?, ?, ?, ?)", row)


@contextmanager
def plan_patch(fills: Iterable[tuple[Hole, HoleResult]]) -> Iterator[PatchPlan]:
    """Sort the fills of a run by file.

    Args:
        fills: every hole with what became of it, as `control.fills` gives them; read once.

    Raises:
        MazeError: the temporary file cannot be written.
    """
    with _translated():
        rows = sqlite3.connect("")
    try:
        with _translated():
            rows.execute(_TABLE)
            plan = PatchPlan(rows)
            for hole, result in fills:
                plan._take(hole, result)  # noqa: SLF001 - the plan is ours until it is handed out
        yield plan
    finally:
        rows.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise MazeError(f"cannot sort the fills in a temporary file: {error}") from None
