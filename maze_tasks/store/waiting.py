"""Holes that wait: for other holes (who waits for whom, how those stand, letting them go), and for their turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from maze_tasks.models.runs import HoleStatus
from maze_tasks.names import HoleId, decode_id, encode_id
from maze_tasks.store.care import Spot
from maze_tasks.store.connection import translated
from maze_tasks.store.runs import Finished, RunStore, Ticket
from maze_tasks.store.scripts import Arg, script

MOST_SPREAD_MS = 300_000  # holes that wait for a slow endpoint look again after so long, however many they are
FREE_MEMBER = "free"  # stands for the sample in `due` where a look is owed to the holes that wait for one


@dataclass(frozen=True, slots=True)
class Waiting:
    """A hole that waits, and the statuses of those it waits for.

    Args:
        hole_id: the hole.
        statuses: of those that it depends on, or of its parts.
        parts: its parts, where it has been divided.
        is_split: whether it has been divided, or is left to be.
        is_part: whether it is a part of another.
    """

    hole_id: HoleId
    statuses: tuple[HoleStatus, ...]
    parts: tuple[HoleId, ...] = ()
    is_split: bool = False
    is_part: bool = False


def children(store: RunStore, run: str, hole_id: HoleId) -> list[HoleId]:
    """Holes that depend on a hole."""
    with translated():
        found = store.client.smembers(store.keys(run).children(encode_id(hole_id)))
    return sorted((decode_id(str(hid)) for hid in found), key=str)


def waiting(store: RunStore, run: str, hole_ids: Sequence[HoleId]) -> list[Waiting]:
    """Those among some holes that still wait, each with how its dependencies stand."""
    keys = store.keys(run)
    with translated():
        pipe = store.client.pipeline(transaction=False)
        for hole_id in hole_ids:
            pipe.hmget(keys.hole(encode_id(hole_id)), ["hd", "sp", "kids", "pa"])
            pipe.smembers(keys.parents(encode_id(hole_id)))
        rows = pipe.execute()
        held = []
        for hole_id, (mark, owed, parts, whole), parents in zip(hole_ids, rows[0::2], rows[1::2], strict=True):
            if mark:
                kids = str(parts).split() if parts else []
                is_split = owed is not None or parts is not None
                held.append((hole_id, kids if is_split else sorted(parents), kids, is_split, whole is not None))
        for _, others, *_ in held:
            for other in others:
                pipe.hget(keys.hole(other), "st")
        statuses = iter(pipe.execute())
    # A dependency that is not stored yet is on its way: its hole waits.
    return [
        Waiting(
            hole_id, tuple(next(statuses) or "pending" for _ in others), tuple(map(decode_id, kids)), is_split, is_part
        )
        for hole_id, others, kids, is_split, is_part in held
    ]


def release(
    store: RunStore, run: str, spot: Spot, models: Sequence[str], becomes: HoleStatus, error: tuple[str, str]
) -> int:
    """Let a hole go, once.

    Args:
        store: the store.
        run: name of the run.
        spot: where the hole stands.
        models: the model of each of its samples at its cursor.
        becomes: ``pending`` to try it, or the status it ends with.
        error: kind and message where it ends.

    Returns:
        Send number of its samples, 0 where it ended, -1 where somebody was faster.
    """
    keys, hid = store.keys(run), encode_id(spot.hole_id)
    names = [keys.meta, keys.hole(hid), keys.due, keys.events, *map(keys.queued, models)]
    with translated():
        return int(script("release").run(store.client, names, [hid, becomes, *error]))


def looked(store: RunStore, run: str, hole_id: HoleId) -> None:
    """Say that those who waited for a hole have been looked after."""
    with translated():
        store.client.zrem(store.keys(run).due, f"{encode_id(hole_id)}|{FREE_MEMBER}")


def defer(store: RunStore, ticket: Ticket, attempt_id: str, wait_ms: int, spread_ms: float = 0.0) -> Finished:
    """Give a lease back without an attempt; the hole is sent again when its wait ends.

    Nothing is counted and the cursor stays: a hole that waits has not been tried.

    Args:
        store: the store.
        ticket: what the lease is for.
        attempt_id: its holder.
        wait_ms: how long the hole waits, in milliseconds.
        spread_ms: how much longer for each hole of the run that is pending too, at most `MOST_SPREAD_MS` in all.

    Returns:
        ``deferred``, or as `RunStore.finish`: ``cancelled, done, gone, late``.
    """
    return _give_back(store, ticket, attempt_id, wait_ms, ticket.model, repr(spread_ms), MOST_SPREAD_MS)


def spill(store: RunStore, ticket: Ticket, attempt_id: str, next_model: str) -> Finished:
    """Give a lease back without an attempt; the hole goes on to the next candidate of its plan, for this round.

    Args:
        store: the store.
        ticket: what the lease is for; of a plan with a single sample.
        attempt_id: its holder.
        next_model: that candidate.

    Returns:
        ``next``, or as `defer`.
    """
    return _give_back(store, ticket, attempt_id, "next", next_model)


def _give_back(store: RunStore, ticket: Ticket, attempt_id: str, how: Arg, model: str, *spread: Arg) -> Finished:
    keys, hid = store.keys(ticket.run), encode_id(ticket.hole_id)
    names = [keys.meta, keys.hole(hid), keys.leases, keys.events, keys.due, keys.queued(model)]
    with translated():
        args = [hid, ticket.cursor.sample, attempt_id, how, *spread]
        return Finished(str(script("defer").run(store.client, names, args)))
