"""How long a call may take in a run that has a deadline."""

from __future__ import annotations

from maze_tasks.decide.deadline import call_limit_s


def test_what_is_left_is_divided_over_the_candidates_that_may_follow() -> None:
    assert call_limit_s(60, 3, 300) == 20
    assert call_limit_s(60, 1, 300) == 60


def test_no_call_may_take_longer_than_its_endpoint_allows_or_less_than_nothing() -> None:
    assert call_limit_s(600, 2, 30) == 30
    assert call_limit_s(-1, 2, 30) == 0
