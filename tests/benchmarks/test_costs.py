"""What a hole costs stays within the committed limits; nothing here depends on how fast the machine is."""

from __future__ import annotations

import pytest

from benchmarks.costs import LIMITS, measure


@pytest.fixture(scope="module")
def counts() -> dict[str, float]:
    return measure(400)


@pytest.mark.parametrize("name", LIMITS)
def test_a_hole_costs_no_more_than(counts: dict[str, float], name: str) -> None:
    assert 0 < counts[name] <= LIMITS[name]
