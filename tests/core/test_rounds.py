"""Rounds of refinement, and how a hole ends whose candidates are used up."""

from __future__ import annotations

import pytest

from maze_tasks.models import FailureStrategy

from .conftest import MakeBench

REFUSES = {"errors": [{"kind": 400, "every": 1}]}
REFUSES_ONCE = {"errors": [{"kind": 400, "first": 1}]}


def test_another_model_comes_first_then_the_next_temperature(make_bench: MakeBench) -> None:
    bench = make_bench(a=REFUSES_ONCE, b=REFUSES)
    bench.submit(1, max_iterations=2, temperature_schedule=(0.9, 0.1))
    bench.run_all()
    (result,) = bench.results()
    assert [(one.round, one.candidate, one.model) for one in result.attempts] == [(0, 0, "a"), (0, 1, "b"), (1, 0, "a")]
    assert result.status == "filled"
    assert bench.counted("a")["distinct_keys"] == 2


def test_a_hole_fails_when_all_rounds_are_used_up(make_bench: MakeBench) -> None:
    bench = make_bench(a=REFUSES, b=REFUSES)
    bench.submit(1, max_iterations=3)
    bench.run_all()
    (result,) = bench.results()
    assert result.status == "failed"
    assert len(result.attempts) == 6
    assert result.fallbacks == 3


@pytest.mark.parametrize(("strategy", "status"), [("Skip", "skipped"), ("HumanReview", "needs_review")])
def test_the_strategy_says_how_a_hole_ends(make_bench: MakeBench, strategy: str, status: str) -> None:
    bench = make_bench(a=REFUSES, b=REFUSES)
    bench.submit(1, max_iterations=3, failure_strategy=FailureStrategy(strategy))
    bench.run_all()
    (result,) = bench.results()
    assert result.status == status
    assert result.error is not None
    assert len(result.attempts) == 2
    assert bench.status().state == "done"


def test_best_of_n_goes_through_rounds_too(make_bench: MakeBench) -> None:
    bench = make_bench(a={"errors": [{"kind": 400, "first": 3}]})
    bench.submit(1, best_of_n=3, max_iterations=2)
    bench.run_all()
    (result,) = bench.results()
    assert result.status == "filled"
    assert [one.round for one in result.attempts] == [0, 0, 0, 1, 1, 1]


def test_a_measured_confidence_below_the_least_is_rejected_and_an_unmeasured_one_is_not(make_bench: MakeBench) -> None:
    bench = make_bench(a={"confidence": 0.4}, b={})
    bench.filler.endpoints = {
        name: endpoint.model_copy(update={"supports_logprobs": True})
        for name, endpoint in bench.filler.endpoints.items()
    }
    bench.settings = bench.settings.model_copy(update={"endpoints": tuple(bench.filler.endpoints.values())})
    from maze_tasks.clients import ClientPool

    bench.filler.client = ClientPool(bench.settings, pool_size=1).get
    bench.submit(1, min_confidence=0.8)
    bench.run_all()
    (result,) = bench.results()
    assert result.attempts[0].confidence == pytest.approx(0.4, abs=0.01)
    assert result.attempts[0].error is not None
    assert result.attempts[0].error.kind == "low_confidence"
    assert (result.model, result.confidence) == ("b", None)
