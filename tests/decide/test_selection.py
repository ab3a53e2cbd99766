"""The best of several answers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maze_tasks.decide.selection import select
from maze_tasks.errors import ConfigError
from maze_tasks.models.runs import Attempt


def attempt(sample: int = 0, outcome: str = "accepted", **fields: Any) -> Attempt:
    return Attempt.model_validate({"candidate": 0, "sample": sample, "model": "m", "outcome": outcome, **fields})


def test_measured_confidence_goes_before_speed() -> None:
    assert select([attempt(0, confidence=0.2, speed=1.0), attempt(1, confidence=0.9, speed=0.0)]) == 1


def test_any_measured_confidence_goes_before_none() -> None:
    assert select([attempt(0, speed=1.0), attempt(1, confidence=0.0)]) == 1


def test_speed_breaks_ties_of_confidence() -> None:
    assert select([attempt(0, confidence=0.5, speed=0.1), attempt(1, confidence=0.5, speed=0.2)]) == 1
    assert select([attempt(0), attempt(1, speed=0.0)]) == 1


def test_of_equals_the_lowest_sample_wins_wherever_it_stands() -> None:
    assert select([attempt(2, confidence=0.5), attempt(0, confidence=0.5), attempt(1, confidence=0.5)]) == 1


def test_of_equals_with_one_sample_number_the_first_wins() -> None:
    assert select([attempt(0), attempt(0)]) == 0


def test_the_scorer_speed_ranks_by_speed_first() -> None:
    attempts = [attempt(0, confidence=0.9, speed=0.1), attempt(1, confidence=0.1, speed=0.9)]
    assert select(attempts, "speed") == 1
    assert select(attempts, "evidence") == 0


@pytest.mark.parametrize("outcome", ["rejected", "failed", "lost", "cancelled"])
def test_only_accepted_attempts_count(outcome: str) -> None:
    bad = attempt(0, outcome, confidence=1.0, speed=1.0)
    assert select([bad, attempt(1)]) == 1
    assert select([bad]) is None


def test_of_nothing_there_is_no_best() -> None:
    assert select([]) is None


def test_an_unknown_scorer_is_a_configuration_error_that_names_the_known() -> None:
    with pytest.raises(ConfigError, match="known: evidence, speed"):
        select([], "luck")


scores = st.none() | st.sampled_from([0.0, 0.5, 1.0])
attempts_of = st.builds(
    attempt,
    sample=st.integers(0, 3),
    outcome=st.sampled_from(["accepted", "accepted", "rejected", "failed"]),
    confidence=scores,
    speed=scores,
)


@settings(deadline=None)
@given(attempts=st.lists(attempts_of, max_size=6), scorer=st.sampled_from(["evidence", "speed"]))
def test_nothing_acceptable_is_better_than_what_is_selected(attempts: list[Attempt], scorer: str) -> None:
    chosen = select(attempts, scorer)
    acceptable = [a for a in attempts if a.outcome == "accepted"]
    if chosen is None:
        assert not acceptable
        return
    fields = ("confidence", "speed") if scorer == "evidence" else ("speed", "confidence")
    best = attempts[chosen]
    assert best in acceptable
    for name in fields:
        # None below any number; those that are worse in this field drop out, the others go on to the next.
        ordered = [(-1.0 if getattr(a, name) is None else getattr(a, name)) for a in acceptable]
        own = -1.0 if getattr(best, name) is None else getattr(best, name)
        assert own == max(ordered)
        acceptable = [a for a, score in zip(acceptable, ordered, strict=True) if score == own]
    assert best.sample == min(a.sample for a in acceptable)
