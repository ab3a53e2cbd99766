"""What a hole does that gets no permit to call its endpoint: wait, go elsewhere, or take it for a failure. Pure.

Source: PROTOCOL, "Waits".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from maze_tasks.errors import EndpointError, FinalError, PassingError
from maze_tasks.record import record

OVER_BUDGET = "budget"  # kind of that error
SPREAD_MS = 1_000  # over which those come back that nothing is reserved for
FAILING = frozenset({"open", "probing"})  # the breaker says that the endpoint fails, not that it will be free
AGAIN_MS = 1_000  # a hole that would rather go elsewhere looks again after so long at the earliest
PROBE_MS = 1_000  # those who wait for the outcome of a probe ask again after so long at the earliest


@record
class Held:
    """A call that may not be made now.

    Args:
        why: what is short, as `store.gauges.Admission.why`.
        wait_ms: how long until it is worth asking again, in milliseconds.
        reserved: whether a slot is kept for it until then.
        openings: with a breaker that is not closed, how often it has opened in a row.
        pace_ms: where nothing is reserved, the mean time between two calls that the limits leave room for.
    """

    why: str
    wait_ms: int
    reserved: bool = False
    openings: int = 0
    pace_ms: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """What the hole does.

    Args:
        kind: ``wait`` in no worker slot; ``spill`` to the next candidate, without an attempt; ``fail``: an attempt that
            failed without a call.
        wait_ms: with ``wait``, how long in milliseconds.
        spread_ms: with ``wait``, how much longer for each hole of the run that waits as well: so those come back that
            nothing is reserved for, about as fast as they can be served, however many they are.
        error: with ``fail``, what it failed of.
        in_place: with ``wait``, whether nothing but a call's end is waited for: it may be waited for where the hole is.
    """

    kind: Literal["wait", "spill", "fail"]
    wait_ms: int = 0
    spread_ms: float = 0.0
    error: EndpointError | None = None
    in_place: bool = False


def turn_of(held: Held, *, spill_after_s: float, patience: int, later_free: bool | None, draw: float) -> Turn:
    """What a hole does that may not call its endpoint now.

    Args:
        held: why, and for how long.
        spill_after_s: longest wait in seconds while a later candidate is free; for an endpoint that fails nobody waits
            then, as nobody does after a failure of their own.
        patience: times in a row that a breaker may open; from then on nobody waits for it, but for a probe that runs.
        later_free: whether a later candidate of the hole would take it now; None where it has none.
        draw: random number in 0..1 that spreads those who come back.
    """
    error = _hopeless(held, patience)
    if error is not None:
        return Turn("fail", error=error)
    spread_ms, busy = round(SPREAD_MS * draw), held.why == "concurrency"
    if later_free is not None and wants_another(held, spill_after_s):
        if later_free:
            return Turn("spill")
        # One of them may be free long before this one is: it is looked at again.
        return Turn(
            "wait", wait_ms=min(held.wait_ms, max(round(spill_after_s * 1000), AGAIN_MS) + spread_ms), in_place=busy
        )
    if held.reserved:
        return Turn("wait", wait_ms=held.wait_ms, in_place=busy)
    least = PROBE_MS if held.why == "probing" else 0
    return Turn("wait", max(held.wait_ms, least) + spread_ms, spread_ms=held.pace_ms * draw, in_place=busy)


def wants_another(held: Held, spill_after_s: float) -> bool:
    """Whether a hole goes to a later candidate that is free, rather than wait."""
    return held.why in FAILING or held.wait_ms > spill_after_s * 1000


def over_budget() -> EndpointError:
    """What a hole fails of whose call costs more than is left of the run's budget, with nothing to come back."""
    return FinalError(OVER_BUDGET, "not asked: it may cost more than is left of the budget", sent=False)


def _hopeless(held: Held, patience: int) -> EndpointError | None:
    """What a hole fails of that need not wait: what it waits for will not come soon, or never."""
    if held.why == "too_large":
        return FinalError("too_large", "not asked: it may take more tokens than a minute has", sent=False)
    if held.why == "denied":
        return FinalError("unauthorized", "not asked: the endpoint refused its key a moment ago", sent=False)
    if held.openings > patience and held.why != "probing":  # a probe that runs will soon say whether it is back
        return PassingError("unavailable", "not asked: the endpoint has failed for some time", sent=False)
    return None
