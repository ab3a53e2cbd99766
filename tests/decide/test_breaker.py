"""What calls say about an endpoint, and what its breaker makes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.decide.breaker import Breaker, after_call, call_outcome, pause_ms
from maze_tasks.errors import EndpointError, Failure, FinalError, PassingError, ThrottledError
from maze_tasks.models.limits import BreakerRules, CallOutcome

RULES = BreakerRules()
OUTCOMES: tuple[CallOutcome, ...] = ("ok", "failure", "auth", "denied", "throttled", "neutral", "unused")


def told(breaker: Breaker, outcomes: list[CallOutcome], *, now_ms: int = 0, every_ms: int = 0) -> Breaker:
    for outcome in outcomes:
        breaker = after_call(breaker, RULES, outcome, epoch=breaker.epoch, now_ms=now_ms, draw=1.0)
        now_ms += every_ms
    return breaker


def test_a_rate_of_failures_opens_it_only_with_enough_calls() -> None:
    mixed: list[CallOutcome] = ["ok", "failure"] * 10
    assert told(Breaker(), mixed[:19]).state(0) == "closed"
    opened = told(Breaker(), mixed)
    assert (opened.state(0), opened.open_until_ms) == ("open", RULES.open_ms)
    assert told(Breaker(), ["ok", "ok", "failure"] * 100).state(0) == "closed"


def test_failures_in_a_row_open_it_however_far_they_lie_apart() -> None:
    assert told(Breaker(), ["failure"] * 7, every_ms=300_000).state(10**9) == "closed"
    assert told(Breaker(), ["failure"] * 8, every_ms=300_000).state(7 * 300_000) == "open"
    assert told(Breaker(), (["failure"] * 7 + ["ok"]) * 2, every_ms=300_000).state(0) == "closed"


def test_calls_leave_the_window_with_their_bucket() -> None:
    breaker = told(Breaker(), ["ok", "failure"] * 9)
    assert told(breaker, ["ok", "failure"], now_ms=59_999).state(59_999) == "open"
    assert told(breaker, ["ok", "failure"], now_ms=60_000).state(60_000) == "closed"


def test_an_authentication_error_opens_it_at_once_and_for_longer() -> None:
    assert told(Breaker(), ["ok"] * 50 + ["auth"]).open_until_ms == RULES.auth_open_ms


def test_a_denial_opens_it_at_once_unless_other_calls_show_that_the_key_is_good() -> None:
    assert told(Breaker(), ["denied"]).open_until_ms == RULES.auth_open_ms
    assert told(Breaker(), ["ok", "denied"]).state(0) == "closed"


def test_a_good_probe_closes_it_and_a_bad_one_opens_it_for_twice_as_long_up_to_the_limit() -> None:
    breaker, now, periods = told(Breaker(), ["auth"]), 0, []
    for _ in range(6):
        assert breaker.open_until_ms is not None
        periods.append(breaker.open_until_ms - now)
        now = breaker.open_until_ms
        assert breaker.state(now) == "half_open"
        breaker = told(breaker, ["auth"], now_ms=now)
    assert periods == [30_000, 60_000, 120_000, 240_000, 300_000, 300_000]
    assert told(breaker, ["ok"], now_ms=now).state(now) == "closed"


def test_periods_grow_on_where_it_opens_again_soon_and_start_anew_after_a_calm_while() -> None:
    closed = told(told(Breaker(), ["auth"]), ["ok"], now_ms=30_000)
    soon = told(closed, ["auth"], now_ms=89_999)
    late = told(closed, ["auth"], now_ms=90_000)
    assert (soon.open_until_ms, late.open_until_ms) == (89_999 + 60_000, 90_000 + 30_000)


@pytest.mark.parametrize("outcome", ["throttled", "neutral", "unused"])
def test_what_says_nothing_changes_nothing(outcome: CallOutcome) -> None:
    for breaker in (Breaker(), told(Breaker(), ["failure"] * 3), told(Breaker(), ["auth"])):
        assert told(breaker, [outcome] * 50) == breaker


@given(st.lists(st.sampled_from(OUTCOMES), max_size=40), st.floats(0, 1), st.integers(1, 30_000))
def test_an_open_period_is_at_least_half_of_its_length_and_never_beyond_the_limit(
    outcomes: list[CallOutcome], draw: float, every_ms: int
) -> None:
    breaker, now = Breaker(), 0
    for outcome in outcomes:
        before, breaker = (
            breaker,
            after_call(breaker, RULES, outcome, epoch=breaker.epoch, now_ms=now, draw=draw),
        )
        if breaker.epoch > before.epoch:
            assert breaker.open_until_ms is not None
            assert RULES.open_ms / 2 <= breaker.open_until_ms - now <= RULES.max_open_ms
            assert breaker.counts == ()
        assert len(breaker.counts) <= RULES.buckets
        now += every_ms


@given(st.sampled_from(OUTCOMES), st.integers(-3, 3).filter(bool))
def test_a_call_from_another_epoch_changes_nothing(outcome: CallOutcome, off: int) -> None:
    breaker = replace(told(Breaker(), ["failure"] * 3), epoch=5)
    assert after_call(breaker, RULES, outcome, epoch=5 + off, now_ms=0, draw=0.5) == breaker


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (None, "ok"),
        (Failure("empty", "no code"), "ok"),
        (PassingError("timeout", ""), "failure"),
        (PassingError("timeout", "", sent=False), "failure"),
        (PassingError("connection", ""), "failure"),
        (PassingError("server_error", "", status=500), "failure"),
        (PassingError("unavailable", "", status=503), "failure"),
        (PassingError("unreadable", ""), "failure"),
        (PassingError("empty", ""), "ok"),
        (ThrottledError("rate_limited", "", retry_after_s=None), "throttled"),
        (ThrottledError("unavailable", "", retry_after_s=3), "throttled"),
        (FinalError("unauthorized", "", status=401), "auth"),
        (FinalError("unauthorized", ""), "auth"),
        (FinalError("unauthorized", "", status=403), "denied"),
        (FinalError("refused", "", status=402), "auth"),
        (FinalError("bad_request", "", status=400), "ok"),
        (FinalError("bad_request", "", sent=False), "unused"),
        (FinalError("constraint", ""), "ok"),
        (FinalError("refused", ""), "ok"),
        (FinalError("not_found", "", status=404), "failure"),
        (FinalError("redirect", "", status=307), "failure"),
        (FinalError("too_large", ""), "failure"),
        (FinalError("cancelled", ""), "neutral"),
        (FinalError("cancelled", "", sent=False), "unused"),
    ],
)
def test_failures_of_content_are_answers_and_failures_of_the_endpoint_are_not(
    outcome: EndpointError | Failure | None, says: CallOutcome
) -> None:
    assert call_outcome(outcome) == says


@pytest.mark.parametrize(("asked_s", "pause"), [(None, 0), (0.0, 0), (1.5, 1_500), (0.0001, 1), (86_400.0, 86_400_000)])
def test_a_pause_is_never_shorter_than_asked(asked_s: float | None, pause: int) -> None:
    assert pause_ms(ThrottledError("rate_limited", "", retry_after_s=asked_s)) == pause


def test_other_outcomes_ask_for_no_pause() -> None:
    assert [pause_ms(None), pause_ms(PassingError("timeout", ""))] == [0, 0]
