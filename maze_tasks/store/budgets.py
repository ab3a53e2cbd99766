"""The budget of a run: what a call may cost is set aside before it is made."""

from __future__ import annotations

from typing import Literal

from maze_tasks.names import encode_id
from maze_tasks.store.connection import translated
from maze_tasks.store.runs import RunStore, Ticket
from maze_tasks.store.scripts import script
from maze_tasks.store.together import Step, run_together

Reserved = Literal["go", "deferred", "spent", "late"]
_VERDICTS: dict[str, Reserved] = {"go": "go", "deferred": "deferred", "spent": "spent", "late": "late"}


def reserve(store: RunStore, ticket: Ticket, attempt_id: str, cost_nano: int) -> Reserved:
    """Set aside what a call may cost; `RunStore.finish` and `waiting.defer` give it back.

    Args:
        store: the store.
        ticket: what the call is for.
        attempt_id: the holder of the lease.
        cost_nano: the most that the call may cost, in nano-USD.

    Returns:
        ``go``; ``deferred``: the lease is given back, and the hole waits for what others have reserved; ``spent``:
        nobody has anything reserved, so that it will never fit; or ``late``: the lease was lost.
    """
    with translated():
        return read_reserved(run_together(store.calls, [reserve_call(store, ticket, attempt_id, cost_nano)])[0])


def reserve_call(store: RunStore, ticket: Ticket, attempt_id: str, cost_nano: int) -> Step:
    """The call behind `reserve`, for `run_each`; its answer is for `read_reserved`."""
    keys, hid = store.keys(ticket.run), encode_id(ticket.hole_id)
    names = [keys.meta, keys.hole(hid), keys.leases, keys.due]
    return Step(script("reserve"), names, [hid, ticket.cursor.sample, attempt_id, cost_nano])


def read_reserved(raw: str) -> Reserved:
    """What an answer to `reserve_call` says."""
    return _VERDICTS[raw]
