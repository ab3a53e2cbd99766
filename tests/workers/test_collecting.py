"""The collector of cycles in a worker."""

from __future__ import annotations

import gc
import weakref

from workers.collecting import collect_seldom


class Node:
    """Something that can be in a cycle."""


def test_what_is_loaded_is_looked_through_no_more_and_cycles_made_since_are_still_found() -> None:
    before = gc.get_threshold()
    try:
        collect_seldom()
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold()[0] > before[0]
        node = Node()
        node.itself = node  # type: ignore[attr-defined]
        gone = weakref.ref(node)
        del node
        gc.collect()
        assert gone() is None
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
