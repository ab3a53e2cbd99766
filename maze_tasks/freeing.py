"""Dependencies: when a hole has come to its end, those that waited for it go on."""

from __future__ import annotations

from collections.abc import Sequence

from maze_tasks.decide.dependencies import fate
from maze_tasks.messages import messages_for
from maze_tasks.models.runs import TERMINAL_STATUSES
from maze_tasks.names import HoleId
from maze_tasks.parts import join_parts, split_hole
from maze_tasks.sending import Send
from maze_tasks.store import care, waiting
from maze_tasks.store.runs import RunInfo, RunStore

_PAGE = 500


def free_dependents(store: RunStore, send: Send, run: str, hole_id: HoleId) -> None:
    """Look after the holes that wait for one which has come to its end; who does it twice changes nothing.

    Args:
        store: the store.
        send: publishes messages.
        run: name of the run.
        hole_id: the hole that has come to its end.

    Raises:
        ServiceUnavailable: Redis or the broker cannot be reached; the sweeper will look.
    """
    info = store.info(run)
    ended = [hole_id]
    while ended and info is not None:
        done = ended.pop()
        ended += release_ready(store, send, run, waiting.children(store, run, done), info)
        waiting.looked(store, run, done)


def release_ready(store: RunStore, send: Send, run: str, hole_ids: Sequence[HoleId], info: RunInfo) -> list[HoleId]:
    """Let those among some holes go that need not wait any more.

    Returns:
        Those that came to their end by it: something they depend on has no fill, or their parts have all ended.
    """
    ended: list[HoleId] = []
    for start in range(0, len(hole_ids), _PAGE):
        held = []
        for one in waiting.waiting(store, run, hole_ids[start : start + _PAGE]):
            if one.is_split:
                ended += _joined(store, send, run, one, info)
            else:
                held.append(one)
        strategy = info.rules.failure_strategy
        fates = {one.hole_id: fate(one.statuses, strategy, is_part=one.is_part) for one in held}
        ready = [hole_id for hole_id, becomes in fates.items() if becomes is not None]
        for spot in care.spots(store, run, [(hole_id, "0") for hole_id in ready]):
            becomes = fates[spot.hole_id]
            assert becomes is not None
            plan = info.plans[spot.plan_no]
            models = plan.models_at(spot.cursor.candidate)
            error = ("dependency", "a hole that it depends on has no fill") if becomes != "pending" else ("", "")
            number = waiting.release(store, run, spot, models, becomes, error)
            if number > 0:
                send(messages_for(run, plan, [spot.hole_id], spot.cursor, number))
            elif number == 0:
                ended.append(spot.hole_id)
    return ended


def _joined(store: RunStore, send: Send, run: str, one: waiting.Waiting, info: RunInfo) -> list[HoleId]:
    """Divide a hole that is left to be divided, or join its parts where all have ended; itself, if it ended by that."""
    if not one.parts:
        split_hole(store, send, run, one.hole_id)
    elif all(status in TERMINAL_STATUSES for status in one.statuses):
        return [one.hole_id] if join_parts(store, send, run, one.hole_id, info) else []
    return []
