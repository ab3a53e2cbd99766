"""A whole batch from the command line on an embedded server: filled, counted and paid exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.batches import (
    FILLED_BY,
    Row,
    classeval_fills,
    fill_texts,
    humaneval,
    small_batch,
    small_fills,
)
from tests.integration.stage import Stage, endpoint, staged

PRICES = {"a": (1, 3), "b": (2, 5), "c": (7, 11)}  # USD per million tokens: of the prompt, of the answer


def attempts_made(results: list[Any]) -> Counter[Any]:
    """Every attempt on record: endpoint, hole, round, candidate, sample, and whether a usable reply came."""
    return Counter(
        (one["model"], str(row["hole_id"]), one["round"], one["candidate"], one["sample"], one["outcome"] == "accepted")
        for row in results
        for one in row["attempts"]
    )


def calls_served(stage: Stage) -> Counter[Any]:
    """The same, as the simulator saw it."""
    return Counter((*entry["place"], entry["outcome"] == "answered") for entry in stage.log.entries())


@pytest.mark.parametrize("batch", [small_batch, humaneval])
def test_every_hole_is_filled_and_every_call_is_counted_though_one_in_three_fails(
    batch: Callable[[], list[Row]],
) -> None:
    holes = batch()
    priced = [
        endpoint(name, capability, input_cost_per_1k_tokens=dear / 1000, output_cost_per_1k_tokens=dearer / 1000)
        for (name, (dear, dearer)), capability in zip(
            PRICES.items(), ("FastInference", "HighQuality", "SecurityAware"), strict=True
        )
    ]
    recorded = {"answers": "holes.jsonl", "missing": "404"}
    played = dict.fromkeys(PRICES, recorded) | {"a": recorded | {"errors": [{"kind": 500, "every": 3}]}}
    with staged(priced, played, files={"holes.jsonl": holes}) as stage:
        stage.configure()
        refined = stage.maze("refine", "holes.jsonl", "--json")
        assert refined.code == 0, refined
        report = refined.json
        results = stage.maze("results", report["run"], "--json").lines
        metrics = stage.maze("metrics", "--json").json
        served = stage.stats()
        stage.nothing_runs()

    # Filled, with the recorded code, in the order of the file, ids as they came.
    assert [(row["hole_id"], row["code"]) for row in results] == [(hole["hole_id"], hole["body"]) for hole in holes]
    assert {row["status"] for row in results} == {"filled"}
    # One in three failed, and each of those fell back once.
    failed = len(holes) // 3
    assert served["a"]["errors"] == {"500": failed}
    assert report["filled"] == report["holes"] == len(holes)
    assert report["fallbacks"] == metrics["total_fallbacks"] == served["b"]["requests"] == failed
    assert sum(row["fallbacks"] for row in results) == failed
    # One record a call, and nobody was asked twice.
    assert attempts_made(results) == calls_served(stage)
    assert report["attempts"] == sum(one["requests"] for one in served.values()) == metrics["total_requests"]
    assert report["repeated"] == sum(one["repeated_keys"] for one in served.values()) == 0
    # What the simulator counted is what metrics show, to the token and the nano-dollar.
    assert set(metrics["per_model"]) == {name for name, counted in served.items() if counted["requests"]}
    for name, shown in metrics["per_model"].items():
        assert_agreement(shown, served[name], PRICES[name])
        made = [one for row in results for one in row["attempts"] if one["model"] == name]
        assert sum(one["prompt_tokens"] for one in made) == served[name]["tokens"]["prompt"]
        assert sum(one["generated_tokens"] for one in made) == served[name]["tokens"]["generated"]
    assert report["cost_usd"] == pytest.approx(sum(one["cost_usd"] for one in metrics["per_model"].values()), abs=1e-12)


def assert_agreement(shown: dict[str, Any], counted: dict[str, Any], prices: tuple[int, int]) -> None:
    """Metrics of a model, and what the simulator has counted of it."""
    assert shown["requests"] == counted["requests"]
    assert shown["successes"] == shown["accepted"] == counted["answered"]
    assert shown["failures"] == sum(counted["errors"].values())
    spent_nano = 1000 * (counted["tokens"]["prompt"] * prices[0] + counted["tokens"]["generated"] * prices[1])
    assert shown["cost_usd"] == spent_nano / 10**9


@pytest.mark.parametrize("batch", [small_fills, classeval_fills])
def test_each_result_is_the_fill_of_the_model_that_it_names(batch: Callable[[], tuple[list[Row], list[Row]]]) -> None:
    holes, fills = batch()
    capabilities = ("CodeCompletion", "FastInference", "HighQuality", "SecurityAware")
    ensemble = [endpoint(name, capability) for name, capability in zip(FILLED_BY, capabilities, strict=True)]
    recorded = {"answers": "fills.jsonl", "imports_field": "imports", "missing": "404"}
    played = {name: recorded | {"where": {"model": name}} for name in FILLED_BY}
    with staged(ensemble, played, files={"holes.jsonl": holes, "fills.jsonl": fills}) as stage:
        stage.configure(max_fallback_attempts=4)
        refined = stage.maze("refine", "holes.jsonl", "--json")
        assert refined.code == 0, refined
        results = stage.maze("results", refined.json["run"], "--json").lines
    texts = fill_texts(fills)
    assert {row["hole_id"]: row["code"] for row in results} == {
        row["hole_id"]: texts[row["model"]][row["hole_id"]] for row in results
    }
    assert len(results) == len(holes)
    assert {row["model"] for row in results} == set(FILLED_BY)
    # Whoever was asked first and has no fill of the hole said so, and nobody who had one was passed over.
    for row in results:
        for one in row["attempts"]:
            knows = row["hole_id"] in texts[one["model"]]
            assert (one["outcome"], one["error"] and one["error"]["kind"]) == (
                ("accepted", None) if knows else ("failed", "not_found")
            )
    assert attempts_made(results) == calls_served(stage)
