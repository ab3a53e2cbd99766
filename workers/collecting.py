"""Python's collector of cycles, in a process that makes few of them."""

from __future__ import annotations

import gc

# New objects from one look at the young ones to the next, such looks from one at the middle-aged to the next, and those
# from one at all to the next. What fills leave behind is freed without the collector.
_SELDOM = (10_000, 20, 50)


def collect_seldom() -> None:
    """Look for cycles seldom, and never again among what has been loaded by now: none of it is garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_SELDOM)
