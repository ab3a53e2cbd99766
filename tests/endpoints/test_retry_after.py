"""Every form in which a server asks for a pause."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.endpoints.retry_after import MAX_PAUSE_S, retry_after

NOW = datetime(2025, 3, 9, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "pause_s"),
    [
        ({"Retry-After": "90"}, 90.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"RETRY-AFTER": " 0 "}, 0.0),
        ({"Retry-After": ".25"}, 0.25),
        ({"Retry-After": "2."}, 2.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "1.5"}, 0.0015),
        ({"llm_provider-retry-after": "7"}, 7.0),
        ({"llm_provider-retry-after-ms": "700"}, 0.7),
        ({"Retry-After": "Sun, 09 Mar 2025 12:00:30 GMT"}, 30.0),
        ({"Retry-After": "Sunday, 09-Mar-25 12:00:30 GMT"}, 30.0),
        ({"Retry-After": "Sun Mar  9 12:00:30 2025"}, 30.0),
        ({"Retry-After": "Sun, 09 Mar 2025 11:59:00 GMT"}, 0.0),
        ({"Retry-After": "999999999"}, MAX_PAUSE_S),
        ({"Retry-After": "9" * 400}, MAX_PAUSE_S),
        ({"Retry-After": "Sun, 09 Mar 2999 12:00:30 GMT"}, MAX_PAUSE_S),
        ({"Retry-After": "3, 3"}, 3.0),
        ({}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "1e3"}, None),
        ({"Retry-After": "1_0"}, None),
        ({"Retry-After": "\u0661"}, None),
        ({"Retry-After": "Sun, 99 Mar 2025 12:00:30 GMT"}, None),
    ],
)
def test_a_pause_is_understood_in_every_form_and_nothing_else_is_taken_for_one(
    headers: dict[str, str], pause_s: float | None
) -> None:
    assert retry_after(headers, NOW.timestamp()) == pause_s


def test_milliseconds_go_before_seconds_and_the_server_s_own_hint_before_its_upstream_s() -> None:
    headers = {"retry-after": "1", "retry-after-ms": "1400", "llm_provider-retry-after": "60"}
    assert retry_after(headers, 0.0) == 1.4
    del headers["retry-after-ms"]
    assert retry_after(headers, 0.0) == 1.0
    headers["retry-after"] = "whenever"
    assert retry_after(headers, 0.0) == 60.0


def test_a_date_counts_from_the_server_s_own_clock_where_it_says_what_that_is() -> None:
    headers = {"Date": "Sun, 09 Mar 2025 10:00:00 GMT", "Retry-After": "Sun, 09 Mar 2025 10:00:20 GMT"}
    assert retry_after(headers, NOW.timestamp()) == 20.0


@given(st.integers(0, int(MAX_PAUSE_S)))
def test_whole_seconds_come_back_exactly(seconds: int) -> None:
    assert retry_after({"Retry-After": str(seconds)}, 0.0) == seconds


@given(st.integers(0, int(MAX_PAUSE_S)))
def test_a_date_that_many_seconds_ahead_means_that_many_seconds(seconds: int) -> None:
    header = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after({"Retry-After": header}, NOW.timestamp()) == seconds


@given(
    st.dictionaries(
        st.sampled_from(["Retry-After", "retry-after-ms", "llm_provider-retry-after", "Date", "x"]),
        st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ [\d:]+ [-+A-Z0-9]*", fullmatch=True),
    ),
    st.floats(0, 4e9),
)
def test_whatever_the_headers_say_the_pause_is_bounded_or_unknown(headers: dict[str, str], now: float) -> None:
    pause_s = retry_after(headers, now)
    assert pause_s is None or 0.0 <= pause_s <= MAX_PAUSE_S
