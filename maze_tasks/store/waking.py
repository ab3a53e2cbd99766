"""Waiting for a run's events. The stream only wakes: what has happened is read from the records."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from maze_tasks.store.connection import translated
from maze_tasks.store.runs import RunStore

WAIT_MS = 1_000  # at most so long without an event
SETTLE_S = 0.025  # longer than `QUIET` of finish.lua: attempts so soon after one that woke its readers wake nobody


def wait_for_event(store: RunStore, run: str, after: str, sleep: Callable[[float], None] = time.sleep) -> str:
    """Wait until something happens in a run, or a second has passed.

    Whoever reads the records afterwards sees whatever happened that will wake nobody.

    Args:
        store: the store.
        run: name of the run.
        after: id of the last event seen, ``0`` where none was.
        sleep: waits seconds.

    Returns:
        Id of the newest event seen, to be passed next time.
    """
    with translated():
        found = store.client.xread({store.keys(run).events: after}, count=1000, block=WAIT_MS)
    if not found:
        return after
    streams: Any = found
    entries = next(iter(streams.values()))[0] if isinstance(streams, dict) else streams[0][1]
    if entries[-1][1].get("t") != "run":  # a run that has come to its end is not waited for
        sleep(SETTLE_S)
    return str(entries[-1][0])
