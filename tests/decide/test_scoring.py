"""The score of a server's speed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maze_tasks.decide.scoring import speed_score
from maze_tasks.models.calls import ServerStats


def stats(token_us: float, check_us: float) -> ServerStats:
    return ServerStats(time_per_token_us=token_us, avg_constraint_check_us=check_us)


@pytest.mark.parametrize(
    ("token_us", "check_us", "score"),
    [(10_000, 50, 0.38), (20_000, 33, 0.3868), (0, 0, 1.0), (2_500, 125, 0.8), (10_000, 1_000, 0.0), (1e9, 1e9, 0.0)],
)
def test_the_vectors_of_the_contract(token_us: float, check_us: float, score: float) -> None:
    assert speed_score(5, stats(token_us, check_us)) == pytest.approx(score, abs=1e-12)


@pytest.mark.parametrize("tokens", [0, -1])
def test_without_a_token_it_is_nought(tokens: int) -> None:
    assert speed_score(tokens, stats(0, 0)) == 0.0


@settings(deadline=None)
@given(token_us=st.floats(-1e9, 1e9), check_us=st.floats(-1e9, 1e9), slower=st.floats(0, 1e9))
def test_it_stays_within_0_and_1_and_never_rises_with_time(token_us: float, check_us: float, slower: float) -> None:
    score = speed_score(1, stats(token_us, check_us))
    assert 0.0 <= score <= 1.0
    assert speed_score(1, stats(token_us + slower, check_us)) <= score
    assert speed_score(1, stats(token_us, check_us + slower)) <= score
