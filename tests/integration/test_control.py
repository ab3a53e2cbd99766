"""Cancelling, pausing and resuming runs while they go on."""

from __future__ import annotations

from contextlib import closing

import pytest

from maze_tasks import control
from maze_tasks.models.runs import RunStatus
from maze_tasks.store import RunStore
from tests.integration.batches import DEFAULT, SECURE
from tests.integration.conftest import SLOW_SLOTS
from tests.integration.stage import Stage, ended, interrupt, until


def add_up(status: RunStatus) -> bool:
    """Whether every hole is counted in exactly one state."""
    return status.holes == status.pending + status.in_progress + status.closed


def test_cancel_ends_a_run_in_the_middle_and_everything_is_accounted_for(cluster: Stage) -> None:
    config = cluster.configure("cancel.toml", only=["general", "hang"])
    holes = [{"hole_id": number, **(SECURE if number % 2 else DEFAULT)} for number in range(20)]
    path = cluster.write("cancel.jsonl", holes)
    refining = cluster.start("refine", path, "--run", "cancel", "--json", config=config)
    until(lambda: cluster.status("cancel").filled == 10, "the end of the holes that can be filled")
    until(lambda: cluster.stats()["hang"]["in_flight"] == SLOW_SLOTS, "calls in flight")
    cancelled = cluster.maze("cancel", "cancel", "--json", config=config)
    assert cancelled.code == 0
    assert cancelled.json["state"] in ("cancelling", "cancelled")

    refined = ended(refining)
    assert refined.code == 1
    assert (refined.json["state"], refined.json["filled"], refined.json["skipped"]) == ("cancelled", 10, 10)
    status = cluster.status("cancel")
    assert status.ended
    assert add_up(status)
    until(lambda: cluster.stats()["hang"]["in_flight"] == 0, "calls cut off")
    results = cluster.maze("results", "cancel", "--json", config=config).lines
    skipped = [row for row in results if row["status"] == "skipped"]
    assert {row["error"]["kind"] for row in skipped} == {"cancelled"}
    in_flight = [one for row in skipped for one in row["attempts"]]
    assert [(one["model"], one["outcome"]) for one in in_flight] == [("hang", "cancelled")] * SLOW_SLOTS
    assert status.attempts == 10 + SLOW_SLOTS == sum(cluster.log.places("cancel").values())
    # A call that was cut was not decided: it is in no rate of success.
    metrics = cluster.maze("metrics", "--run", "cancel", "--json", config=config).json
    assert metrics["total_requests"] == 10
    # What is over stays over.
    again = cluster.maze("cancel", "cancel", "--json", config=config)
    assert (again.code, again.json["state"]) == (0, "cancelled")
    assert cluster.maze("resume", "cancel", "--json", config=config).code == 1


def test_a_paused_run_asks_nobody_and_resumed_asks_nobody_twice(cluster: Stage) -> None:
    config = cluster.configure("pause.toml", only=["steady"])
    path = cluster.write("pause.jsonl", [{"hole_id": number} for number in range(60)])
    assert cluster.maze("refine", path, "--run", "pause", "--detach", config=config).code == 0
    until(lambda: cluster.status("pause").filled >= 5, "a run in the middle")
    with closing(cluster.redis()) as client:
        assert control.pause(RunStore(client), "pause").state == "paused"
    # Calls that ran are kept; messages that come up meanwhile are dropped, since the store knows what to send again.
    until(lambda: not cluster.status("pause").in_progress and not cluster.waiting("steady"), "calls and messages gone")
    still = cluster.status("pause")
    assert add_up(still)
    assert 0 < still.filled < 60
    assert still.attempts == still.filled == len(cluster.log.entries("pause"))
    followed = cluster.maze("watch", "pause", "--json", config=config)
    assert (followed.code, followed.json["state"]) == (1, "paused")

    assert cluster.maze("resume", "pause", config=config).code == 0
    assert cluster.maze("watch", "pause", "--json", config=config).json["filled"] == 60
    assert set(cluster.log.places("pause").values()) == {1}
    assert len(cluster.log.places("pause")) == cluster.status("pause").attempts == 60


def test_a_run_that_is_cancelled_while_paused_ends(cluster: Stage) -> None:
    config = cluster.configure("held.toml", only=["idle"])
    path = cluster.write("held.jsonl", [{"hole_id": number} for number in range(3)])
    assert cluster.maze("refine", path, "--run", "held", "--detach", config=config).code == 0
    paused = cluster.maze("pause", "held", "--json", config=config)
    assert (paused.code, paused.json["state"], paused.json["pending"]) == (0, "paused", 3)
    assert cluster.maze("cancel", "held", "--json", config=config).json["state"] == "cancelled"
    assert cluster.status("held").skipped == 3


def test_interrupting_refine_leaves_a_run_on_a_shared_server_going(cluster: Stage) -> None:
    config = cluster.configure("left.toml", only=["steady"])
    path = cluster.write("left.jsonl", [{"hole_id": number} for number in range(40)])
    refining = cluster.start("refine", path, "--run", "left", "--json", config=config)
    until(lambda: cluster.status("left").filled >= 3, "a run in the middle")
    left = interrupt(refining)
    assert left.code == 130
    assert left.out == ""
    assert "goes on" in left.err
    assert "Traceback" not in left.err
    followed = cluster.maze("watch", "left", "--json", config=config)
    assert (followed.code, followed.json["filled"], followed.json["attempts"]) == (0, 40, 40)


@pytest.mark.parametrize("command", ["status", "watch", "cancel", "pause", "resume", "results"])
def test_a_run_that_does_not_exist_is_refused(cluster: Stage, command: str) -> None:
    refused = cluster.maze(command, "no-such-run", "--json")
    assert (refused.code, refused.out) == (2, "")
    assert "no-such-run" in refused.err
