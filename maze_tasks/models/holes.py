"""Holes: what is to be filled, in the forms it comes in and the one form it is kept in (CONTRACTS section 1)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails

from maze_tasks.models.constraints import KNOWN_KINDS, Constraints, FillConstraint, Grammar, JsonSchema
from maze_tasks.models.context import ContextPiece
from maze_tasks.models.places import Place
from maze_tasks.models.reading import (
    U32,
    Flag,
    Id,
    NonNegative,
    Number,
    Positive,
    Real,
    Shape,
    choice,
    problem,
    refusal,
    restated,
)
from maze_tasks.models.verification import HoleCheck


class Scale(StrEnum):
    """How large a fill is, from an expression to a function and beyond."""

    NANO = "nano"
    MICRO = "micro"
    MESO = "meso"
    MACRO = "macro"


class HoleStateStatus(StrEnum):
    """Where a hole stands, in the words of the HoleState shape."""

    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    FILLED = "Filled"
    FAILED = "Failed"
    SKIPPED = "Skipped"
    NEEDS_HUMAN = "NeedsHuman"
    PENDING_CHILDREN = "PendingChildren"


_OTHER_SCALES = {
    "expression": "nano",
    "statement": "micro",
    "block": "meso",
    "function": "macro",
    "module": "macro",
    "specification": "macro",
}

ScaleField = Annotated[Scale, choice(Scale, "scale", _OTHER_SCALES)]
StatusField = Annotated[HoleStateStatus, choice(HoleStateStatus, "status")]


class HoleSpec(Shape):
    """What a fill must satisfy."""

    hole_id: Id
    fill_schema: JsonSchema | None = None
    fill_grammar: Grammar | None = None
    fill_constraints: tuple[FillConstraint, ...] = ()
    grammar_ref: str | None = None


class FillAttempt(Shape):
    """One attempt as a HoleState records it; `timestamp` in seconds of the Unix epoch."""

    code: str
    confidence: Real
    temperature: Real
    model: str
    timestamp: Number
    validation_passed: Flag
    error: str | None = None


class HoleState(Shape):
    """A hole with its place, its history and its relations to others."""

    id: Id
    scale: ScaleField
    origin: str
    expected_type: str | None = None
    constraints: tuple[str, ...] = ()
    current_fill: str | None = None
    confidence: Real = 0.0
    attempts: tuple[FillAttempt, ...] = ()
    status: StatusField
    depends_on: tuple[Id, ...] = ()
    parent_id: Id | None = None
    child_ids: tuple[Id, ...] = ()

    def spec(self) -> HoleSpec:
        """What a fill of this hole must satisfy.

        A constraint such as ``must_use_binding: total`` is a demand of the kind that it begins with, any other one of
        kind ``generic``.
        """
        return HoleSpec(hole_id=self.id, fill_constraints=tuple(map(_demand, self.constraints)))


def _demand(text: str) -> FillConstraint:
    kind, colon, value = text.partition(": ")
    if colon and kind in KNOWN_KINDS and value.strip():
        return FillConstraint(kind=kind, value=value.strip())
    return FillConstraint(kind="generic", value=text)


class _Beside(Shape):
    """What a hole line says beside the hole itself."""

    constraints: Constraints = ()
    prompt: str | None = None
    prefix: str | None = None
    suffix: str | None = None
    language: str | None = None
    path: str | None = None
    depends_on: tuple[Id, ...] = ()
    max_tokens: Positive | None = None
    temperature: NonNegative | None = None
    place: Place | None = None
    verify: HoleCheck | None = None
    pieces: tuple[ContextPiece, ...] = ()


_BESIDE = frozenset(_Beside.model_fields)


class Part(Shape):
    """Which part of a divided hole a hole is.

    `number` counts from 0, `count` is how many parts there are; `within` says which part the divided hole is itself.
    """

    parent: Id
    number: U32
    count: Positive
    within: Part | None = None


class Hole(_Beside):
    """A hole in full: the form in which holes are routed, stored and filled.

    `depends_on` holds all dependencies, those of `state` included, each once; `max_tokens` and `temperature` are set
    only where the line asks for particular ones; `prefix` and `suffix` are the code around the hole, byte for byte;
    `pieces` is what else of the code base a prompt may show. `part` is set where the hole is a part of another.
    """

    id: Id
    spec: HoleSpec
    state: HoleState | None = None
    part: Part | None = None

    def dump(self) -> dict[str, Any]:
        """The hole as JSON values, canonical names, every field; `load` gives back the same hole."""
        return self.model_dump(mode="json")

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> Hole:
        """The hole that `dump` wrote.

        Raises:
            pydantic.ValidationError: something else wrote it.
        """
        return cls.model_validate(stored)


def read_hole(value: object) -> Hole:
    """Read a hole line in any of its forms.

    Args:
        value: a HoleSpec, a HoleState, or ``{"hole": HoleSpec | HoleState, "constraints": ..., "prompt": ...}``; what
            the full form says beside the hole may also stand among the hole's own fields.

    Raises:
        pydantic.ValidationError: it is none of these; `explain` names every wrong field as the line spells its path.
    """
    inner, beside, below = _parts(value)
    if "hole_id" in inner and "depends_on" not in beside:
        with suppress(ValidationError):  # what is wrong is told below, by the paths of the line
            return Hole.model_validate({**beside, "id": inner["hole_id"], "spec": inner})
    problems: list[InitErrorDetails] = []
    spec: HoleSpec | None
    state: HoleState | None = None
    if "hole_id" in inner:
        spec = _read(HoleSpec, inner, below, problems)
    else:
        state = _read(HoleState, inner, below, problems)
        spec = state.spec() if state else None
    rest = _read(_Beside, beside, (), problems)
    if spec is None or rest is None:
        raise refusal("hole", problems)
    fields = {name: getattr(rest, name) for name in _BESIDE}
    earlier = state.depends_on if state else ()
    fields["depends_on"] = tuple(dict.fromkeys((*earlier, *rest.depends_on)))
    return Hole(id=spec.hole_id, spec=spec, state=state, **fields)


_ShapeT = TypeVar("_ShapeT", bound=BaseModel)
_Place = tuple[int | str, ...]


def _parts(value: object) -> tuple[dict[str, Any], dict[str, Any], _Place]:
    """The hole's own fields, those beside it, and the place of the former in the line."""
    line = _without_nulls(value, ())
    inner, below = line, _Place()
    outer: dict[str, Any] = {}
    if "hole" in line and (isinstance(line["hole"], Mapping) or not _has_id(line)):
        inner, outer, below = _without_nulls(line["hole"], ("hole",)), line, ("hole",)
    if not _has_id(inner):
        reason = "is required (or `id`, in the form of a HoleState)"
        raise refusal("hole", [problem("missing_id", (*below, "hole_id"), reason)])
    own, beside = _sorted_out(inner)
    return own, {**beside, **{name: given for name, given in outer.items() if name in _BESIDE}}, below


def _without_nulls(value: object, place: _Place) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise refusal("hole", [problem("model_type", place, "should be an object")])
    return {name: given for name, given in value.items() if given is not None}


def _has_id(fields: Mapping[str, Any]) -> bool:
    return "hole_id" in fields or "id" in fields


def _sorted_out(inner: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A hole's own fields, and those among them that belong beside it.

    `constraints` is the field both have: texts are a HoleState's own, objects never are.
    """
    beside = {name: given for name, given in inner.items() if name in _BESIDE}
    if "hole_id" in inner or "constraints" not in inner:
        return inner, beside
    given = inner["constraints"]
    items = given if isinstance(given, list | tuple) else [given]
    if items and all(isinstance(item, Mapping) for item in items):
        return {name: item for name, item in inner.items() if name != "constraints"}, beside
    del beside["constraints"]
    return inner, beside


def _read(shape: type[_ShapeT], value: object, below: _Place, problems: list[InitErrorDetails]) -> _ShapeT | None:
    """`value` read as `shape`, or None with what is wrong added to `problems`."""
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        problems += restated(error, below)
        return None
