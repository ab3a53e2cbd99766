"""Budget and deadline of a run with real workers: what was asked for is counted where it arrives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.integration.stage import Stage, endpoint, staged, until

HOLES = 40
PRICE = 0.5  # USD for a thousand tokens
DEADLINE_S = 8  # half of what all holes take, one after another


def started(stage: Stage) -> None:
    stage.configure()
    stage.write("holes.jsonl", [{"hole_id": number, "max_tokens": 20} for number in range(HOLES)])
    for name in ("first", "second"):
        stage.worker(name=name)
    until(lambda: stage.consumers() >= 2, "two workers")


@pytest.mark.parametrize("budget", [0.0, 1.0])
def test_no_more_is_spent_than_the_budget_and_the_run_ends_with_what_it_has(
    addresses: Callable[[], dict[str, str]], budget: float
) -> None:
    with staged([endpoint("a", cost_per_1k_tokens=PRICE)]) as stage:
        stage.settings = addresses()
        started(stage)
        done = stage.maze("refine", "holes.jsonl", "--run", "r", "--budget", str(budget), "--json")
        assert (done.code, done.json["state"]) == (1, "exhausted")
        filled, cost = done.json["filled"], done.json["cost_usd"]
        assert done.json["skipped"] == HOLES - filled
        served = stage.stats()["a"]
        assert served["requests"] == filled
        assert cost == pytest.approx(sum(served["tokens"].values()) * PRICE / 1000)
        assert cost <= budget
        assert (filled > 0) == (budget > 0)
        kinds = Counter(row["error"]["kind"] for row in stage.maze("results", "r", "--json").lines if row["error"])
        assert kinds == {"budget": HOLES - filled}
        status = stage.maze("status", "r", "--json").json
        assert (status["stopped_by"], status["budget_usd"]) == ("budget", budget)
        # With more money it goes on.
        assert stage.maze("resume", "r", "--failed", "--budget", "1000").code == 0
        watched = stage.maze("watch", "r", "--json")
        assert (watched.code, watched.json["filled"]) == (0, HOLES)


def test_at_its_deadline_a_run_ends_with_what_it_has(addresses: Callable[[], dict[str, str]]) -> None:
    with staged([endpoint("a", max_concurrency=1)], {"a": {"latency": 400}}) as stage:
        stage.settings = addresses()
        started(stage)
        done = stage.maze("refine", "holes.jsonl", "--run", "r", "--deadline", str(DEADLINE_S), "--json")
        assert (done.code, done.json["state"]) == (1, "exhausted")
        assert 0 < done.json["filled"] <= DEADLINE_S / 0.4, "a call takes 0.4 s"
        assert done.json["filled"] + done.json["skipped"] == HOLES
        status = stage.maze("status", "r", "--json").json
        assert status["stopped_by"] == "deadline"
        assert status["deadline_at"] - status["created_at"] == pytest.approx(DEADLINE_S, abs=0.1)
        assert "the deadline has passed" in stage.maze("watch", "r").out
