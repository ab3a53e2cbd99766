"""What a hole does that gets no permit."""

from __future__ import annotations

import pytest

from maze_tasks.decide.turns import AGAIN_MS, PROBE_MS, SPREAD_MS, Held, Turn, over_budget, turn_of
from maze_tasks.errors import FinalError, PassingError


def turn(held: Held, *, later_free: bool | None = None, patience: int = 2) -> Turn:
    return turn_of(held, spill_after_s=5, patience=patience, later_free=later_free, draw=0.5)


def test_a_hole_waits_for_its_slot_exactly_until_it_is_due() -> None:
    assert turn(Held("rate", 29_000, reserved=True)) == Turn("wait", wait_ms=29_000)


def test_those_that_nothing_is_reserved_for_come_back_spread_over_a_while() -> None:
    assert turn(Held("paused", 60_000)) == Turn("wait", wait_ms=60_000 + SPREAD_MS // 2)
    many = turn(Held("rate", 60_000, pace_ms=100))
    assert many == Turn("wait", wait_ms=60_000 + SPREAD_MS // 2, spread_ms=50)
    assert turn(Held("probing", 200, openings=1)) == Turn("wait", wait_ms=PROBE_MS + SPREAD_MS // 2)


@pytest.mark.parametrize("why", ["open", "probing"])
def test_nobody_waits_for_an_endpoint_that_fails_while_a_later_candidate_is_free(why: str) -> None:
    assert turn(Held(why, 1, openings=1), later_free=True) == Turn("spill")
    assert turn(Held(why, 1_000, openings=1), later_free=False).kind == "wait"
    assert turn(Held(why, 1_000, openings=1)).kind == "wait"


@pytest.mark.parametrize("why", ["rate", "concurrency", "paused"])
def test_a_long_wait_is_spent_at_a_later_candidate_if_one_is_free(why: str) -> None:
    assert turn(Held(why, 5_001), later_free=True).kind == "spill"
    assert turn(Held(why, 5_000), later_free=True).kind == "wait"
    assert turn(Held(why, 5_001)).kind == "wait"


@pytest.mark.parametrize("reserved", [True, False])
def test_while_all_later_candidates_are_busy_a_hole_looks_again_now_and_then(reserved: bool) -> None:
    assert turn(Held("paused", 600_000, reserved), later_free=False) == Turn("wait", wait_ms=5_000 + SPREAD_MS // 2)
    assert turn(Held("rate", 5_001, reserved), later_free=False) == Turn("wait", wait_ms=5_001)
    eager = turn_of(Held("rate", 600_000, reserved), spill_after_s=0, patience=2, later_free=False, draw=0)
    assert eager == Turn("wait", wait_ms=AGAIN_MS)


def test_nobody_waits_for_an_endpoint_that_refuses_the_key_or_for_tokens_that_no_minute_has() -> None:
    for why, kind in (("denied", "unauthorized"), ("too_large", "too_large")):
        failed = turn(Held(why, 30_000, openings=1))
        assert (failed.kind, type(failed.error)) == ("fail", FinalError)
        assert failed.error is not None
        assert (failed.error.kind, failed.error.sent) == (kind, False)


def test_what_the_budget_has_no_room_for_was_not_asked() -> None:
    assert (over_budget().kind, over_budget().sent) == ("budget", False)


def test_nobody_waits_for_an_endpoint_whose_breaker_opens_again_and_again() -> None:
    assert turn(Held("open", 5_000, openings=2)).kind == "wait"
    assert turn(Held("probing", 200, openings=9)).kind == "wait", "a call that runs may show that it is back"
    failed = turn(Held("open", 5_000, openings=3), later_free=True)
    assert (failed.kind, type(failed.error)) == ("fail", PassingError)
    assert failed.error is not None
    assert (failed.error.kind, failed.error.sent) == ("unavailable", False)
