"""Workers that die or stop, and a broker that forgets, in the middle of a run on an external server."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from maze_tasks.store.reading import iter_ids
from tests.integration.stage import Stage, ended, endpoint, staged, until

LEASE_S = 2  # what a killed worker costs, not counting the time to notice
SLOTS = 4
HOLES = 60
MANY = 3000  # so many that a submission takes a while


@pytest.fixture
def stage(addresses: Callable[[], dict[str, str]]) -> Iterator[Stage]:
    """One model that takes its time; nobody works yet."""
    with staged([endpoint("a", max_concurrency=SLOTS)], {"a": {"latency": 150}}) as made:
        made.settings = addresses() | {"lease_s": LEASE_S}
        made.configure()
        yield made


def results_of(stage: Stage, run: str) -> list[dict[str, Any]]:
    """What became of each hole, each filled by exactly one attempt."""
    results = stage.maze("results", run, "--json").lines
    for row in results:
        outcomes = Counter(one["outcome"] for one in row["attempts"])
        assert (row["status"], outcomes.pop("accepted"), set(outcomes) - {"lost"}) == ("filled", 1, set())
    return results


def test_a_killed_worker_costs_a_lease_and_nothing_is_filled_twice(stage: Stage) -> None:
    worker = stage.worker()
    path = stage.write("holes.jsonl", [{"hole_id": number} for number in range(HOLES)])
    refining = stage.start("refine", path, "--run", "r", "--json")
    until(lambda: stage.status("r").filled >= 10, "a run in the middle")
    until(lambda: stage.stats()["a"]["in_flight"] == SLOTS, "calls in flight")
    (victim,) = stage.alive("celery", "-Q fill.a")
    os.kill(victim, signal.SIGKILL)
    refined = ended(refining)
    assert (refined.code, refined.json["filled"]) == (0, HOLES)
    assert worker.poll() is None
    assert stage.alive("celery", "-Q fill.a") not in ([], [victim]), "the supervisor has started another"

    results = results_of(stage, "r")
    lost = [(row["hole_id"], one) for row in results for one in row["attempts"] if one["outcome"] == "lost"]
    again = [row["hole_id"] for row in results for one in row["attempts"] if one["repeated"]]
    assert 1 <= len(lost) <= SLOTS
    assert {one["error"]["kind"] for _, one in lost} == {"lost"}
    assert all(one["unsettled"] for _, one in lost), "it may have been paid for, and nobody knows"
    assert sorted(hole for hole, _ in lost) == sorted(again)
    assert refined.json["repeated"] == len(lost)
    assert refined.json["attempts"] == HOLES + len(lost)
    # The endpoint saw a call again at most where an attempt was lost, and under the same key.
    served = stage.stats()["a"]
    assert served["distinct_keys"] == HOLES
    assert served["repeated_keys"] <= len(lost)
    asked_twice = {place[1] for place, count in stage.log.places("r").items() if count > 1}
    assert asked_twice <= {str(hole) for hole in again}
    account = stage.maze("metrics", "--json").json["per_model"]["a"]
    assert (account["requests"], account["accepted"], account["repeated"]) == (HOLES, HOLES, len(lost))


def test_a_worker_that_is_asked_to_end_finishes_its_calls_first(stage: Stage) -> None:
    leaving = stage.worker(name="leaving")
    path = stage.write("holes.jsonl", [{"hole_id": number} for number in range(HOLES)])
    refining = stage.start("refine", path, "--run", "r", "--json")
    until(lambda: stage.status("r").filled >= 10, "a run in the middle")
    leaving.terminate()
    assert leaving.wait(timeout=30) == 0
    left = stage.status("r")
    assert (left.in_progress, left.attempts) == (0, stage.stats()["a"]["requests"])
    assert left.filled < HOLES
    stage.worker(name="coming")
    refined = ended(refining)
    assert (refined.code, refined.json["attempts"], refined.json["repeated"]) == (0, HOLES, 0)
    assert set(stage.log.places("r").values()) == {1}


def test_a_submission_that_was_killed_goes_on_where_it_was(stage: Stage) -> None:
    path = stage.write("many.jsonl", [{"hole_id": number} for number in range(MANY)])
    submitting = stage.start("refine", path, "--run", "many", "--detach")
    until(lambda: stage.status("many").holes, "the first holes of a submission")
    submitting.kill()
    ended(submitting)
    half = stage.status("many")
    assert (half.sealed, 0 < half.holes < MANY) == (False, True)
    refused = stage.maze("resume", "many")
    assert (refused.code, "interrupted while it was submitted" in refused.err) == (2, True)
    again = stage.maze("refine", path, "--run", "many", "--detach", "--json")
    assert (again.code, again.json["holes"]) == (0, MANY)
    assert "going on where it was" in again.err
    assert stage.status("many").sealed
    with closing(stage.redis()) as client:
        ids = [one for page in iter_ids(client, "maze", "many") for one in page]
    assert ids == list(range(MANY))


def test_a_worker_that_comes_back_too_late_changes_nothing(stage: Stage) -> None:
    frozen = stage.celery(["a"], concurrency=2, name="frozen")
    path = stage.write("holes.jsonl", [{"hole_id": number} for number in range(12)])
    refining = stage.start("refine", path, "--run", "r", "--json")
    until(lambda: stage.stats()["a"]["in_flight"] == 2, "calls in flight")
    frozen.send_signal(signal.SIGSTOP)
    stage.celery(["a"], concurrency=4, name="other")
    assert ended(refining).code == 0
    results = results_of(stage, "r")
    at_the_end = stage.status("r")
    frozen.send_signal(signal.SIGCONT)
    lost = sum(one["outcome"] == "lost" for row in results for one in row["attempts"])
    assert lost >= 1
    until(lambda: stage.status("r").late == lost, "the late commits of the worker that was frozen")
    assert results_of(stage, "r") == results
    assert stage.status("r") == at_the_end.model_copy(update={"late": lost})


def test_a_broker_that_forgets_everything_costs_time_and_no_call(stage: Stage) -> None:
    stage.celery(["a"], concurrency=SLOTS)
    path = stage.write("holes.jsonl", [{"hole_id": number} for number in range(HOLES)])
    refining = stage.start("refine", path, "--run", "r", "--json")
    until(lambda: stage.status("r").filled >= 10, "a run in the middle")
    with closing(stage.redis("broker_url")) as client:
        client.flushdb()
    assert stage.status("r").filled < HOLES
    refined = ended(refining)
    assert (refined.code, refined.json["filled"], refined.json["attempts"], refined.json["repeated"]) == (
        0,
        HOLES,
        HOLES,
        0,
    )
    assert set(stage.log.places("r").values()) == {1}
    results_of(stage, "r")


def test_messages_that_nobody_ever_got_are_sent_again(stage: Stage) -> None:
    path = stage.write("holes.jsonl", [{"hole_id": number} for number in range(5)])
    assert stage.maze("refine", path, "--run", "r", "--detach").code == 0
    with closing(stage.redis("broker_url")) as client:
        client.flushdb()
    stage.celery(["a"], concurrency=SLOTS)
    watched = stage.maze("watch", "r", "--json")
    assert (watched.code, watched.json["filled"], watched.json["attempts"]) == (0, 5, 5)


def test_a_run_goes_on_with_its_client_gone(stage: Stage) -> None:
    stage.celery(["a"], concurrency=SLOTS)
    path = stage.write("holes.jsonl", [{"hole_id": number} for number in range(HOLES)])
    refining = stage.start("refine", path, "--run", "r", "--json")
    until(lambda: stage.status("r").filled >= 5, "a run in the middle")
    os.killpg(refining.pid, signal.SIGKILL)
    ended(refining)
    assert stage.status("r").filled < HOLES
    until(lambda: stage.status("r").state == "done", "the end of the run")
    status = stage.status("r")
    assert (status.filled, status.attempts, status.repeated) == (HOLES, HOLES, 0)
