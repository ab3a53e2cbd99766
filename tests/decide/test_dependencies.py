"""Holes that depend on holes."""

from __future__ import annotations

import graphlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.decide.dependencies import cycle, fate, never_ready, unknown_dependency
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


@given(GRAPHS, st.sets(st.integers(0, 12)))
def test_what_is_never_ready_is_all_that_keeps_the_rest_from_an_order(
    graph: dict[int, list[int]], others: set[int]
) -> None:
    known = {*graph, *others}
    stuck = never_ready(graph, known)  # type: ignore[arg-type]
    rest = {hole: needed for hole, needed in graph.items() if hole not in stuck}
    assert unknown_dependency(rest, known - set(stuck)) is None  # type: ignore[arg-type]
    assert cycle(rest) is None  # type: ignore[arg-type]
    for hole, shown in stuck.items():
        assert shown in graph[hole]  # type: ignore[index]
        assert shown in stuck or shown not in known
        assert shown not in known or all(other in known for other in graph[hole])  # type: ignore[index]


def test_only_what_is_in_the_way_is_never_ready() -> None:
    graph = {1: [2], 2: ["x", 3], 3: [], 4: [3], 5: [6], 6: [5], 7: [5, "y"]}
    assert never_ready(graph, [*graph]) == {1: 2, 2: "x", 5: 6, 6: 5, 7: "y"}


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


@pytest.mark.parametrize(
    ("statuses", "becomes"),
    [(["filled"], "pending"), (["failed"], "skipped"), (["pending"], None), (["skipped"], "skipped")],
)
def test_nothing_is_spent_on_a_part_behind_one_without_a_fill(statuses: list[str], becomes: str | None) -> None:
    assert fate(statuses, FailureStrategy.DECOMPOSE, is_part=True) == becomes  # type: ignore[arg-type]
