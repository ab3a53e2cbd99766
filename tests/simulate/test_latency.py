"""Latencies: the distribution that comes out has the figures that went in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from maze_tasks.simulate.latency import Latency, quantile

LATENCY: TypeAdapter[Latency] = TypeAdapter(Latency)
DRAWS = [(index + 0.5) / 20_000 for index in range(20_000)]

CASES: list[dict[str, Any]] = [
    {"kind": "constant", "mean_ms": 30},
    {"kind": "constant", "p50_ms": 30},
    {"kind": "uniform", "low_ms": 10, "high_ms": 50},
    {"kind": "normal", "mean_ms": 100, "std_ms": 10},
    {"kind": "normal", "p50_ms": 100, "p95_ms": 130},
    {"kind": "normal", "mean_ms": 100, "p99_ms": 130},
    {"kind": "lognormal", "p50_ms": 100, "p95_ms": 400},
    {"kind": "lognormal", "p50_ms": 100, "p99_ms": 400},
    {"kind": "lognormal", "p50_ms": 100, "std_ms": 60},
    {"kind": "lognormal", "mean_ms": 100, "std_ms": 60},
    {"kind": "lognormal", "mean_ms": 100, "p95_ms": 250},
    {"kind": "exponential", "mean_ms": 100},
    {"kind": "exponential", "p50_ms": 100},
    {"kind": "exponential", "p95_ms": 100},
]


@pytest.mark.parametrize("figures", CASES, ids=str)
def test_a_distribution_has_the_figures_it_was_given(figures: dict[str, Any]) -> None:
    latency = LATENCY.validate_python(figures)
    at = quantile(latency)
    sample = [at(draw) for draw in DRAWS]
    mean = sum(sample) / len(sample)
    measured = {
        "mean_ms": mean,
        "std_ms": (sum((value - mean) ** 2 for value in sample) / len(sample)) ** 0.5,
        "p50_ms": at(0.5),
        "p95_ms": at(0.95),
        "p99_ms": at(0.99),
        "low_ms": at(0.0),
        "high_ms": at(1.0),
    }
    for name, value in figures.items():
        if name != "kind":
            assert measured[name] == pytest.approx(value, rel=0.02), name


@pytest.mark.parametrize(
    "figures",
    [
        {"kind": "constant"},
        {"kind": "constant", "mean_ms": 3, "p50_ms": 3},
        {"kind": "constant", "mean_ms": 3, "p95_ms": 5},
        {"kind": "uniform", "low_ms": 3},
        {"kind": "uniform", "low_ms": 3, "high_ms": 2},
        {"kind": "uniform", "low_ms": 3, "high_ms": 4, "mean_ms": 3},
        {"kind": "normal", "mean_ms": 3},
        {"kind": "normal", "mean_ms": 3, "p95_ms": 2},
        {"kind": "lognormal", "p50_ms": 0, "p95_ms": 2},
        {"kind": "lognormal", "p50_ms": 3, "p95_ms": 2},
        {"kind": "lognormal", "mean_ms": 10, "p95_ms": 39},
        {"kind": "exponential", "std_ms": 3},
        {"kind": "exponential", "mean_ms": 3, "low_ms": 1},
        {"kind": "pareto", "mean_ms": 3},
        {"mean_ms": -1},
        {"mean_ms": float("nan")},
        {"mean_ms": 1, "p42_ms": 1},
        True,
    ],
    ids=str,
)
def test_figures_that_determine_no_distribution_are_refused(figures: object) -> None:
    with pytest.raises(ValidationError):
        LATENCY.validate_python(figures)


def test_a_plain_number_is_a_constant() -> None:
    assert quantile(LATENCY.validate_python(12))(0.3) == 12


def test_no_latency_is_longer_than_the_longest() -> None:
    at = quantile(Latency(kind="exponential", mean_ms=100, max_ms=150))
    assert at(0.999) == 150
    assert at(0.1) < 150


@given(st.sampled_from(CASES), st.floats(0, 1), st.floats(0, 1))
def test_latencies_are_finite_not_negative_and_grow_with_the_draw(
    figures: dict[str, Any], one: float, other: float
) -> None:
    at = quantile(LATENCY.validate_python(figures))
    low, high = at(min(one, other)), at(max(one, other))
    assert 0 <= low <= high < float("inf")
