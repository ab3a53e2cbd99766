"""Dependencies: when a hole has come to its end, those that waited for it go on."""

from __future__ import annotations

import json
from collections.abc import Sequence

from maze_tasks.decide.dependencies import fate
from maze_tasks.messages import messages_for
from maze_tasks.models import ContextPiece, Hole
from maze_tasks.names import HoleId
from maze_tasks.sending import Send
from maze_tasks.store import care, reading, waiting
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


def pieces_from(store: RunStore, run: str, hole: Hole) -> tuple[ContextPiece, ...]:
    """The fills of the holes that a hole depends on, as its prompt shows them.

    Raises:
        ServiceUnavailable: Redis cannot be reached.
    """
    if not hole.depends_on:
        return ()
    pieces = []
    for text, result in reading.read_texts(store.client, store.namespace, run, hole.depends_on):
        if result.code is not None:
            pieces.append(piece_of(Hole.load(json.loads(text)), result.code))
    return tuple(pieces)


def piece_of(hole: Hole, code: str) -> ContextPiece:
    """A hole's fill as the prompts of those show it that depend on the hole."""
    place = hole.place
    title = f"fill of {'.'.join(place.scope) if place and place.scope else f'hole {hole.id}'}"
    shown = f"{place.signature}\n{code}" if place and place.signature else code
    return ContextPiece(kind="dependency", title=title, text=shown)


def release_ready(store: RunStore, send: Send, run: str, hole_ids: Sequence[HoleId], info: RunInfo) -> list[HoleId]:
    """Let those among some holes go that need not wait any more.

    Returns:
        Those that came to their end by it, since something they depend on has no fill.
    """
    ended: list[HoleId] = []
    for start in range(0, len(hole_ids), _PAGE):
        held = waiting.waiting(store, run, hole_ids[start : start + _PAGE])
        fates = {one.hole_id: fate(one.statuses, info.rules.failure_strategy) for one in held}
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
