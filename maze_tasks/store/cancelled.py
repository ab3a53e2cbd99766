"""Which runs were cancelled: asked once a second by every process that has calls running."""

from __future__ import annotations

from collections.abc import Sequence

from maze_tasks.store.connection import translated
from maze_tasks.store.runs import RunStore


def cancelled_runs(store: RunStore, runs: Sequence[str]) -> set[str]:
    """Names of those among some runs that are being cancelled, in one round trip."""
    with translated():
        pipe = store.client.pipeline(transaction=False)
        for run in runs:
            pipe.hget(store.keys(run).meta, "state")
        states = pipe.execute()
    return {run for run, state in zip(runs, states, strict=True) if state in ("cancelling", "cancelled")}
