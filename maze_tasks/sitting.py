"""Waiting for a permit in the process that took the hole, while nothing is short but the calls at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

from maze_tasks.decide.turns import Turn
from maze_tasks.permits import Wanted
from maze_tasks.waiting_room import WaitingRoom

LONGEST_SEAT_S = 600.0  # after that a hole waits in the store
ASK_EVERY_S = 1.0  # at least: somebody else's call may have ended, or the run

Ask = Callable[[Wanted], Turn | None]


def seated(
    room: WaitingRoom,
    ask: Ask,
    wanted: Wanted,
    held: AbstractContextManager[threading.Event],
    running: Callable[[], bool],
    now: Callable[[], float],
) -> Turn | None:
    """Ask for a permit, and wait here for what comes free when a call ends; what else is short is waited for elsewhere.

    Args:
        room: where a seat has been taken, which is given back.
        ask: asks for a permit.
        wanted: what for.
        held: keeps the hole's lease meanwhile; its event is set when no call is needed any more.
        running: whether the run may begin calls: one that was paused or has ended begins nothing new.
        now: seconds that pass.

    Returns:
        None: the permit is held. Otherwise what the hole does instead; a slot is reserved for it where that helps.

    Raises:
        ServiceUnavailable: Redis cannot be reached.
    """
    here = replace(wanted, present=True)
    try:
        with held as cut:
            turn, end = ask(here), now() + LONGEST_SEAT_S
            while turn is not None and turn.in_place and now() < end and not room.closed:
                room.wait(min(turn.wait_ms / 1000, ASK_EVERY_S))
                if cut.is_set() or not running():
                    return turn
                turn = ask(here)
            return ask(wanted) if turn is not None and turn.kind == "wait" else turn
    finally:
        room.leave()
