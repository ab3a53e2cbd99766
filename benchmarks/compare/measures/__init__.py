"""What is measured, a module each: it gives tables as JSON, and shows them."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from benchmarks.compare.measures import best, events, fails, fills, scaling

MEASURES: Mapping[str, ModuleType] = {"a": fills, "b": fails, "c": best, "g": scaling, "i": events}
