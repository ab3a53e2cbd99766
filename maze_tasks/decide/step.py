"""What follows an attempt: a pure decision from what is known when it has been decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from maze_tasks.errors import EndpointError, Failure, PassingError, ThrottledError

StepKind = Literal["accept", "next", "retry", "fail", "close"]

BACKOFF_S = 1.0  # wait before the first retry, doubled each time
MAX_WAIT_S = 300.0  # no wait is longer, whatever an endpoint asks for
PAUSE_STAYS = 3  # times a hole waits out an endpoint's pause before it moves on


@dataclass(frozen=True, slots=True)
class Facts:
    """What the decision rests on.

    Args:
        candidate: index of the candidate that was asked.
        candidates: how many there are.
        samples: answers asked of each candidate.
        retries: deliberate retries made at this candidate so far.
        max_retries: retries allowed at the last candidate.
        spill_after_s: longest pause in seconds that a hole waits out while a later candidate is left.
        draw: random number in 0..1 for the jitter.
    """

    candidate: int
    candidates: int
    samples: int
    retries: int
    max_retries: int
    spill_after_s: float
    draw: float


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next with the hole.

    Args:
        kind: ``accept`` the fill; ask the ``next`` candidate; ``retry`` this one after a wait; ``fail`` the hole;
            or ``close`` this sample of several.
        wait_s: with ``retry``, how long in seconds.
        failure: with ``fail``, what the hole failed of.
    """

    kind: StepKind
    wait_s: float = 0.0
    failure: Failure | None = None


def step_after(outcome: EndpointError | Failure | None, facts: Facts) -> Step:
    """The step that follows an attempt.

    Source: PROTOCOL, "Failures, retries, metrics".

    Args:
        outcome: the endpoint's error, the reason a reply was rejected for, or None where the fill is acceptable.
        facts: what else is known.
    """
    if isinstance(outcome, PassingError):
        wait = _wait(outcome, facts)
        if wait is not None:
            return Step("retry", wait_s=wait)
    if facts.samples > 1:
        return Step("close")
    if outcome is None:
        return Step("accept")
    if facts.candidate + 1 < facts.candidates:
        return Step("next")
    failure = outcome.failure if isinstance(outcome, EndpointError) else outcome
    return Step("fail", failure=failure)


def backoff_s(retries: int, draw: float) -> float:
    """Jittered exponential wait before a retry: 0.5 to 1.5 times 1, 2, 4 ... seconds, at most `MAX_WAIT_S`."""
    return min(BACKOFF_S * float(2 ** min(retries, 20)) * (0.5 + draw), MAX_WAIT_S)


def _wait(error: PassingError, facts: Facts) -> float | None:
    """How long to wait before the same candidate is asked again; None if it is not."""
    last = facts.candidate + 1 >= facts.candidates
    pause = error.retry_after_s if isinstance(error, ThrottledError) else None
    if pause is not None and pause <= facts.spill_after_s and facts.retries < PAUSE_STAYS:
        return pause + backoff_s(0, facts.draw) / 10
    if not last or facts.retries >= facts.max_retries:
        return None
    wait = backoff_s(facts.retries, facts.draw)
    return min(max(wait, pause or 0.0), MAX_WAIT_S)
