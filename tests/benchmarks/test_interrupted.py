"""The benchmark of interruptions with a few holes, and what breaks its claim."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks import interrupted
from benchmarks.interrupted import STEPS, Came, Kill, hold_against


@pytest.mark.timeout(400)  # it starts a dozen processes, and some machines are busy
@pytest.mark.integration
@pytest.mark.usefixtures("sandbox")
def test_a_run_killed_three_times_ends_like_the_one_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    code = interrupted.main(["--limit", "9", "--latency", "250", "--lease", "2", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert report["holds"] is True, report
    assert code == 0
    assert report["filled"] == report["holes"] == 9
    assert [kill["what"] for kill in report["kills"]] == list(STEPS)


def attempt(outcome: str, candidate: int = 0) -> dict[str, Any]:
    return {"model": "a", "error": None, "outcome": outcome, "round": 0, "candidate": candidate, "sample": 0}


def result(hole: int, code: str, *outcomes: str) -> dict[str, Any]:
    attempts = [attempt(outcome) for outcome in outcomes]
    return {"hole_id": hole, "status": "filled", "model": "a", "code": code, "attempts": attempts}


def call(hole: int, at: float, latency_ms: float = 100) -> dict[str, Any]:
    return {"key": f"bench/{hole}/0/0/0", "time": at, "latency_ms": latency_ms}


def held(killed: list[dict[str, Any]], log: list[dict[str, Any]]) -> Came:
    came = Came(2, slots=2, kills=[Kill(what, 1, at=10.0) for what in STEPS])
    hold_against(came, [[result(1, "x", "accepted"), result(2, "y", "accepted")], killed], log)
    return came


def test_a_call_that_was_lost_and_made_again_keeps_the_claim() -> None:
    killed = [result(1, "x", "lost", "accepted"), result(2, "y", "accepted")]
    came = held(killed, [call(1, 9.95), call(1, 20), call(2, 9)])
    assert came.holds
    assert (came.twice, came.lost, came.kills[0].in_flight) == (1, 1, 1)


def test_a_call_that_is_made_again_without_a_loss_breaks_the_claim() -> None:
    came = held([result(1, "x", "accepted"), result(2, "y", "accepted")], [call(1, 9), call(1, 20)])
    assert came.unexplained == ["bench/1/0/0/0: 2 times"]
    assert not came.holds


def test_another_fill_or_a_missing_hole_breaks_the_claim() -> None:
    came = held([result(1, "z", "accepted"), result(2, "y", "lost", "accepted")], [])
    assert came.different == ["1: filled after a accepted | filled after a accepted"]
    assert not came.holds
    came = held([result(1, "x", "accepted")], [])
    assert came.different == ["2: filled after a accepted | missing after no attempt"]
    assert not came.holds


def test_more_calls_made_again_than_can_be_in_flight_break_the_claim() -> None:
    came = Came(1, slots=2, kills=[Kill(what, 1) for what in STEPS], twice=7)
    assert not came.holds


def test_a_kill_that_came_too_late_breaks_the_claim() -> None:
    assert not Came(1, slots=2, kills=[Kill("command", 1)]).holds
