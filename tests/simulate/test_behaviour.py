"""Draws, faults and limits."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.simulate.behaviour import SlidingWindow, draw, fault_for, place_in_run, retry_after
from maze_tasks.simulate.settings import Fault


def test_a_draw_depends_on_its_arguments_alone() -> None:
    first = draw(1, "fast", "fault", "h/0/0/0", 0)
    assert first == draw(1, "fast", "fault", "h/0/0/0", 0)
    others = {
        draw(2, "fast", "fault", "h/0/0/0", 0),
        draw(1, "slow", "fault", "h/0/0/0", 0),
        draw(1, "fast", "latency", "h/0/0/0", 0),
        draw(1, "fast", "fault", "h/0/0/1", 0),
        draw(1, "fast", "fault", "h/0/0/0", 1),
    }
    assert len(others | {first}) == 6


def test_draws_are_spread_evenly() -> None:
    counts = [0] * 10
    for index in range(5000):
        counts[int(draw(0, "fast", "fault", f"{index}/0/0/0", 0) * 10)] += 1
    assert all(400 < count < 600 for count in counts)


@given(st.integers(), st.text(), st.text(), st.integers(0))
def test_a_draw_lies_within_its_bounds(seed: int, endpoint: str, place: str, arrival: int) -> None:
    assert 0 <= draw(seed, endpoint, "fault", place, arrival) < 1


def test_the_name_of_the_run_changes_no_luck() -> None:
    assert place_in_run("monday/h%2F1/0/0/0r1") == place_in_run("tuesday/h%2F1/0/0/0r1") == "h%2F1/0/0/0r1"
    assert place_in_run("opaque") == "opaque"


def kinds(faults: list[Fault], requests: int, share: float = 0.99) -> list[str | int | None]:
    met = [fault_for(faults, number, share) for number in range(1, requests + 1)]
    return [fault.kind if fault else None for fault in met]


def test_first_means_the_first_requests() -> None:
    assert kinds([Fault(kind=500, first=2)], 4) == [500, 500, None, None]


def test_every_means_each_nth_request() -> None:
    assert kinds([Fault(kind=500, every=2)], 5) == [None, 500, None, 500, None]


def test_after_lets_requests_through_first() -> None:
    assert kinds([Fault(kind=500, first=2, after=1)], 4) == [None, 500, 500, None]
    assert kinds([Fault(kind=500, every=2, after=1)], 5) == [None, None, 500, None, 500]


def test_counted_faults_go_ahead_of_drawn_ones_in_the_order_listed() -> None:
    faults = [Fault(kind=429, rate=1), Fault(kind=500, every=2), Fault(kind=503, every=4)]
    assert kinds(faults, 4) == [429, 500, 429, 500]


@given(st.lists(st.floats(0, 0.25), min_size=1, max_size=4), st.floats(0, 1, exclude_max=True))
def test_rates_are_shares_of_the_requests(rates: list[float], share: float) -> None:
    faults = [Fault(kind=500 + index, rate=rate) for index, rate in enumerate(rates)]
    met = fault_for(faults, 1, share)
    below = sum(rates[: faults.index(met)]) if met else sum(rates)
    assert below <= share
    assert met is None or share < below + (met.rate or 0)


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.floats(0, 2), st.integers(1, 3)), max_size=60),
)
def test_no_span_of_a_window_holds_more_than_its_limit(limit: int, steps: list[tuple[float, int]]) -> None:
    window, now, admitted = SlidingWindow(limit, 3.0), 0.0, []
    for step, amount in steps:
        now += step
        if window.wait_s(now, amount) == 0:
            window.take(now, amount)
            admitted.append((now, min(amount, limit)))
    for start, _ in admitted:
        assert sum(amount for at, amount in admitted if start <= at < start + 3.0 - 1e-9) <= limit


def test_the_wait_of_a_full_window_is_long_enough_and_no_longer() -> None:
    window = SlidingWindow(2, 60.0)
    for now in (0.0, 10.0):
        window.take(now)
    assert window.wait_s(15.0) == pytest.approx(45.0)
    assert window.wait_s(15.0, 2) == pytest.approx(55.0)
    assert window.wait_s(60.0) == 0


def test_an_amount_above_the_limit_waits_for_an_empty_window() -> None:
    window = SlidingWindow(10, 60.0)
    assert window.wait_s(0.0, 99) == 0
    window.take(0.0, 99)
    assert window.wait_s(1.0, 1) == pytest.approx(59.0)


def test_every_form_of_retry_after() -> None:
    now = 1_700_000_000.2
    assert retry_after("none", 1.2, now) == {}
    assert retry_after("seconds", 1.2, now) == {"Retry-After": "2"}
    assert retry_after("decimal", 1.2, now) == {"Retry-After": "1.200"}
    assert retry_after("ms", 1.2, now) == {"retry-after-ms": "1200"}
    assert retry_after("provider", 1.2, now) == {"llm_provider-retry-after": "2"}
    date = parsedate_to_datetime(retry_after("date", 1.2, now)["Retry-After"])
    assert date == datetime.fromtimestamp(1_700_000_002, UTC)
