"""What was written into source trees, so that it can be taken out again.

One database of SQLite a run, ``patches/<run>.sqlite3`` in the state folder. A record says what turned a file of one
content into a file of another: it holds wherever the tree lies, and each is on the disk before its file is touched.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from maze_tasks.errors import MazeError, Refused
from maze_tasks.names import escape
from maze_tasks.source.patcher import Piece, unpatch

FOLDER: Final = "patches"
_NAME_LENGTH: Final = 80  # characters of a run's name that its file shows
_FORMAT: Final = 1  # as `PRAGMA user_version`
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS piece (
  path TEXT, after TEXT, no INTEGER, before TEXT, start INTEGER, stop INTEGER, original BLOB,
  PRIMARY KEY (path, after, no)
) WITHOUT ROWID
"""
_ALL: Final = "SELECT path, after, before, start, stop, original FROM piece ORDER BY path, after, no"
_ONE: Final = "SELECT path, after, before, start, stop, original FROM piece WHERE path = ? AND after = ? ORDER BY no"


@dataclass(frozen=True, slots=True)
class Record:
    """How a file was changed.

    Args:
        path: the file, relative to the root of its tree.
        before: sha256 of the file without the fills.
        after: sha256 of the file with them.
        pieces: what was replaced.
    """

    path: str
    before: str
    after: str
    pieces: tuple[Piece, ...] = field(repr=False)

    def undone(self, data: bytes) -> bytes:
        """The file as it was, from the file as it is: `data` must have the sha256 `after`."""
        return unpatch(data, self.pieces)


class Journal:
    """The records of one run. Made by `Journal.open`."""

    def __init__(self, rows: sqlite3.Connection, path: Path) -> None:
        self._rows, self._path = rows, path

    @classmethod
    @contextmanager
    def open(cls, state_dir: Path, run: str, *, writing: bool) -> Iterator[Journal]:
        """The journal of a run, held alone as long as it is open.

        Args:
            state_dir: the project's state folder.
            run: name of the run.
            writing: whether to make it where it is missing; an empty one stands in for it otherwise.

        Raises:
            Refused: another command has it, or a newer version made it.
            MazeError: it cannot be read or written.
        """
        path = journal_path(state_dir, run)
        with _translated(path):
            if writing:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            where = str(path) if writing or path.exists() else ":memory:"
            rows = sqlite3.connect(where, timeout=0.0, isolation_level=None)
        try:
            with _translated(path):
                _prepare(rows, path)
            yield cls(rows, path)
        finally:
            rows.close()

    def add(self, record: Record) -> None:
        """Keep a record; it is on the disk when this returns. Harmless when done twice.

        Raises:
            MazeError: it cannot be written.
        """
        rows = (
            (record.path, record.after, no, record.before, piece.start, piece.end, piece.original)
            for no, piece in enumerate(record.pieces)
        )
        with _translated(self._path), self._rows:
            self._rows.execute("BEGIN")
            self._rows.executemany("INSERT OR REPLACE INTO piece VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def find(self, path: str, after: str) -> Record | None:
        """The record that made a file what it is now, if one did."""
        with _translated(self._path):
            return next(_records(self._rows.execute(_ONE, (path, after))), None)

    def count_files(self) -> int:
        """How many files there are records of."""
        with _translated(self._path):
            (count,) = self._rows.execute("SELECT COUNT(DISTINCT path) FROM piece").fetchone()
        return int(count)

    def records(self) -> Iterator[Record]:
        """Every record, by path; one at a time is in memory."""
        with _translated(self._path):
            yield from _records(self._rows.execute(_ALL))


def journal_path(state_dir: Path, run: str) -> Path:
    """The file of a run's journal; the digest keeps apart what a file system may not, and no name leads elsewhere."""
    short = hashlib.sha256(run.encode(errors="surrogatepass")).hexdigest()[:12]
    return state_dir / FOLDER / f"{escape(run)[:_NAME_LENGTH]}-{short}.sqlite3"


def _prepare(rows: sqlite3.Connection, path: Path) -> None:
    # Exclusive first: write-ahead logging then needs no shared memory, which network file systems lack.
    rows.execute("PRAGMA locking_mode = EXCLUSIVE")
    rows.execute("PRAGMA journal_mode = WAL")
    rows.execute("PRAGMA synchronous = FULL")
    rows.execute("BEGIN EXCLUSIVE")
    rows.execute(_TABLE)
    (version,) = rows.execute("PRAGMA user_version").fetchone()
    if version > _FORMAT:
        raise Refused(f"{path} was written by a newer version of this program")
    rows.execute(f"PRAGMA user_version = {_FORMAT}")
    rows.execute("COMMIT")


def _records(rows: Iterator[Any]) -> Iterator[Record]:
    for (path, after, before), group in groupby(rows, key=lambda row: row[:3]):
        pieces = tuple(Piece(start, end, bytes(original)) for *_, start, end, original in group)
        yield Record(path, before, after, pieces)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise Refused(f"another command is at work with the same run: {path} is held") from None
        raise MazeError(f"{path}: {error}") from None
    except (sqlite3.Error, OSError) as error:
        raise MazeError(f"{path}: {error}") from None
