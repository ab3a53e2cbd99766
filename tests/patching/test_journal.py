"""The journal of a run: where it lies, who has it, and what becomes of a bad one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from maze_tasks.errors import MazeError, Refused
from maze_tasks.patching import Journal
from maze_tasks.patching.journal import Record, journal_path
from maze_tasks.source.patcher import Piece

from .conftest import RUN, Bench, refused


def test_one_command_at_a_time_has_a_journal(bench: Bench) -> None:
    bench.add("a", b"HOLE", "x")
    with Journal.open(bench.state, RUN, writing=True), pytest.raises(Refused, match="another command is at work"):
        bench.apply()


def test_journals_stay_in_their_folder_and_apart(tmp_path: Path) -> None:
    names = ["..", "../x", "a", "A", "a/b", "漢" * 100, "x" * 100, "x" * 99 + "y"]
    paths = [journal_path(tmp_path, name) for name in names]
    assert {path.parent for path in paths} == {tmp_path / "patches"}
    assert len({path.name.casefold() for path in paths}) == len(names)
    assert all(len(path.name) < 120 for path in paths)


def test_a_journal_that_cannot_be_used_is_named(bench: Bench) -> None:
    path = journal_path(bench.state, RUN)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with pytest.raises(MazeError, match="not a database"):
        bench.reverse()
    path.unlink()
    path.mkdir()
    with pytest.raises(MazeError, match="unable to open"):
        bench.apply()


def test_a_journal_of_a_newer_version_is_left_alone(bench: Bench) -> None:
    with Journal.open(bench.state, RUN, writing=True):
        pass
    with closing(sqlite3.connect(journal_path(bench.state, RUN))) as rows:
        rows.execute("PRAGMA user_version = 2")
    with pytest.raises(Refused, match="newer version"):
        bench.apply()


def test_a_damaged_record_restores_nothing(bench: Bench) -> None:
    bench.add("a", b"HOLE", "x")
    bench.apply()
    with Journal.open(bench.state, RUN, writing=True) as journal:
        (good,) = journal.records()
        journal.add(Record(good.path, good.before, good.after, (Piece(0, 1, b"HALE"),)))
    assert refused(bench.reverse()) == {"a": "system"}
    assert bench.files() == {"a": b"x"}
