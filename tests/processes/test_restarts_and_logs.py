"""When a dead process is started again, how its end is told, and how much of its log is kept and quoted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks import logfile
from maze_tasks.logfile import last_lines, open_log
from maze_tasks.process_exit import ProcessExit, becomes_readable, ending
from maze_tasks.restarts import RestartPolicy

POLICY = RestartPolicy(quick_death_s=10, give_up_after=4, first_delay_s=0.5, longest_delay_s=1.5)


def test_the_pause_doubles_up_to_a_limit_and_then_it_is_given_up() -> None:
    assert [POLICY.delay_s(deaths) for deaths in range(6)] == [0.5, 0.5, 1.0, 1.5, None, None]


def test_a_process_that_lived_for_a_while_is_forgiven() -> None:
    assert POLICY.quick_deaths(3, lived_s=9.9) == 4
    assert POLICY.quick_deaths(3, lived_s=10) == 0


@given(st.lists(st.floats(0, 30), max_size=30))
def test_it_is_given_up_exactly_when_so_many_in_a_row_died_quickly(lives: list[float]) -> None:
    deaths = 0
    for index, lived_s in enumerate(lives):
        deaths = POLICY.quick_deaths(deaths, lived_s)
        in_a_row = lives[max(index - 3, 0) : index + 1]
        if POLICY.delay_s(deaths) is None:
            assert len(in_a_row) == 4
            assert all(lived < 10 for lived in in_a_row)
            return
        assert len(in_a_row) < 4 or any(lived >= 10 for lived in in_a_row)


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "ended with exit code 0"), (-9, "was killed by SIGKILL"), (-250, "was killed by signal 250")],
)
def test_the_end_of_a_process_is_told_in_words(code: int, words: str) -> None:
    assert ending(code) == words


def test_the_last_lines_of_a_log_are_quoted_from_a_position_on(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_lines(log) == ""
    log.write_text("".join(f"line {number}\n" for number in range(2000)))
    assert last_lines(log, 2) == "line 1998\nline 1999"
    end = log.stat().st_size
    assert last_lines(log, since=end) == ""
    with open_log(log) as more:
        more.write(b"new\n")
    assert last_lines(log, since=end) == "new"
    assert last_lines(log, since=10 * end) == ""


def test_a_log_that_has_grown_too_large_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfile, "LARGEST_BYTES", 10)
    log = tmp_path / "log"
    for text in (b"first of all\n", b"second\n", b"third\n"):
        with open_log(log) as stream:
            stream.write(text)
    assert log.read_bytes() == b"second\nthird\n"
    assert (tmp_path / "log.1").read_bytes() == b"first of all\n"


@pytest.mark.parametrize("with_descriptor", [True, False])
def test_waiting_for_the_end_of_a_process(with_descriptor: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not with_descriptor:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    readable, writable = os.pipe()
    with ProcessExit(os.getpid()) as exited:
        exited.wait(0.01)  # still here
        os.write(writable, b".")
        exited.wait(None, unless=readable)
    assert becomes_readable([readable], 0)
    with ProcessExit(2**22 + 1) as exited:  # no process has that id
        exited.wait(None)
    os.close(readable)
    os.close(writable)
