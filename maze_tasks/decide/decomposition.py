"""Decomposition: a hole that nobody fills in one piece, filled in parts.

Source: CONTRACTS section 2, "Decomposition": macro → 3 meso, meso → 2 micro, micro → 2 nano, unknown → 2 micro; nano
cannot be decomposed. Child i depends on child i-1, inherits type and constraints, and has the origin
``{origin}:child_{i}``; the parent is filled with the children's fills joined by newlines, its confidence is their mean.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from maze_tasks.models import ContextPiece, FillConstraint, Hole, HoleSpec, HoleState, HoleStateStatus, Part, Scale
from maze_tasks.names import HoleId

_INTO: dict[Scale | None, tuple[int, Scale]] = {
    Scale.MACRO: (3, Scale.MESO),
    Scale.MESO: (2, Scale.MICRO),
    Scale.MICRO: (2, Scale.NANO),
    None: (2, Scale.MICRO),
}
MOST_PARTS = 3
SECTION_BYTES = 1000  # of a prompt, that say which part is asked for
_MAX_TEXT_ID = 150  # characters of an id that is made longer for its parts

# What holds of each part where it holds of the whole; anything else is asked of the whole.
_OF_EACH = frozenset({"must_not_use_binding", "security"})

# What is found in a part that says nothing against the whole: a part may define what a later one uses.
_OF_THE_WHOLE = frozenset({"names", "body"})


def parts_of(hole: Hole) -> int:
    """How many parts a hole can be filled in; 0 where it cannot be divided."""
    scale = hole.state.scale if hole.state is not None else None
    return _INTO[scale][0] if scale in _INTO else 0


def divide(hole: Hole, salt: int = 0) -> tuple[Hole, ...]:
    """The parts of a hole, as they are stored: what the hole itself says of its surroundings is left out.

    Args:
        hole: a hole that can be divided.
        salt: another number gives other ids, where those of 0 are taken.
    """
    scale = hole.state.scale if hole.state is not None else None
    count, smaller = _INTO[scale]
    ids = [_id(hole.id, number, salt) for number in range(count)]
    return tuple(_part(hole, number, ids, smaller) for number in range(count))


def _part(hole: Hole, number: int, ids: Sequence[HoleId], scale: Scale) -> Hole:
    before = (ids[number - 1],) if number else ()
    origin = hole.state.origin if hole.state is not None else ""
    state = HoleState(
        id=ids[number],
        scale=scale,
        origin=f"{origin or hole.id}:child_{number}",
        expected_type=hole.state.expected_type if hole.state is not None else None,
        constraints=hole.state.constraints if hole.state is not None else (),
        status=HoleStateStatus.PENDING,
        depends_on=before,
        parent_id=hole.id,
    )
    return Hole(
        id=ids[number],
        spec=hole.spec.model_copy(update={"hole_id": ids[number]}),
        state=state,
        constraints=hole.constraints,
        language=hole.language,
        path=hole.path,
        depends_on=before,
        max_tokens=hole.max_tokens,
        temperature=hole.temperature,
        place=hole.place,
        part=Part(parent=hole.id, number=number, count=len(ids)),
    )


def _id(parent: HoleId, number: int, salt: int) -> HoleId:
    """The id of a part: a number of 64 bits where the hole's is a number, else a text that begins with the hole's."""
    suffix = f":child_{number}" + (f"_{salt}" if salt else "")
    digest = hashlib.blake2b(f"{parent!r}{suffix}".encode(), digest_size=8).digest()
    if isinstance(parent, int):
        return int.from_bytes(digest)
    return f"{parent}{suffix}" if len(parent) <= _MAX_TEXT_ID else f"{parent[:_MAX_TEXT_ID]}-{digest.hex()}{suffix}"


def in_place(part: Hole, whole: Hole, earlier: Sequence[str]) -> Hole:
    """A part as it is asked for: with the surroundings of the whole, and what earlier parts were filled with.

    Args:
        part: the part, as it is stored.
        whole: the hole it is a part of, with its own surroundings.
        earlier: fills of the earlier parts, in order.
    """
    assert part.part is not None
    newline = _newline(whole)
    ahead = joined(earlier, newline)
    place = part.part.model_copy(update={"within": whole.part})
    known: dict[str, object] = {"part": place, "pieces": whole.pieces}
    if whole.prompt is not None:
        known["prompt"] = "\n\n".join(filter(None, (whole.prompt, asked_of(place), _shown(ahead))))
    if whole.prefix is not None or whole.suffix is not None:
        before, after, _ = _opened(whole) or (whole.prefix or "", whole.suffix or "", "")
        known |= {"prefix": f"{before}{_ended(ahead, newline)}", "suffix": after}
    elif ahead and whole.prompt is None:
        title = f"parts 1 to {len(earlier)}, which stand right before this one"
        known["pieces"] = (ContextPiece(kind="dependency", title=title, text=ahead), *whole.pieces)
    return part.model_copy(update=known)


def asked_of(part: Part) -> str:
    """What a prompt says of a part."""
    levels = [part]
    while (outer := levels[-1].within) is not None:
        levels.append(outer)
    name = " of ".join(f"part {one.number + 1} of {one.count}" for one in levels)
    is_last = all(one.number + 1 == one.count for one in levels)
    rest = "With it the whole must be complete." if is_last else "What comes after it is left to the later parts."
    return (
        f"Write {name}: the hole is filled in parts, each of them complete statements, which are joined by line ends. "
        f"The earlier parts stand right before it; do not repeat them. {rest}"
    )


def _shown(ahead: str) -> str:
    return f"The earlier parts:\n<code>\n{ahead}\n</code>" if ahead else ""


def joined(fills: Sequence[str], newline: str = "\n") -> str:
    """Fills of parts as one: each on lines of its own.

    A fill that ends its last line does not make an empty one; the whole ends as the last part does.
    """
    texts = [fill.removesuffix("\n").removesuffix("\r") for fill in fills[:-1]]
    return newline.join([*texts, *fills[-1:]])


def as_one(whole: Hole, fills: Sequence[str]) -> str:
    """The fill of a hole that its parts make: their fills joined, and set into the line that the hole is in.

    Args:
        whole: the hole, with its own surroundings.
        fills: fills of its parts, in order.
    """
    newline = _newline(whole)
    text = joined(fills, newline)
    opened = _opened(whole)
    if opened is None:
        return text
    return f"{newline}{text.removesuffix(newline)}{opened.closing}"


class _Opened(NamedTuple):
    """A body that shares a line with what is around it, put on lines of its own: the code around, and how it ends."""

    before: str
    after: str
    closing: str


def _opened(whole: Hole) -> _Opened | None:
    before, after = whole.prefix or "", whole.suffix or ""
    line = before.rpartition("\n")[2]
    if whole.place is None or whole.place.kind != "body" or not line.strip():
        return None
    newline = _newline(whole)
    ahead = before.rstrip(" \t") + newline
    shared, _, rest = after.partition("\n")
    if not shared.strip():
        return _Opened(ahead, rest, "")
    outer = line[: len(line) - len(line.lstrip())]
    return _Opened(ahead, outer + after, newline + outer)


def mean_confidence(confidences: Sequence[float | None]) -> float | None:
    """Mean of those that were measured; None where none was."""
    known = [one for one in confidences if one is not None]
    return fmean(known) if known else None


def as_checked(part: Hole) -> Hole:
    """A part with the demands that can be made of it alone: what must be there may be there in another part."""
    spec = HoleSpec(hole_id=part.spec.hole_id, fill_constraints=tuple(filter(_of_each, part.spec.fill_constraints)))
    masked = tuple(
        one.model_copy(update={"json_schema": None, "grammar": None, "regex_patterns": (), "type_inhabitation": None})
        for one in part.constraints
    )
    state = part.state.model_copy(update={"expected_type": None}) if part.state is not None else None
    return part.model_copy(update={"spec": spec, "constraints": masked, "state": state})


def _of_each(constraint: FillConstraint) -> bool:
    return constraint.kind in _OF_EACH


def weighs(check: str) -> bool:
    """Whether what a check found speaks against a part, not only against a whole that consisted of nothing else."""
    return check not in _OF_THE_WHOLE


def is_read(part: Hole) -> bool:
    """Whether a part can be read by itself: one of an expression can be anything."""
    return part.place is None or part.place.kind != "expression"


def _newline(whole: Hole) -> str:
    return whole.place.newline if whole.place is not None else "\n"


def _ended(text: str, newline: str) -> str:
    return text if not text or text.endswith("\n") else text + newline
