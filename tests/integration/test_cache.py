"""The fill cache with real workers: calls are counted where they arrive."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from tests.integration.stage import Stage, ended, endpoint, staged, until

LEASE_S = 2
SLOTS = 4
HOLES = 12


@pytest.fixture
def stage(addresses: Callable[[], dict[str, str]]) -> Iterator[Stage]:
    """One model; nobody works yet."""
    with staged([endpoint("a", max_concurrency=SLOTS, cost_per_1k_tokens=0.5)], {"a": {"latency": 200}}) as made:
        made.settings = addresses() | {"lease_s": LEASE_S, "cache": True}
        made.configure()
        made.write("distinct.jsonl", [{"hole_id": number, "prompt": f"hole {number}"} for number in range(HOLES)])
        made.write("alike.jsonl", [{"hole_id": number, "prompt": "the same"} for number in range(HOLES)])
        yield made


def test_the_same_holes_again_make_no_call_unless_they_are_told_to(stage: Stage) -> None:
    stage.worker()
    first = stage.maze("refine", "distinct.jsonl", "--run", "one", "--json")
    assert (first.code, first.json["filled"], first.json["cached"]) == (0, HOLES, 0)
    assert stage.stats()["a"]["requests"] == HOLES

    again = stage.maze("refine", "distinct.jsonl", "--run", "two", "--json")
    assert (again.code, again.json["filled"], again.json["cached"]) == (0, HOLES, HOLES)
    assert (again.json["attempts"], again.json["cost_usd"]) == (HOLES, 0)
    assert stage.stats()["a"]["requests"] == HOLES
    old, new = (stage.maze("results", run, "--json").lines for run in ("one", "two"))
    assert [row["code"] for row in new] == [row["code"] for row in old]
    assert [[one["cached"] for one in row["attempts"]] for row in new] == [[True]] * HOLES
    assert (stage.maze("status", "two", "--json").json["cached"], stage.status("two").cost_nano) == (HOLES, 0)
    account = stage.maze("metrics", "--json").json["per_model"]["a"]
    assert (account["requests"], account["cached"], account["accepted"]) == (HOLES, HOLES, 2 * HOLES)
    assert account["saved_usd"] == pytest.approx(first.json["cost_usd"])
    assert first.json["cost_usd"] > 0

    without = stage.maze("refine", "distinct.jsonl", "--run", "three", "--no-cache", "--json")
    assert (without.json["filled"], without.json["cached"]) == (HOLES, 0)
    assert stage.stats()["a"]["requests"] == 2 * HOLES


def test_holes_that_ask_the_same_at_the_same_time_pay_once(stage: Stage) -> None:
    stage.worker()
    done = stage.maze("refine", "alike.jsonl", "--run", "one", "--json")
    assert (done.code, done.json["filled"], done.json["cached"]) == (0, HOLES, HOLES - 1)
    assert stage.stats()["a"]["requests"] == 1
    sampled = stage.maze("refine", "alike.jsonl", "--run", "two", "--best-of", "3", "--json")
    assert (sampled.json["filled"], sampled.json["attempts"]) == (HOLES, 3 * HOLES)
    assert stage.stats()["a"]["requests"] == 3


def test_while_one_asks_for_all_the_others_hold_no_slot(addresses: Callable[[], dict[str, str]]) -> None:
    with staged([endpoint("a", max_concurrency=2)], {"a": {"latency": 1500}}) as stage:
        stage.settings = addresses() | {"lease_s": LEASE_S, "cache": True}
        stage.configure()
        alike = [{"hole_id": f"alike {number}", "prompt": "the same"} for number in range(6)]
        stage.write("holes.jsonl", [*alike, {"hole_id": "another", "prompt": "another"}])
        stage.worker()
        refining = stage.start("refine", "holes.jsonl", "--run", "r", "--json")
        until(lambda: stage.stats()["a"]["in_flight"] == 2, "the call of the one that asks something else")
        assert ended(refining).json["filled"] == 7
        assert stage.stats()["a"]["requests"] == 2


def test_when_a_worker_dies_that_holds_the_claim_the_others_go_on(stage: Stage) -> None:
    dying = stage.celery(["a"], concurrency=SLOTS, name="dying")
    refining = stage.start("refine", "alike.jsonl", "--run", "r", "--json")
    until(lambda: stage.stats()["a"]["in_flight"] == 1, "the call of the first")
    os.killpg(dying.pid, signal.SIGKILL)
    stage.worker()
    done = ended(refining)
    assert (done.code, done.json["filled"], done.json["cached"]) == (0, HOLES, HOLES - 1)
    assert stage.stats()["a"]["requests"] <= 2
    with closing(stage.redis()) as client:
        assert client.keys("*:claim") == []
