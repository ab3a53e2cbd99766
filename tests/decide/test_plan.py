"""From a decision to the candidates that are tried."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maze_tasks.decide.plan import plan
from maze_tasks.models import RoutingDecision
from maze_tasks.models.runs import Plan

DECISION = RoutingDecision(primary_model="a", fallback_models=("b", "c", "d"), reason="because")


@pytest.mark.parametrize(
    ("most", "candidates"),
    [(1, ("a",)), (2, ("a", "b")), (3, ("a", "b", "c")), (4, ("a", "b", "c", "d")), (9, ("a", "b", "c", "d"))],
)
def test_the_number_of_candidates_includes_the_primary(most: int, candidates: tuple[str, ...]) -> None:
    made = plan(DECISION, fallback_enabled=True, max_fallback_attempts=most, best_of_n=None)
    assert made == Plan(candidates, 1)


@pytest.mark.parametrize("most", [0, 1, 3, 100])
def test_without_fallback_only_the_primary_is_tried(most: int) -> None:
    assert plan(DECISION, fallback_enabled=False, max_fallback_attempts=most, best_of_n=None) == Plan(("a",), 1)


def test_the_primary_is_tried_even_where_no_attempt_is_allowed() -> None:
    assert plan(DECISION, fallback_enabled=True, max_fallback_attempts=0, best_of_n=None).candidates == ("a",)


@pytest.mark.parametrize(("best_of_n", "samples"), [(None, 1), (0, 1), (1, 1), (2, 2), (4, 4)])
def test_none_nought_and_one_ask_for_one_sample(best_of_n: int | None, samples: int) -> None:
    made = plan(DECISION, fallback_enabled=True, max_fallback_attempts=3, best_of_n=best_of_n)
    assert made.samples == samples


@settings(deadline=None)
@given(
    fallback_enabled=st.booleans(),
    most=st.integers(-2, 6),
    best_of_n=st.none() | st.integers(-2, 5),
    fallbacks=st.lists(st.sampled_from("bcdef"), unique=True),
)
def test_a_plan_is_a_beginning_of_the_decision_and_never_empty(
    fallback_enabled: bool, most: int, best_of_n: int | None, fallbacks: list[str]
) -> None:
    decision = RoutingDecision(primary_model="a", fallback_models=tuple(fallbacks), reason="because")
    made = plan(decision, fallback_enabled=fallback_enabled, max_fallback_attempts=most, best_of_n=best_of_n)
    assert made.candidates == ("a", *fallbacks)[: len(made.candidates)]
    assert 1 <= len(made.candidates) <= max(most, 1)
    assert made.samples >= 1
