"""How many messages workers have dropped, by kind: what was forged or broken shows, and harms nothing."""

from __future__ import annotations

from collections.abc import Mapping

from maze_tasks.store.connection import translated
from maze_tasks.store.keys import dropped_key
from maze_tasks.store.runs import RunStore


def count_dropped(store: RunStore, counts: Mapping[str, int]) -> None:
    """Add to the counts.

    Args:
        store: the store.
        counts: messages by kind, such as ``malformed``.
    """
    with translated():
        pipe = store.client.pipeline(transaction=True)
        for kind, count in counts.items():
            pipe.hincrby(dropped_key(store.namespace), kind, count)
        pipe.execute()


def dropped_messages(store: RunStore) -> dict[str, int]:
    """Messages dropped by all workers so far, by kind."""
    with translated():
        counts = store.client.hgetall(dropped_key(store.namespace))
    return {str(kind): int(count) for kind, count in sorted(counts.items())}
