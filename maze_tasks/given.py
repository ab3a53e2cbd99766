"""What callers of the library hand in, in any of its forms, read into the one form that is worked with."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from maze_tasks.errors import InputError
from maze_tasks.models import ConstraintIR, Hole, HoleSpec, HoleState, read_constraints, read_hole

GivenHole = Hole | HoleSpec | HoleState | Mapping[str, Any]
GivenConstraints = Sequence[ConstraintIR] | ConstraintIR | Mapping[str, Any] | None


def read_given_constraints(value: object) -> tuple[ConstraintIR, ...]:
    """Constraints from values, or from the JSON of one or several.

    Raises:
        pydantic.ValidationError: they are none.
    """
    if value is None:
        return ()
    if isinstance(value, ConstraintIR):
        return (value,)
    if isinstance(value, list | tuple) and all(isinstance(one, ConstraintIR) for one in value):
        return tuple(value)
    return read_constraints(value)


def read_given_holes(values: Iterable[GivenHole]) -> list[Hole]:
    """Holes from values, or from the JSON of hole lines.

    Raises:
        pydantic.ValidationError: one of them is no hole.
        InputError: two of them have one id, or ids that look the same.
    """
    with _uncollected():
        holes = [_hole(value) for value in values]
    if len({str(hole.id) for hole in holes}) < len(holes):
        seen: dict[str, int] = {}
        for number, hole in enumerate(holes, 1):
            first = seen.setdefault(str(hole.id), number)
            if first != number:
                raise InputError(f"the id {hole.id!r} stands at {first} too", line=number, field="hole_id")
    return holes


@contextmanager
def _uncollected() -> Iterator[None]:
    """No looking for garbage while many values are made that all stay: it doubles the time, and finds nothing."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _hole(value: GivenHole) -> Hole:
    if isinstance(value, Hole):
        return value
    return read_hole(value if isinstance(value, Mapping) else value.model_dump(mode="json"))
