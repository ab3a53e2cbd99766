"""A text with two holes, what is known of them, and what a filled text defines."""

from __future__ import annotations

from typing import Any

from maze_tasks import HoleState

CODE = """\
def add(a, b):
    raise NotImplementedError


def twice(a):
    return add(a, a)  # grüße ✓


def neg(a):
    raise NotImplementedError
"""


def state(number: int, origin: str, **fields: Any) -> HoleState:
    return HoleState.model_validate({"id": number, "scale": "macro", "origin": origin, "status": "Pending", **fields})


def run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(code, "refined", "exec"), names)
    return names
