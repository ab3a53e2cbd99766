"""Which of several answers to one hole is the best.

Source: CONTRACTS section 2 (evidence before speed) and section 3, defect 10 (the first of equals wins).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from maze_tasks.errors import ConfigError
from maze_tasks.models.runs import Attempt

NOT_MEASURED = -1.0  # below every score, which are in 0..1

Scorer = Callable[[Attempt], tuple[float, ...]]


def _by_evidence(attempt: Attempt) -> tuple[float, ...]:
    """Measured confidence first; the server's speed only breaks ties."""
    return _score(attempt.confidence), _score(attempt.speed)


def _by_speed(attempt: Attempt) -> tuple[float, ...]:
    """The server's speed first, as the original ranks; confidence breaks ties."""
    return _score(attempt.speed), _score(attempt.confidence)


SCORERS: dict[str, Scorer] = {"evidence": _by_evidence, "speed": _by_speed}


def select(attempts: Sequence[Attempt], scorer: str = "evidence") -> int | None:
    """Index of the best acceptable attempt, or None where there is none.

    Args:
        attempts: the attempts of one hole at one candidate, in any order.
        scorer: name of what ranks them, one of `SCORERS`.

    Returns:
        The index of the best attempt whose outcome is ``accepted``; of equals the lowest sample number, then the first.

    Raises:
        ConfigError: there is no scorer of that name.
    """
    rank = SCORERS.get(scorer)
    if rank is None:
        raise ConfigError(f"no scorer is named {scorer!r}; known: {', '.join(SCORERS)}", field="scorer")
    acceptable = [index for index, attempt in enumerate(attempts) if attempt.outcome == "accepted"]
    # max() keeps the first of equals.
    return max(acceptable, key=lambda index: (rank(attempts[index]), -attempts[index].sample), default=None)


def _score(value: float | None) -> float:
    return NOT_MEASURED if value is None else value
