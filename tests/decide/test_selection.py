"""The best of several answers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maze_tasks.decide.selection import SCORERS, Contender, select
from maze_tasks.errors import ConfigError
from maze_tasks.models.runs import Attempt


def one(
    sample: int = 0, outcome: str = "accepted", likeness: str | None = None, change: int = 0, **known: Any
) -> Contender:
    fields = {"candidate": 0, "sample": sample, "model": "m", "outcome": outcome, **known}
    return Contender(Attempt.model_validate(fields), likeness, change)


# What each field of evidence, from the first to the last, makes of two contenders of which the second is better.
STEPS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"verified": None}, {"verified": True}),
    ({"notes": 1}, {"notes": 0}),
    ({"confidence": 0.2}, {"confidence": 0.9}),
    ({"confidence": None}, {"confidence": 0.0}),
    ({"change": 9}, {"change": 8}),
    ({"speed": 0.1}, {"speed": 0.2}),
    ({"speed": None}, {"speed": 0.0}),
]


@pytest.mark.parametrize(("worse", "better"), STEPS)
def test_evidence_prefers(worse: dict[str, Any], better: dict[str, Any]) -> None:
    assert select([one(0, **worse), one(1, **better)]) == 1


@pytest.mark.parametrize("earlier", range(len(STEPS) - 1))
def test_evidence_that_counts_more_outweighs_all_that_counts_less(earlier: int) -> None:
    first = {name: value for _, better in STEPS[earlier + 1 :] for name, value in better.items()}
    second = {name: value for worse, _ in STEPS[earlier + 1 :] for name, value in worse.items()}
    worse, better = STEPS[earlier]
    assert select([one(0, **(first | worse)), one(1, **(second | better))]) == 1


def test_two_that_agree_outweigh_one_that_is_surer_of_itself() -> None:
    alone = one(0, likeness="x", confidence=0.9, change=1, speed=1.0)
    assert select([alone, one(1, likeness="y"), one(2, likeness="y")]) == 1
    assert select([alone, one(1, likeness=None), one(2, likeness=None)]) == 0, "nothing is known of these"


def test_only_what_is_acceptable_agrees() -> None:
    rejected = one(1, "rejected", likeness="x")
    assert select([one(0, likeness="x"), rejected, one(2, likeness="y", confidence=0.1)]) == 2


def test_of_equals_the_lowest_sample_wins_wherever_it_stands() -> None:
    assert select([one(2, confidence=0.5), one(0, confidence=0.5), one(1, confidence=0.5)]) == 1


def test_of_equals_with_one_sample_number_the_first_wins() -> None:
    assert select([one(0), one(0)]) == 0


@pytest.mark.parametrize(
    ("scorer", "chosen"),
    [("evidence", 0), ("agreement", 1), ("confidence", 3), ("smallest", 4), ("speed", 5)],
)
def test_each_scorer_ranks_by_what_it_is_named_after(scorer: str, chosen: int) -> None:
    contenders = [
        one(0, change=5, notes=0, confidence=0.5, speed=0.5),
        one(1, change=5, notes=1, confidence=0.4, speed=0.5, likeness="x"),
        one(2, change=6, notes=1, confidence=0.4, speed=0.5, likeness="x"),
        one(3, change=5, notes=1, confidence=0.9, speed=0.5),
        one(4, change=1, notes=1, confidence=0.4, speed=0.5),
        one(5, change=5, notes=1, confidence=0.4, speed=0.9),
    ]
    assert select(contenders, scorer) == chosen


@pytest.mark.parametrize("outcome", ["rejected", "failed", "lost", "cancelled"])
def test_only_accepted_attempts_count(outcome: str) -> None:
    bad = one(0, outcome, confidence=1.0, speed=1.0)
    assert select([bad, one(1)]) == 1
    assert select([bad]) is None


def test_of_nothing_there_is_no_best() -> None:
    assert select([]) is None


def test_an_unknown_scorer_is_a_configuration_error_that_names_the_known() -> None:
    with pytest.raises(ConfigError, match="known: evidence, agreement, confidence, smallest, speed"):
        select([], "luck")


scores = st.none() | st.sampled_from([0.0, 0.5, 1.0])
contenders_of = st.builds(
    one,
    sample=st.integers(0, 3),
    outcome=st.sampled_from(["accepted", "accepted", "rejected", "failed"]),
    likeness=st.none() | st.sampled_from("xy"),
    change=st.integers(0, 3),
    notes=st.integers(0, 2),
    confidence=scores,
    speed=scores,
)


@settings(deadline=None)
@given(contenders=st.lists(contenders_of, max_size=6), scorer=st.sampled_from(sorted(SCORERS)), seed=st.randoms())
def test_the_choice_does_not_depend_on_the_order_of_different_samples(
    contenders: list[Contender], scorer: str, seed: Any
) -> None:
    distinct = list({each.attempt.sample: each for each in contenders}.values())
    shuffled = seed.sample(distinct, len(distinct))
    chosen, again = select(distinct, scorer), select(shuffled, scorer)
    acceptable = [each for each in distinct if each.attempt.outcome == "accepted"]
    assert (chosen is None) == (again is None) == (not acceptable)
    if chosen is not None and again is not None:
        assert distinct[chosen] is shuffled[again]
        assert distinct[chosen] in acceptable
