"""The prompt of a hole that brings none of its own, built from what is known of it within a number of bytes.

What is most useful is said first and given room first: the task, the constraints and the signature, the code right
before and after the hole, imports and definitions, why earlier answers were rejected, code that shows the style, and
last the code farther away. Deterministic: the same values give the same bytes, so that a cache can recognise the
request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from maze_tasks.decide import sections, showing
from maze_tasks.decide.windows import Around, around, size_of
from maze_tasks.models import ContextPiece, Diagnostic, Hole, Templates, default_templates
from maze_tasks.models.templates import filled

DEFAULT_PROMPT_BYTES = 24_000  # of a prompt where nothing says how much the endpoint reads
NEAREST_BYTES = 1000  # of code around the hole that are shown however little room there is
LEFT_OUT_BEFORE = "[earlier code left out]\n"
LEFT_OUT_AFTER = "\n[later code left out]"

_NEAR_SHARE = 1, 2  # of the room, what the code around the hole gets before anything else
_FACTS_SHARE = 3, 4  # of what is left then, what pieces get before earlier answers, if there are any

_Values = dict[str, str]


def build_prompt(
    hole: Hole,
    *,
    most_bytes: int = DEFAULT_PROMPT_BYTES,
    diagnostics: Sequence[Diagnostic] = (),
    templates: Templates | None = None,
) -> str:
    """A prompt that says what goes into the hole, what holds for it and what an answer must look like.

    Args:
        hole: the hole; its own prompt, if any, is not looked at.
        most_bytes: size of the prompt in UTF-8. What must be said is said even where it needs more: the task, all
            constraints, the hole's marker with the lines next to it, and how to answer.
        diagnostics: why earlier answers were rejected, the latest first.
        templates: the layout; None means that of the package.

    Returns:
        Sections separated by blank lines, laid out as the template says; code and pieces are cut at line ends, and
        where something is left out a line says so.
    """
    layout = (templates or default_templates()).prompt
    values = _always_said(hole, diagnostics)
    whole = _filled(layout, values, hole, diagnostics, _NO_BOUND)
    if size_of(whole) <= most_bytes:
        return whole
    room = most_bytes - _needed(layout, values, hole, diagnostics)
    return _filled(layout, values, hole, diagnostics, max(room, 0))


def prompt_bound(hole: Hole, *, most_bytes: int = DEFAULT_PROMPT_BYTES, templates: Templates | None = None) -> int:
    """Bytes that no prompt of the hole exceeds, whatever diagnostics come to be in it; arguments as `build_prompt`."""
    layout = (templates or default_templates()).prompt
    needed = _needed(layout, _always_said(hole, ()), hole, _ANY) + _MARKER_GROWTH
    entries = [entry for part in showing.ordered(hole.pieces) for entry in showing.choose(part, _NO_BOUND)[0]]
    pieces = size_of(showing.context_section(entries))
    return max(needed, min(most_bytes, needed + code_around(hole).size + pieces + showing.MOST_DIAGNOSTICS_BYTES))


def code_around(hole: Hole) -> Around:
    """All the code that is known around a hole."""
    return Around(hole.prefix or "", hole.suffix or "")


class _Chosen(NamedTuple):
    """What goes into the sections that are cut to the room."""

    code: Around
    entries: list[str]
    diagnostics: str


_NO_BOUND = 1 << 62
_ANY = (Diagnostic(""),)
_MARKER_GROWTH = 100  # bytes that a longer marker may cost, should an earlier answer hold the usual one


def _always_said(hole: Hole, diagnostics: Sequence[Diagnostic]) -> _Values:
    marker = _marker(hole, diagnostics)
    return {
        **sections.single_facts(hole, marker),
        "task": sections.task(hole),
        "facts": sections.facts(hole),
        "constraints": sections.constraints(hole),
        "shape": sections.shape(hole),
        "instruction": sections.instruction(hole, marker),
    }


def _filled(layout: str, values: _Values, hole: Hole, diagnostics: Sequence[Diagnostic], room: int) -> str:
    """The prompt with what fits into `room` bytes beyond what is needed."""
    chosen = _choose(hole, code_around(hole), diagnostics, room)
    cut = {
        "context": showing.context_section(chosen.entries),
        "diagnostics": chosen.diagnostics,
        "code": _code(hole, chosen.code, values["marker"]),
    }
    return filled(layout, {**values, **cut})


def _needed(layout: str, values: _Values, hole: Hole, diagnostics: Sequence[Diagnostic]) -> int:
    """Bytes of what must be in the prompt: the nearest code at its largest, and the layout around what may be in it."""
    code = code_around(hole)
    nearest = around(code, NEAREST_BYTES)
    spare = min(NEAREST_BYTES, code.size) - nearest.size
    optional = {"context": "x" if hole.pieces else "", "diagnostics": "x" if diagnostics else ""}
    return spare + size_of(filled(layout, {**values, **optional, "code": _code(hole, nearest, values["marker"])}))


def _choose(hole: Hole, code: Around, diagnostics: Sequence[Diagnostic], room: int) -> _Chosen:
    """Divide the room (bytes beyond what is needed) among code, pieces and earlier answers."""
    least = min(NEAREST_BYTES, code.size)
    near = min(code.size - least, _share(room, _NEAR_SHARE))
    pieces = showing.without_shown(hole.pieces, "".join(around(code, least + near)))
    entries, told, left = _fit(pieces, diagnostics, room - near)
    shown = min(least + near + left, code.size)
    # Code farther away may have found room after all: what it shows need not be said twice.
    remaining = showing.without_shown(pieces, "".join(around(code, shown)))
    if len(remaining) < len(pieces):
        entries, told, left = _fit(remaining, diagnostics, room - (shown - least))
        shown += left
    return _Chosen(around(code, shown), entries, told)


def _fit(pieces: Sequence[ContextPiece], diagnostics: Sequence[Diagnostic], room: int) -> tuple[list[str], str, int]:
    """Entries and earlier answers that fit, and what is left of the room."""
    early, late = showing.ordered(pieces)
    title = size_of(showing.CONTEXT_TITLE) if pieces else 0
    room -= title
    bound = _share(room, _FACTS_SHARE) if diagnostics else room
    entries, spare = showing.choose(early, bound)
    room -= bound - spare
    told = showing.diagnostics_section(diagnostics, room)
    room -= size_of(told)
    more, room = showing.choose(late, room)
    entries += more
    if not entries:
        room += title
    return entries, told, max(room, 0)


def _share(room: int, share: tuple[int, int]) -> int:
    return max(room, 0) * share[0] // share[1]


def _code(hole: Hole, shown: Around, marker: str) -> str:
    if hole.prefix is None and hole.suffix is None:
        return ""
    whole = code_around(hole)
    before = shown.before if shown.before == whole.before and _begins(hole) else LEFT_OUT_BEFORE + shown.before
    after = shown.after if shown.after == whole.after else shown.after + LEFT_OUT_AFTER
    return f"The code, with the hole marked {marker}:\n<code>\n{before}{marker}{after}\n</code>"


def _begins(hole: Hole) -> bool:
    """Whether the code before the hole begins where the file does, as far as is known."""
    place = hole.place
    return place is None or place.encoding != "utf-8" or place.start <= size_of(hole.prefix or "")


def _marker(hole: Hole, diagnostics: Sequence[Diagnostic]) -> str:
    """A marker that no code in the prompt contains, so that there is exactly one place it can mean."""
    pieces = "\n".join(f"{piece.title}\n{piece.text}" for piece in hole.pieces)
    answers = "\n".join(f"{one.reason}\n{one.code or ''}" for one in diagnostics)
    texts = (f"{hole.prefix or ''}{hole.suffix or ''}", pieces, answers)
    number, marker = 1, "<<<FILL>>>"
    while any(marker in text for text in texts):
        number += 1
        marker = f"<<<FILL {number}>>>"
    return marker
