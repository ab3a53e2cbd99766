"""Which of several answers to one hole is the best.

Source: CONTRACTS section 2 (evidence before speed) and section 3, defect 10 (the first of equals wins).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from maze_tasks.errors import ConfigError
from maze_tasks.models.runs import Attempt

NOT_MEASURED = -1.0  # below every score, which are in 0..1


@dataclass(frozen=True, slots=True)
class Contender:
    """An attempt with what is known of its fill beside it.

    Args:
        attempt: the attempt; it stands for choice where its outcome is ``accepted``.
        likeness: equal for fills that say the same (see `validation.likeness`); None where that is not known.
        change: how many tokens the fill changes of what stood in its place.
    """

    attempt: Attempt
    likeness: str | None = None
    change: int = 0


Score = tuple[float, ...]
Scorer = Callable[[Contender, int], Score]


def _by_evidence(contender: Contender, agreeing: int) -> Score:
    """What was looked at first: verdict, notes of the checks, agreement, confidence, size; speed only breaks ties."""
    attempt = contender.attempt
    return (
        float(attempt.verified is True),
        -attempt.notes,
        agreeing,
        _score(attempt.confidence),
        -contender.change,
        _score(attempt.speed),
    )


def _by_agreement(contender: Contender, agreeing: int) -> Score:
    return agreeing, *_by_evidence(contender, agreeing)


def _by_confidence(contender: Contender, agreeing: int) -> Score:
    return _score(contender.attempt.confidence), *_by_evidence(contender, agreeing)


def _by_size(contender: Contender, agreeing: int) -> Score:
    return -contender.change, *_by_evidence(contender, agreeing)


def _by_speed(contender: Contender, agreeing: int) -> Score:
    """The server's speed first, as the original ranks."""
    return _score(contender.attempt.speed), *_by_evidence(contender, agreeing)


SCORERS: dict[str, Scorer] = {
    "evidence": _by_evidence,
    "agreement": _by_agreement,
    "confidence": _by_confidence,
    "smallest": _by_size,
    "speed": _by_speed,
}


def select(contenders: Sequence[Contender], scorer: str = "evidence") -> int | None:
    """Index of the best acceptable contender, or None where there is none.

    Args:
        contenders: the attempts of one hole at one candidate, in any order.
        scorer: name of what ranks them, one of `SCORERS`; what it leaves equal is ranked by ``evidence``.

    Returns:
        The index of the best one whose outcome is ``accepted``; of equals the lowest sample number, then the first.

    Raises:
        ConfigError: there is no scorer of that name.
    """
    rank = SCORERS.get(scorer)
    if rank is None:
        raise ConfigError(f"no scorer is named {scorer!r}; known: {', '.join(SCORERS)}", field="scorer")
    acceptable = [index for index, one in enumerate(contenders) if one.attempt.outcome == "accepted"]
    alike = Counter(contenders[index].likeness for index in acceptable)

    def standing(index: int) -> tuple[Score, int]:
        one = contenders[index]
        agreeing = alike[one.likeness] if one.likeness is not None else 1
        return rank(one, agreeing), -one.attempt.sample

    # max() keeps the first of equals.
    return max(acceptable, key=standing, default=None)


def _score(value: float | None) -> float:
    return NOT_MEASURED if value is None else value
