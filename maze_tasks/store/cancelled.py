"""Which calls nobody needs any more: asked once a second by every process that has calls running."""

from __future__ import annotations

from collections.abc import Sequence

from maze_tasks.models.runs import TERMINAL_STATUSES
from maze_tasks.names import encode_id
from maze_tasks.store.connection import translated
from maze_tasks.store.runs import RunStore, Ticket


def is_running(store: RunStore, run: str) -> bool:
    """Whether calls may be begun for a run: it is neither paused nor at its end."""
    with translated():
        return bool(store.client.hget(store.keys(run).meta, "state") == "running")


def needless(store: RunStore, tickets: Sequence[tuple[Ticket, bool]]) -> list[bool]:
    """Of each ticket whether its work is needed no more, in one round trip.

    Args:
        store: the store.
        tickets: tickets, each with whether it has rivals: other samples of its hole, one of which may be its fill.
    """
    runs = list(dict.fromkeys(ticket.run for ticket, _ in tickets))
    rivals = list(dict.fromkeys((ticket.run, ticket.hole_id) for ticket, has_rivals in tickets if has_rivals))
    with translated():
        pipe = store.client.pipeline(transaction=False)
        for run in runs:
            pipe.hget(store.keys(run).meta, "state")
        for run, hole_id in rivals:
            pipe.hget(store.keys(run).hole(encode_id(hole_id)), "st")
        found = pipe.execute()
    states = dict(zip(runs, found, strict=False))
    statuses = dict(zip(rivals, found[len(runs) :], strict=True))
    return [
        states[ticket.run] in ("cancelling", "cancelled")
        or statuses.get((ticket.run, ticket.hole_id)) in TERMINAL_STATUSES
        for ticket, _ in tickets
    ]
