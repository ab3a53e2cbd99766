"""What follows an attempt."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.decide.step import MAX_WAIT_S, Facts, Step, backoff_s, step_after, step_judged
from maze_tasks.decide.turns import over_budget
from maze_tasks.errors import EndpointError, Failure, FinalError, PassingError, ThrottledError
from maze_tasks.models import FailureStrategy

REJECTED = Failure("empty", "no code")
PASSING = PassingError("timeout", "too slow")
FINAL = FinalError("bad_request", "400")


def facts(
    candidate: int = 0, candidates: int = 3, samples: int = 1, retries: int = 0, spill: float = 5.0, draw: float = 0.5
) -> Facts:
    return Facts(candidate, candidates, samples, retries, max_retries=2, spill_after_s=spill, draw=draw)


def throttled(pause_s: float | None) -> ThrottledError:
    return ThrottledError("rate_limited", "429", retry_after_s=pause_s, status=429)


def test_an_acceptable_fill_is_accepted() -> None:
    assert step_after(None, facts(candidate=2)) == Step("accept")


@pytest.mark.parametrize("outcome", [REJECTED, PASSING, FINAL])
def test_every_failure_moves_on_while_a_candidate_remains(outcome: Failure | EndpointError) -> None:
    assert step_after(outcome, facts(candidate=1)) == Step("next")


@pytest.mark.parametrize("outcome", [REJECTED, FINAL])
def test_what_does_not_pass_fails_the_hole_at_the_last_candidate(outcome: Failure | EndpointError) -> None:
    step = step_after(outcome, facts(candidate=2))
    assert step.kind == "fail"
    assert step.failure is not None
    assert step.failure.kind == (outcome.kind)


def test_a_hole_that_the_budget_has_no_room_for_is_skipped_where_no_cheaper_candidate_is_left() -> None:
    assert step_after(over_budget(), facts(candidate=1)) == Step("next")
    last = replace(facts(candidate=2), rounds=5, strategy=FailureStrategy.RETRY_ALTERNATE)
    for known in (last, replace(last, strategy=FailureStrategy.DECOMPOSE, parts=2)):
        step = step_after(over_budget(), known)
        assert (step.kind, step.status, step.failure and step.failure.kind) == ("fail", "skipped", "budget")


def test_a_passing_failure_is_tried_again_at_the_last_candidate_up_to_the_limit() -> None:
    kinds = [step_after(PASSING, facts(candidate=2, retries=retries)).kind for retries in range(4)]
    assert kinds == ["retry", "retry", "fail", "fail"]


def test_a_short_pause_is_waited_out_three_times_then_the_hole_moves_on() -> None:
    steps = [step_after(throttled(2.0), facts(candidate=0, retries=retries)) for retries in range(4)]
    assert [step.kind for step in steps] == ["retry", "retry", "retry", "next"]
    assert all(2.0 <= step.wait_s < 2.5 for step in steps[:3])


def test_a_long_pause_moves_on_at_once_and_is_waited_for_at_the_last_candidate() -> None:
    assert step_after(throttled(60.0), facts(candidate=0)) == Step("next")
    step = step_after(throttled(60.0), facts(candidate=2))
    assert step.kind == "retry"
    assert step.wait_s >= 60.0


def test_a_throttle_without_a_hint_is_an_ordinary_passing_failure() -> None:
    assert step_after(throttled(None), facts(candidate=0)) == Step("next")
    assert step_after(throttled(None), facts(candidate=2)).kind == "retry"


def test_no_wait_is_longer_than_the_limit() -> None:
    assert step_after(throttled(1e6), facts(candidate=2)).wait_s == MAX_WAIT_S


@pytest.mark.parametrize("outcome", [None, REJECTED, FINAL])
def test_a_sample_of_several_is_closed(outcome: Failure | EndpointError | None) -> None:
    assert step_after(outcome, facts(samples=3)) == Step("close")


def test_a_sample_of_several_is_tried_again_only_at_the_last_candidate() -> None:
    assert step_after(PASSING, facts(candidate=0, samples=3)) == Step("close")
    assert step_after(PASSING, facts(candidate=2, samples=3)).kind == "retry"
    assert step_after(PASSING, facts(candidate=2, samples=3, retries=2)) == Step("close")


@given(retries=st.integers(0, 10_000), draw=st.floats(0, 1, exclude_max=True))
def test_backoff_grows_is_jittered_and_bounded(retries: int, draw: float) -> None:
    wait = backoff_s(retries, draw)
    assert 0 < wait <= MAX_WAIT_S
    if retries < 7:
        assert 0.5 * 2**retries <= wait <= 1.5 * 2**retries


@given(
    outcome=st.sampled_from([None, REJECTED, FINAL, PASSING, throttled(None), throttled(0.0), throttled(99.0)]),
    candidate=st.integers(0, 4),
    more=st.integers(0, 4),
    samples=st.integers(1, 5),
    retries=st.integers(0, 5),
    draw=st.floats(0, 1, exclude_max=True),
)
def test_every_combination_comes_to_an_end(
    outcome: Failure | EndpointError | None, candidate: int, more: int, samples: int, retries: int, draw: float
) -> None:
    known = facts(candidate, candidate + 1 + more, samples, retries, draw=draw)
    step = step_after(outcome, known)
    if step.kind == "retry":
        assert retries < 3
    if step.kind == "accept":
        assert outcome is None
    if step.kind == "next":
        assert more > 0
    assert (step.failure is not None) == (step.kind == "fail")


def test_the_next_round_comes_after_the_last_candidate_of_this_one() -> None:
    last = replace(facts(candidate=2), rounds=3)
    assert [step_after(REJECTED, replace(last, round_no=number)).kind for number in range(3)] == [
        "round",
        "round",
        "fail",
    ]
    assert step_after(REJECTED, replace(last, candidate=0)).kind == "next"


@pytest.mark.parametrize(
    ("strategy", "status"),
    [("Skip", "skipped"), ("HumanReview", "needs_review"), ("RetryAlternate", "failed")],
)
def test_the_strategy_says_how_a_hole_ends_whose_candidates_are_used_up(strategy: str, status: str) -> None:
    known = replace(facts(candidate=2), strategy=FailureStrategy(strategy))
    step = step_after(FINAL, known)
    assert (step.kind, step.status) == ("fail", status)


@pytest.mark.parametrize("strategy", ["Skip", "HumanReview"])
def test_only_retry_alternate_asks_for_another_round(strategy: str) -> None:
    known = replace(facts(candidate=2), strategy=FailureStrategy(strategy), rounds=9)
    assert step_after(FINAL, known).kind == "fail"


@pytest.mark.parametrize(("parts", "kind"), [(3, "split"), (0, "fail")])
def test_a_hole_that_can_be_divided_is_where_that_is_the_strategy(parts: int, kind: str) -> None:
    known = replace(facts(candidate=2), strategy=FailureStrategy.DECOMPOSE, rounds=9, parts=parts)
    assert step_after(FINAL, known) == Step(kind, failure=FINAL.failure)  # type: ignore[arg-type]
    assert step_after(FINAL, replace(known, candidate=1)).kind == "next"
    assert step_after(FINAL, replace(known, strategy=FailureStrategy.SKIP)).kind == "fail"


def test_a_verdict_on_a_fill_made_of_parts_is_the_last_word() -> None:
    known = replace(facts(samples=3), strategy=FailureStrategy.DECOMPOSE, parts=3, joined=True)
    assert step_judged(None, known) == Step("accept")
    assert step_judged(REJECTED, known) == Step("fail", failure=REJECTED)
    assert step_judged(REJECTED, replace(known, joined=False)).kind == "close"
    assert step_judged(REJECTED, replace(known, joined=False, samples=1)).kind == "next"
