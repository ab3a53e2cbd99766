"""Waiting for a permit in the process that took the hole, while nothing is short but the calls at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from maze_tasks.decide.turns import Turn
from maze_tasks.permits import Wanted, place_of
from maze_tasks.store.gauges import Gates
from maze_tasks.waiting_room import WaitingRoom

LONGEST_SEAT_S = 600.0  # after that a hole waits in the store
ASK_EVERY_S = 1.0  # at least: somebody else's call may have ended, or the run


def sit(
    room: WaitingRoom,
    gates: Gates,
    ask: Callable[[Wanted], Turn | None],
    wanted: Wanted,
    turn: Turn | None,
    *,
    needed: Callable[[], bool],
    now: Callable[[], float],
) -> Turn | None:
    """Wait until there is a permit, or something else is to be done.

    Args:
        room: where a seat has been taken.
        gates: the gates.
        ask: asks for a permit.
        wanted: what for.
        turn: what was answered last: to wait for a call to end.
        needed: whether the hole's call may still be begun.
        now: seconds that pass.

    Returns:
        None: the permit is held. Otherwise what the hole does instead.

    Raises:
        ServiceUnavailable: Redis cannot be reached.
    """
    # A slot that is kept for who sits here would be idle until they ask: they come when one is free.
    gates.leave(wanted.ticket.model, place_of(wanted.ticket))
    wanted, end = replace(wanted, reserves=False), now() + LONGEST_SEAT_S
    while turn is not None and turn.in_place and now() < end and not room.closed:
        room.wait(min(turn.wait_ms / 1000, ASK_EVERY_S))
        if not needed():
            break
        turn = ask(wanted)
    return turn
