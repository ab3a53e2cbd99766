"""Holes that depend on holes."""

from __future__ import annotations

import graphlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.decide.dependencies import cycle, fate, unknown_dependency
from maze_tasks.models import FailureStrategy

GRAPHS = st.dictionaries(st.integers(0, 12), st.lists(st.integers(0, 12), max_size=4, unique=True), max_size=12)


def test_an_unknown_id_is_named_with_the_hole_that_wants_it() -> None:
    assert unknown_dependency({1: [2], "x": [1, "y"]}, {1, 2, "x"}) == ("x", "y")
    assert unknown_dependency({1: [2]}, {1, 2}) is None


@given(GRAPHS)
def test_a_circle_is_found_exactly_where_there_is_one(graph: dict[int, list[int]]) -> None:
    found = cycle(graph)  # type: ignore[arg-type]
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError:
        assert found
        following = [*found[1:], found[0]]
        assert all(after in graph[before] for before, after in zip(found, following, strict=True))  # type: ignore[index]
    else:
        assert found is None


def test_a_hole_that_depends_on_itself_is_a_circle_and_a_long_chain_is_none() -> None:
    assert cycle({1: [1]}) == [1]
    assert cycle({number: [number + 1] for number in range(50_000)}) is None


@pytest.mark.parametrize(
    ("statuses", "strategy", "becomes"),
    [
        (["filled", "filled"], "Skip", "pending"),
        (["filled", "pending"], "RetryAlternate", None),
        (["failed", "in_progress"], "Skip", None),
        (["filled", "failed"], "RetryAlternate", "pending"),
        (["filled", "skipped"], "Skip", "skipped"),
        (["needs_review"], "HumanReview", "needs_review"),
        ([], "Skip", "pending"),
    ],
)
def test_what_became_of_its_dependencies_decides_about_a_hole(
    statuses: list[str], strategy: str, becomes: str | None
) -> None:
    assert fate(statuses, FailureStrategy(strategy)) == becomes  # type: ignore[arg-type]
