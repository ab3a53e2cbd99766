"""Temporary files that kills leave."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from maze_tasks import leftovers
from maze_tasks.leftovers import hold, sweep
from maze_tasks.scanned import scanned_lines
from maze_tasks.source.tree import Summary


@pytest.fixture(name="there")
def _there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(leftovers.tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left(folder: Path, name: str, *, age_s: float = 3600.0) -> Path:
    path = folder / name
    path.write_bytes(b"x")
    then = path.stat().st_mtime - age_s
    os.utime(path, (then, then))
    return path


def test_what_nobody_holds_is_removed_and_nothing_else(there: Path) -> None:
    left(there, "maze-x-gone")
    kept = [left(there, "maze-x-held"), left(there, "maze-x-new", age_s=0.0), left(there, "other")]
    (there / "maze-x-link").symlink_to(kept[2])
    os.mkfifo(there / "maze-x-pipe")
    (there / "maze-x-folder").mkdir()
    before = sorted(there.iterdir())
    with kept[0].open("rb") as stream:
        hold(stream.fileno())
        assert sweep("maze-x-") == 1
    assert sorted(there.iterdir()) == [path for path in before if path.name != "maze-x-gone"]
    assert sweep("maze-x-") == 1
    assert not kept[0].exists()


def test_a_scan_removes_what_a_killed_one_left_and_holds_its_own(there: Path) -> None:
    stale = left(there, "maze-scan-1.jsonl")
    (there / "src").mkdir()
    with scanned_lines(there / "src", Summary(), lambda _: None) as lines:
        assert not stale.exists()
        with lines.open("rb") as stream, pytest.raises(BlockingIOError):
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert not lines.exists()
