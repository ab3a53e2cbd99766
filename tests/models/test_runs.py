from __future__ import annotations

import pytest

from maze_tasks.errors import Failure
from maze_tasks.models import Attempt, AttemptOutcome, ErrorRecord, HoleResult, RunStatus


def attempt(outcome: AttemptOutcome = "accepted") -> Attempt:
    return Attempt(candidate=1, model="m", outcome=outcome, cost_nano=2_500_000, code="secret code", speed=0.5)


@pytest.mark.parametrize(
    ("outcome", "usable"),
    [("accepted", True), ("rejected", True), ("failed", False), ("lost", False), ("cancelled", False)],
)
def test_a_reply_is_usable_whatever_came_of_the_fill(outcome: AttemptOutcome, usable: bool) -> None:
    assert attempt(outcome).usable is usable


def test_reports_show_money_in_usd_and_leave_code_to_the_result() -> None:
    result = HoleResult(
        hole_id=2**64 - 1,
        status="filled",
        attempts=(attempt(),),
        cost_nano=2_500_000,
        error=ErrorRecord.of(Failure("timeout", "took too long")),
    )
    report = result.report()
    assert report["hole_id"] == 2**64 - 1
    assert report["cost_usd"] == 0.0025
    assert report["error"] == {"kind": "timeout", "message": "took too long"}
    [shown] = report["attempts"]
    assert shown["cost_usd"] == 0.0025
    assert not {"code", "cost_nano", "speed"} & set(shown)


def test_ids_of_results_keep_their_type() -> None:
    for hole_id in (5, "5"):
        result = HoleResult(hole_id=hole_id, status="pending")
        assert HoleResult.model_validate_json(result.model_dump_json()).hole_id == hole_id


def test_a_status_counts_what_came_to_an_end() -> None:
    status = RunStatus(run="r", state="running", holes=9, pending=1, in_progress=2, filled=3, failed=1, skipped=2)
    assert status.closed == 6
    assert not status.ended
    assert status.model_copy(update={"state": "exhausted"}).ended
    assert status.report()["cost_usd"] == 0.0
    assert "cost_nano" not in status.report()
