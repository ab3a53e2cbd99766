"""Best of N: so many calls, one result, all of them on record, and a lost worker costs none of it."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.stage import Stage, ended, endpoint, staged, until


def test_best_of_five_makes_five_calls_and_the_first_of_equals_is_the_fill(cluster: Stage) -> None:
    config = cluster.configure("best.toml", only=["sampler"])
    path = cluster.write("best.jsonl", [{"hole_id": number} for number in range(4)])
    refined = cluster.maze("refine", path, "--run", "best", "--best-of", "5", "--json", config=config)
    assert refined.code == 0, refined
    assert (refined.json["filled"], refined.json["attempts"], refined.json["fallbacks"]) == (4, 20, 0)
    results = cluster.maze("results", "best", "--json", config=config).lines
    for row in results:
        assert row["code"] == f"pass  # {row['hole_id']} 0 0 sampler-model"
        outcomes = {one["sample"]: (one["outcome"], one["error"] and one["error"]["kind"]) for one in row["attempts"]}
        assert outcomes == {0: ("accepted", None), **dict.fromkeys(range(1, 5), ("rejected", "not_selected"))}
        assert row["cost_usd"] == pytest.approx(sum(one["cost_usd"] for one in row["attempts"]))
        assert all(one["cost_usd"] > 0 for one in row["attempts"])
    assert cluster.log.places("best") == Counter(
        ("sampler", str(hole), 0, 0, sample) for hole in range(4) for sample in range(5)
    )
    account = cluster.maze("metrics", "--run", "best", "--json", config=config).json["per_model"]["sampler"]
    assert (account["requests"], account["successes"], account["accepted"]) == (20, 20, 4)


def test_a_group_without_an_acceptable_answer_goes_on_to_the_next_candidate(cluster: Stage) -> None:
    config = cluster.configure("group.toml", only=["bad", "sampler"])
    path = cluster.write("group.jsonl", [{"hole_id": "h"}])
    refined = cluster.maze("refine", path, "--run", "group", "--best-of", "3", "--json", config=config)
    assert refined.code == 0, refined
    (row,) = cluster.maze("results", "group", "--json", config=config).lines
    assert (row["model"], row["code"], row["fallbacks"]) == ("sampler", "pass  # h 1 0 sampler-model", 3)
    made = Counter((one["model"], one["candidate"], one["outcome"]) for one in row["attempts"])
    assert made == {("bad", 0, "failed"): 3, ("sampler", 1, "accepted"): 1, ("sampler", 1, "rejected"): 2}


def test_answers_spread_over_endpoints_are_ranked_by_agreement(addresses: Callable[[], dict[str, str]]) -> None:
    texts = {"x": "return 1 + 1", "y": "return 2", "z": "return (2)  # two"}
    with staged(
        [endpoint(name) for name in texts], {name: {"missing_text": text} for name, text in texts.items()}
    ) as stage:
        stage.settings = addresses()
        config = stage.configure()
        stage.celery(list(texts), concurrency=4, config=config, name="all")
        line = {"hole_id": 1, "language": "python", "prefix": "def f():\n    ", "suffix": "\n"}
        path = stage.write("spread.jsonl", [line])
        dry = stage.maze("refine", path, "--best-of", "3", "--spread", "--dry-run", "--json", config=config)
        refined = stage.maze("refine", path, "--run", "s", "--best-of", "3", "--spread", "--json", config=config)
        (row,) = stage.maze("results", "s", "--json", config=config).lines
        alone = stage.maze("refine", path, "--run", "t", "--spread", config=config)
    assert refined.code == 0, refined
    assert Counter((one["model"], one["outcome"]) for one in row["attempts"]) == {
        ("x", "rejected"): 1,
        ("y", "accepted"): 1,
        ("z", "rejected"): 1,
    }
    assert row["fallbacks"] == 0
    assert dry.json["cost_usd_low"] <= row["cost_usd"] <= dry.json["cost_usd_high"]
    assert (alone.code, "--best-of" in alone.err) == (2, True)


def test_the_selection_happens_though_the_worker_of_some_samples_was_killed(
    addresses: Callable[[], dict[str, str]],
) -> None:
    with staged([endpoint("s")], {"s": {"latency": 3000}}) as stage:
        stage.settings = addresses() | {"lease_s": 2}
        path = stage.write("holes.jsonl", [{"hole_id": "h"}])
        config = stage.configure()
        doomed = stage.celery(["s"], concurrency=3, config=config, name="doomed")
        stage.celery(["s"], concurrency=2, config=config, name="spared")
        refining = stage.start("refine", path, "--run", "r", "--best-of", "5", "--json", config=config)
        until(lambda: stage.stats()["s"]["in_flight"] == 5, "five samples in flight, three of them with one worker")
        doomed.send_signal(signal.SIGKILL)
        assert ended(refining).code == 0
        (row,) = stage.maze("results", "r", "--json", config=config).lines
        status = stage.maze("status", "r", "--json", config=config).json
        served = stage.stats()["s"]
    assert (row["status"], row["code"]) == ("filled", "pass  # h 0 0 s-model")
    assert Counter(one["outcome"] for one in row["attempts"]) == {"accepted": 1, "rejected": 4, "lost": 3}
    decided = {one["sample"]: one["repeated"] for one in row["attempts"] if one["outcome"] != "lost"}
    assert decided == {sample: sample in _lost(row) for sample in range(5)}
    assert status["repeated"] == served["repeated_keys"] == 3
    assert (served["requests"], served["distinct_keys"]) == (8, 5)


def test_parcels_of_samples_lose_nothing_when_their_worker_is_killed_in_the_middle(
    addresses: Callable[[], dict[str, str]],
) -> None:
    count, samples = 24, 3
    with staged([endpoint("s", max_concurrency=2)], {"s": {"latency": 40}}) as stage:
        stage.settings = addresses() | {"lease_s": 2}
        path = stage.write("holes.jsonl", [{"hole_id": number} for number in range(count)])
        config = stage.configure()
        doomed = stage.celery(["s"], concurrency=2, config=config, name="doomed")
        refining = stage.start("refine", path, "--run", "r", "--best-of", str(samples), "--json", config=config)
        until(lambda: stage.stats()["s"]["answered"] >= count // 2, "the first samples answered")
        doomed.send_signal(signal.SIGKILL)
        stage.celery(["s"], concurrency=2, config=config, name="spared")
        assert ended(refining).code == 0
        rows = stage.maze("results", "r", "--json", config=config).lines
        status = stage.maze("status", "r", "--json", config=config).json
        served = stage.stats()["s"]
    assert [row["status"] for row in rows] == ["filled"] * count
    for row in rows:
        made = Counter(one["outcome"] for one in row["attempts"] if one["outcome"] != "lost")
        assert made == {"accepted": 1, "rejected": samples - 1}
        assert {one["sample"] for one in row["attempts"]} == set(range(samples))
    assert status["attempts"] - sum(len(_lost(row)) for row in rows) == served["distinct_keys"] == count * samples


def _lost(row: dict[str, Any]) -> set[int]:
    return {one["sample"] for one in row["attempts"] if one["outcome"] == "lost"}
