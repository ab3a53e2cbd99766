"""What is measured, a module each: it gives tables as JSON, and shows them."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from benchmarks.compare.measures import fills

MEASURES: Mapping[str, ModuleType] = {"a": fills}
