"""An embedded run that is interrupted in the middle, in every way, and goes on where it was."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.integration.stage import Done, Stage, ended, endpoint, interrupt, staged, until

HOLES = 80
SLOTS = 4


@pytest.fixture
def stage() -> Iterator[Stage]:
    """An embedded project with one model that takes its time."""
    with staged([endpoint("a", max_concurrency=SLOTS)], {"a": {"latency": 120}}) as made:
        made.configure()
        made.write("holes.jsonl", [{"hole_id": number} for number in range(HOLES)])
        yield made
        made.nothing_runs()


def refine(stage: Stage) -> subprocess.Popen[str]:
    """The command that is interrupted, and given again."""
    return stage.start("refine", "holes.jsonl", "--run", "r", "--json")


def in_the_middle(stage: Stage) -> subprocess.Popen[str]:
    """The command, with some holes filled and calls in flight."""
    refining = refine(stage)
    until(lambda: stage.stats()["a"]["answered"] >= 12, "a run in the middle")
    until(lambda: stage.stats()["a"]["in_flight"] == SLOTS, "calls in flight")
    assert stage.stats()["a"]["answered"] < HOLES - SLOTS
    return refining


def gone_on(stage: Stage) -> tuple[Done, list[dict[str, Any]]]:
    """The end of the same command given again, and its results: every hole filled by exactly one attempt."""
    refined = ended(refine(stage))
    assert (refined.code, refined.json["filled"], refined.json["holes"]) == (0, HOLES, HOLES), refined
    assert "going on where it was" in refined.err
    results = stage.maze("results", "r", "--json").lines
    assert [row["hole_id"] for row in results] == list(range(HOLES))
    for row in results:
        assert [one["outcome"] for one in row["attempts"] if one["outcome"] != "lost"] == ["accepted"]
    return refined, results


def asked_twice(stage: Stage) -> set[int]:
    """Holes whose call arrived more than once."""
    return {int(place[1]) for place, count in stage.log.places("r").items() if count > 1}


def lost(results: list[dict[str, Any]]) -> set[int]:
    """Holes with an attempt whose worker never came back."""
    return {row["hole_id"] for row in results if any(one["outcome"] == "lost" for one in row["attempts"])}


def test_after_ctrl_c_the_same_command_goes_on_and_nobody_is_asked_twice(stage: Stage) -> None:
    left = interrupt(in_the_middle(stage))
    assert (left.code, left.out) == (130, "")
    assert "is held" in left.err
    assert "Traceback" not in left.err
    stage.nothing_runs()
    held = stage.maze("status", "r", "--json").json
    assert (held["state"], held["in_progress"]) == ("paused", 0)
    assert 12 <= held["filled"] == held["attempts"] == HOLES - held["pending"]
    assert stage.stats()["a"]["answered"] == held["filled"], "calls that ran were kept"

    refined, _ = gone_on(stage)
    assert (refined.json["attempts"], refined.json["repeated"]) == (HOLES, 0)
    assert asked_twice(stage) == set()
    assert stage.stats()["a"]["requests"] == HOLES


def test_after_a_kill_of_the_command_nothing_runs_and_it_goes_on(stage: Stage) -> None:
    refining = in_the_middle(stage)
    refining.kill()
    ended(refining)
    stage.nothing_runs()
    held = stage.maze("status", "r", "--json").json
    assert held["state"] == "paused", "nobody goes on paying unseen"

    refined, results = gone_on(stage)
    assert 1 <= len(lost(results)) <= SLOTS
    assert asked_twice(stage) <= lost(results)
    assert refined.json["repeated"] == len(lost(results))
    assert refined.json["attempts"] == HOLES + len(lost(results))
    assert stage.stats()["a"]["distinct_keys"] == HOLES


def test_after_a_kill_of_the_command_no_hole_goes_elsewhere_because_of_the_calls_that_died() -> None:
    # The slots of those calls would be free only when their leases run out, much later than a hole waits for its turn.
    ensemble = [endpoint("a", max_concurrency=SLOTS, spill_after_s=0.5), endpoint("b", priority=1)]
    with staged(ensemble, {"a": {"latency": 120}}) as stage:
        stage.configure()
        stage.write("holes.jsonl", [{"hole_id": number} for number in range(HOLES)])
        refining = in_the_middle(stage)
        refining.kill()
        ended(refining)
        stage.nothing_runs()
        _, results = gone_on(stage)
        assert {row["model"] for row in results} == {"a"}
        stage.nothing_runs()


def test_after_a_kill_of_everything_it_goes_on_with_all_that_was_written(stage: Stage) -> None:
    refining = in_the_middle(stage)
    # The server first: it is the one that must not get to say goodbye.
    for pid in [*stage.alive("redis-server"), *stage.alive("embedded_keeper"), *stage.processes()]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    ended(refining)
    until(lambda: not stage.processes(), "the end of everything")
    written = b"".join(path.read_bytes() for path in (stage.folder / ".maze" / "data").rglob("*aof*") if path.is_file())
    kept = {hole for hole in range(HOLES) if f"tries:i{hole}\r\n".encode() in written}
    assert kept, "nothing has reached the disk"

    _, results = gone_on(stage)
    assert not kept & asked_twice(stage)
    assert len(lost(results)) <= SLOTS
    assert stage.stats()["a"]["distinct_keys"] == HOLES


@pytest.mark.parametrize("victim", ["redis-server unixsocket", "embedded_keeper"])
def test_a_run_outlives_its_own_server(stage: Stage, victim: str) -> None:
    refining = in_the_middle(stage)
    (pid,) = stage.alive(victim)
    os.kill(pid, signal.SIGKILL)
    refined = ended(refining)
    assert (refined.code, refined.json["filled"]) == (0, HOLES), refined
    results = stage.maze("results", "r", "--json").lines
    assert all(sum(one["outcome"] == "accepted" for one in row["attempts"]) == 1 for row in results)
    assert stage.stats()["a"]["distinct_keys"] == HOLES


def test_two_commands_at_once_share_a_server_and_the_last_one_ends_it(stage: Stage) -> None:
    longer = in_the_middle(stage)
    stage.write("few.jsonl", [{"hole_id": f"few-{number}"} for number in range(4)])
    shorter = stage.start("refine", "few.jsonl", "--run", "few", "--json")
    until(lambda: stage.log.entries("few"), "a call of the second command")
    assert len(stage.alive("redis-server unixsocket")) == len(stage.alive("embedded_keeper")) == 1
    listed = stage.maze("status", "--json")
    assert {row["run"] for row in listed.lines} == {"r", "few"}
    assert (ended(shorter).code, ended(longer).code) == (0, 0)
    assert set(stage.log.places().values()) == {1}
    assert len(stage.log.places()) == HOLES + 4
