"""Samples that were set aside since workers died of them, and holes without a fill that are tried again."""

from __future__ import annotations

from collections.abc import Sequence

from maze_tasks.names import HoleId, decode_id, encode_id
from maze_tasks.store.connection import translated
from maze_tasks.store.runs import RunStore
from maze_tasks.store.scripts import ScriptCall, run_many

_OPEN, _WAITING = 1, 2  # what the script answers


def set_aside(store: RunStore, run: str) -> list[tuple[HoleId, int]]:
    """Holes and samples of a run that were set aside, in the order in which that happened."""
    with translated():
        members = store.client.zrange(store.keys(run).aside, 0, -1)
    found = (str(member).rpartition("|") for member in members)
    return [(decode_id(hid), int(sample)) for hid, _, sample in found]


def reopen(
    store: RunStore, run: str, hole_ids: Sequence[HoleId], kind: str | None = None
) -> tuple[list[HoleId], list[HoleId]]:
    """Let those among some holes be tried again that ended without a fill, from the next round on; once.

    Args:
        store: the store.
        run: name of the run; where it had ended it goes on.
        hole_ids: the holes.
        kind: the error that they must have ended with, by default any but a cancellation.

    Returns:
        Those that can be sent, and those that wait for others first.
    """
    keys = store.keys(run)
    calls: list[ScriptCall] = []
    for hid in map(encode_id, hole_ids):
        names = [keys.meta, keys.hole(hid), keys.events, keys.aside, keys.parents(hid), keys.due]
        calls.append((names, [hid, kind or ""]))
    with translated():
        answers = run_many(store.client, "reopen", calls)
    by_answer = list(zip(hole_ids, map(int, answers), strict=True))
    return [one for one, answer in by_answer if answer == _OPEN], [
        one for one, answer in by_answer if answer == _WAITING
    ]
