"""The budget of a run: what a call may cost is set aside before it is made."""

from __future__ import annotations

from typing import Literal

from maze_tasks.names import encode_id
from maze_tasks.store.connection import translated
from maze_tasks.store.runs import RunStore, Ticket
from maze_tasks.store.scripts import script

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
        ``go``; or, with the lease given back: ``deferred``, the hole waits for what others have reserved; ``spent``,
        the budget is used up; or ``late``, the lease was lost.
    """
    keys, hid = store.keys(ticket.run), encode_id(ticket.hole_id)
    names = [keys.meta, keys.hole(hid), keys.leases, keys.due]
    with translated():
        return _VERDICTS[script("reserve").run(store.client, names, [hid, ticket.cursor.sample, attempt_id, cost_nano])]
