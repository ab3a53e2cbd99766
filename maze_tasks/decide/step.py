"""What follows an attempt: a pure decision from what is known when it has been decided."""

from __future__ import annotations

from typing import Literal

from maze_tasks.decide.turns import OVER_BUDGET
from maze_tasks.errors import EndpointError, Failure, PassingError, ThrottledError
from maze_tasks.models.refinement import FailureStrategy
from maze_tasks.models.runs import HoleStatus
from maze_tasks.record import record

StepKind = Literal["accept", "next", "round", "retry", "fail", "close", "verify", "split"]

BACKOFF_S = 1.0  # wait before the first retry, doubled each time
MAX_WAIT_S = 300.0  # no wait is longer, whatever an endpoint asks for
# How a hole ends whose candidates are used up.
END_STATUS: dict[FailureStrategy, HoleStatus] = {
    FailureStrategy.SKIP: "skipped",
    FailureStrategy.HUMAN_REVIEW: "needs_review",
    FailureStrategy.RETRY_ALTERNATE: "failed",
    FailureStrategy.DECOMPOSE: "failed",
}
PAUSE_STAYS = 3  # times a hole waits out an endpoint's pause before it moves on


@record
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
        round_no: round of refinement, from 0.
        rounds: rounds there are.
        strategy: what follows when the candidates of a round are used up.
        verified: whether an acceptable fill must be verified before it is accepted.
        parts: how many parts the hole can be filled in.
        joined: whether the fill is made of the parts of a divided hole.
    """

    candidate: int
    candidates: int
    samples: int
    retries: int
    max_retries: int
    spill_after_s: float
    draw: float
    round_no: int = 0
    rounds: int = 1
    strategy: FailureStrategy = FailureStrategy.RETRY_ALTERNATE
    verified: bool = False
    parts: int = 0
    joined: bool = False


@record
class Step:
    """What to do next with the hole.

    Args:
        kind: ``accept`` the fill; ask the ``next`` candidate, or the first one of the next ``round``; ``retry`` this
            one after a wait; ``fail`` the hole; ``close`` this sample of several; ``verify`` the fill first; or
            ``split`` the hole into parts.
        wait_s: with ``retry``, how long in seconds.
        failure: with ``fail`` and ``split``, what the hole failed of.
        status: with ``fail``, the status that the hole ends with.
    """

    kind: StepKind
    wait_s: float = 0.0
    failure: Failure | None = None
    status: HoleStatus = "failed"


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
    if outcome is None and facts.verified:
        return Step("verify")
    if facts.samples > 1:
        return Step("close")
    if outcome is None:
        return Step("accept")
    return step_on(outcome.failure if isinstance(outcome, EndpointError) else outcome, facts)


def step_judged(failure: Failure | None, facts: Facts) -> Step:
    """The step that follows a verdict; of several samples the first good one is taken, whatever the others do.

    Args:
        failure: why the fill is not good, None where it is.
        facts: what else is known.
    """
    if failure is None:
        return Step("accept")
    if facts.joined:
        return Step("fail", failure=failure)
    return Step("close") if facts.samples > 1 else step_on(failure, facts)


def step_on(failure: Failure, facts: Facts) -> Step:
    """Where a hole goes from a candidate that gave no acceptable fill.

    Another model comes first, then the next round at the next temperature; where neither is left the strategy says
    how the hole ends (CONTRACTS section 3, defect 3), or that it is filled in parts.

    Args:
        failure: what the candidate failed of.
        facts: what else is known.
    """
    if facts.candidate + 1 < facts.candidates:
        return Step("next")
    if failure.kind == OVER_BUDGET:
        return Step("fail", failure=failure, status="skipped")  # in no round is there more of it
    if facts.strategy is FailureStrategy.RETRY_ALTERNATE and facts.round_no + 1 < facts.rounds:
        return Step("round")
    if facts.strategy is FailureStrategy.DECOMPOSE and facts.parts > 0:
        return Step("split", failure=failure)
    return Step("fail", failure=failure, status=END_STATUS[facts.strategy])


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
