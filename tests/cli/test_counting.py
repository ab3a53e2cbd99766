"""Progress of scans, submissions and patches."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from maze_tasks.cli.counting import Count, Tally, count_line, counted, counting, scan_count
from maze_tasks.source.tree import Summary


@pytest.mark.parametrize(
    ("first", "now", "elapsed_s", "line"),
    [
        (Count("scanning", 0, "files"), Count("scanning", 0, "files"), 1.0, "scanning: 0 files"),
        (Count("a", 0, "files"), Count("a", 500, "files", 2000), 10.0, "a: 500 of 2000 files, 50/s, ETA 30s"),
        (Count("a", 100, "files"), Count("a", 200, "files", 200, "x"), 400.0, "a: 200 of 200 files, x, 0.25/s, ETA 0s"),
        (Count("a", 0, "files"), Count("a", 5, "files", 4), 1.0, "a: 5 of 4 files, 5/s, ETA 0s"),
        (Count("a", 0, "holes"), Count("a", 5, "holes"), 0.0, "a: 5 holes"),
    ],
)  # fmt: skip
def test_a_line_has_the_rate_and_the_time_left(first: Count, now: Count, elapsed_s: float, line: str) -> None:
    assert count_line(first, now, elapsed_s) == line


def test_a_scan_knows_how_large_the_tree_is_in_its_second_pass() -> None:
    summary = Summary(indexed=7)
    assert scan_count(summary) == Count("reading definitions", 7, "files")
    summary.files = 2
    summary.holes["python", "macro"] = 3
    assert scan_count(summary) == Count("scanning", 2, "files", 7, "3 holes")


def test_lines_go_to_stderr_as_long_as_the_work_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    asked = threading.Semaphore(0)

    def read() -> Count:
        asked.release()
        return Count("writing", 1, "files", 2)

    with counting(read, every_s=0.001):
        for _ in range(3):
            asked.acquire()
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "writing: 1 of 2 files" in shown.err
    threads = threading.active_count()
    with counting(read, quiet=True):
        assert threading.active_count() == threads


PROGRAM = """
import threading
from maze_tasks.cli.counting import Count, counting
from maze_tasks.cli.output import emit, warn
asked = threading.Semaphore(0)
def read():
    asked.release()
    return Count("writing", 1, "files", 2)
with counting(read, look_s=0.001):
    for _ in range(3):
        asked.acquire()
    emit("data")
    warn("something")
"""


def test_a_terminal_shows_one_line_and_what_is_written_on_stdout_stays_there() -> None:
    ours, theirs = os.openpty()
    env = os.environ | {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "80"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=theirs, env=env, check=True)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.stdout == b'"data"\n'
    clear = "\r\x1b[2K"
    assert shown.startswith(f"{clear}writing: 1 of 2 files")
    assert f"{clear}warning: something\r\nwriting: 1 of 2 files" in shown
    assert shown.endswith(clear)


def test_what_is_counted_passes_through() -> None:
    tally = Tally()
    values = counted(tally.over("abc"), lambda: Count("x", tally.done, "letters"))
    assert next(values) == "a"
    assert tally.done == 0
    assert list(values) == ["b", "c"]
    assert tally.done == 3


def test_work_that_fails_ends_its_progress() -> None:
    threads = threading.active_count()
    with pytest.raises(RuntimeError), counting(lambda: Count("x", 0, "files")):
        raise RuntimeError
    assert threading.active_count() == threads
