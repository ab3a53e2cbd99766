"""How many holes travel in one message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.decide.parcels import (
    BUSY_S,
    LONG_CALL_S,
    LONGEST_S,
    MOST_HOLES,
    PARCELS_A_LONG_SLOT,
    PARCELS_A_SLOT,
    parcel_size,
)


@pytest.mark.parametrize(
    ("calls", "slots", "latency_s", "timeout_s", "expected"),
    [
        (None, 8, 0.0, 300, 1),
        (0, 8, 0.0, 300, 1),
        (31, 8, 0.0, 300, 1),
        (64, 8, 0.0, 300, 2),
        (100_000, 8, 0.0, 300, MOST_HOLES),
        (100_000, 8, 0.05, 300, MOST_HOLES),
        (100_000, 8, 0.1, 300, 25),
        (100_000, 8, None, 300, 25),
        (100_000, 8, 1.0, 300, 2),
        (799, 8, 1.0, 300, 1),
        (800, 8, 1.0, 300, 2),
        (8_000, 200, 1.0, 300, 1),
        (100_000, 8, 60.0, 300, 1),
        (100_000, 200, 0.0, 300, MOST_HOLES),
        (1_000, 200, 0.0, 300, 1),
        (100_000, 8, 0.0, 3600, 4),
        (100_000, 8, 0.0, 604_800, 1),
    ],
)
def test_short_calls_and_long_runs_make_large_parcels(
    calls: int | None, slots: int, latency_s: float | None, timeout_s: float, expected: int
) -> None:
    assert parcel_size(calls, slots=slots, latency_s=latency_s, timeout_s=timeout_s) == expected


@given(st.integers(0, 10**7), st.integers(1, 1000), st.floats(0, 1000), st.floats(0.1, 10**6))
def test_no_parcel_is_too_long_for_its_slot_its_run_or_the_broker(
    calls: int, slots: int, latency_s: float, timeout_s: float
) -> None:
    size = parcel_size(calls, slots=slots, latency_s=latency_s, timeout_s=timeout_s)
    assert 1 <= size <= MOST_HOLES
    if size > 1:
        assert size * latency_s <= BUSY_S + 1e-9
        assert size * timeout_s <= LONGEST_S + 1e-6
        assert size * slots * (PARCELS_A_SLOT if latency_s < LONG_CALL_S else PARCELS_A_LONG_SLOT) <= calls
