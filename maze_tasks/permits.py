"""Permits in the life of an attempt: asked for ahead of a call, given back with what the call said of its endpoint.

Source: PROTOCOL, "begin, finish, judge" and "Waits". Here it is asked for when it was not granted with the lease (see
`opening`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from maze_tasks.call_slots import Bequest
from maze_tasks.decide.breaker import call_outcome, pause_ms
from maze_tasks.decide.turns import Held, Turn, turn_of, wants_another
from maze_tasks.models.limits import USE_WITHIN_MS
from maze_tasks.names import encode_id, escape
from maze_tasks.recording import Answer
from maze_tasks.store.gauges import Gates, read_released
from maze_tasks.store.runs import Ticket
from maze_tasks.store.together import Step


def place_of(ticket: Ticket) -> str:
    """What a slot is reserved for: a sample of a hole of a run, whichever worker comes with it."""
    return f"{escape(ticket.run)}/{encode_id(ticket.hole_id)}/{ticket.cursor.sample}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a permit is wanted for.

    Args:
        ticket: what the call is for.
        attempt_id: the attempt, by which the permit is known.
        tokens: what the call may use at most.
        later: the candidates of the hole that come after this one, where it may go to one of them.
        spill_after_s: longest wait in seconds while one of them is free.
        patience: times in a row that a breaker may open before nobody waits for it.
        present: whether it waits in its process: no slot is kept for it, nor for those who are on their way.
    """

    ticket: Ticket
    attempt_id: str
    tokens: int
    later: Sequence[str]
    spill_after_s: float
    patience: int
    present: bool = False


def ask(gates: Gates, wanted: Wanted, *, draw: float, now: Callable[[], float]) -> Turn | None:
    """Ask for a permit.

    Args:
        gates: the gates.
        wanted: what for.
        draw: random number in 0..1.
        now: seconds that pass.

    Returns:
        None: the permit is held, the call is to be made at once. Otherwise what the hole does instead.

    Raises:
        ServiceUnavailable: Redis cannot be reached.
    """
    model, place = wanted.ticket.model, place_of(wanted.ticket)
    asked_at = now()
    admission = gates.acquire(model, wanted.attempt_id, place=place, tokens=wanted.tokens, present=wanted.present)
    if admission.verdict == "go":
        if (now() - asked_at) * 1000 <= USE_WITHIN_MS:
            return None
        # The answer was long in coming: used now, the permit would count for another minute than that of its call.
        gates.release(model, wanted.attempt_id, "unused")
        return Turn("wait")
    held = Held(admission.why, admission.wait_ms, admission.reserved, admission.openings, admission.pace_ms)
    later_free = None
    if wanted.later and wants_another(held, wanted.spill_after_s):
        later_free = gates.any_free(wanted.later, wanted.tokens)
    turn = turn_of(held, spill_after_s=wanted.spill_after_s, patience=wanted.patience, later_free=later_free, draw=draw)
    if turn.kind == "spill" and held.reserved:
        gates.leave(model, place)
    return turn


def given_back(
    gates: Gates | None,
    ticket: Ticket,
    attempt_id: str,
    answer: Answer,
    draw: float,
    *,
    unused: bool = False,
    to: Bequest | None = None,
) -> list[Step]:
    """What to tell the gate of an attempt, in the round trip that commits it.

    Args:
        gates: the gates, None where there are none.
        ticket: what the attempt was for.
        attempt_id: the attempt.
        answer: what came of it.
        draw: random number in 0..1 for the jitter of the breaker's open period.
        unused: whether a permit is held that no call was made with.
        to: whom it was left to.
    """
    if gates is not None and unused:
        return [gates.release_call(ticket.model, attempt_id, "unused")]
    if gates is None or not answer.asked:
        return []
    if answer.cached:
        # It may have waited for a slot before the reply was there.
        return [gates.leave_call(ticket.model, place_of(ticket))]
    reply = answer.reply
    used = None
    if reply is not None and reply.prompt_tokens is not None and reply.generated_tokens is not None:
        used = reply.prompt_tokens + reply.generated_tokens
    error = answer.outcome if reply is None else None
    latency_ms = reply.latency_ms if reply is not None else getattr(error, "latency_ms", 0.0)
    return [
        gates.release_call(
            ticket.model,
            attempt_id,
            call_outcome(answer.outcome),
            latency_ms=latency_ms,
            tokens_used=used,
            pause_ms=pause_ms(answer.outcome),
            draw=draw,
            heir=None if to is None else (to.heir, to.tokens),
        )
    ]


def may_be_left(gates: Gates | None, model: str) -> bool:
    """Whether a permit may go from one call to the next without asking: calls are limited in number at once alone."""
    if gates is None:
        return False
    limits = gates.limits[model]
    return limits.requests_per_minute is None and limits.tokens_per_minute is None


def is_quiet(answer: Any) -> bool:
    """Whether the endpoint does well and nobody wants its permits, by what the gate said to one that was given back."""
    return answer is not None and read_released(answer).quiet
