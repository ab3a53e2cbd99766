"""What is measured, a module each: it gives tables as JSON, and shows them."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from benchmarks.compare.measures import best, enqueueing, events, fails, fills, scaling, sizes, trees, waiting

MEASURES: Mapping[str, ModuleType] = {
    "a": fills,
    "b": fails,
    "c": best,
    "d": enqueueing,
    "e": sizes,
    "f": waiting,
    "g": scaling,
    "h": trees,
    "i": events,
}
