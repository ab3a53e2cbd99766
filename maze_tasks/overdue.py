"""What is overdue in a run: samples sent again, and what a worker owed that did not come to it."""

from __future__ import annotations

import logging

from maze_tasks.freeing import free_dependents
from maze_tasks.parts import see_to
from maze_tasks.sending import Send, send_from
from maze_tasks.store import care
from maze_tasks.store.runs import SELECT_MEMBER, RunStore
from maze_tasks.store.splitting import SPLIT_MEMBER
from maze_tasks.store.waiting import FREE_MEMBER

logger = logging.getLogger(__name__)


def see_to_overdue(store: RunStore, send: Send, run: str, now_ms: int, *, leases: bool = True) -> None:
    """Send what waited long enough, and what a holder left behind; see to selections, divisions and holes that wait.

    Whoever does it twice, or while somebody else does it, changes nothing.

    Args:
        store: the store.
        send: publishes messages.
        run: name of the run.
        now_ms: milliseconds of Redis's clock.
        leases: whether those that ran out are believed.

    Raises:
        ServiceUnavailable: Redis or the broker cannot be reached; what is left is overdue still.
    """
    expired, due = care.overdue(store, run, now_ms)
    for hole_id, sample in due:
        if sample in (SELECT_MEMBER, SPLIT_MEMBER):
            see_to(store, send, run, hole_id, sample)
        if sample in (SELECT_MEMBER, FREE_MEMBER):
            free_dependents(store, send, run, hole_id)
    members = [member for member in [*(expired if leases else []), *due] if member[1].isdigit()]
    if members:
        count = send_from(store, send, run, members, ahead=True)
        logger.debug("run %s: %d samples sent again", run, count)
