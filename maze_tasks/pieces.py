"""Fills of other holes as prompts show them."""

from __future__ import annotations

import json

from maze_tasks.models import ContextPiece, Hole
from maze_tasks.store import reading
from maze_tasks.store.runs import RunStore


def pieces_from(store: RunStore, run: str, hole: Hole) -> tuple[ContextPiece, ...]:
    """The fills of the holes that a hole depends on, as its prompt shows them.

    Raises:
        ServiceUnavailable: Redis cannot be reached.
    """
    if not hole.depends_on:
        return ()
    found = reading.read_texts(store.client, store.namespace, run, hole.depends_on)
    return tuple(piece_of(Hole.load(json.loads(text)), one.code) for text, one in found if one.code is not None)


def piece_of(hole: Hole, code: str) -> ContextPiece:
    """A hole's fill as the prompts of those show it that depend on the hole."""
    place = hole.place
    title = f"fill of {'.'.join(place.scope) if place and place.scope else f'hole {hole.id}'}"
    shown = f"{place.signature}\n{code}" if place and place.signature else code
    return ContextPiece(kind="dependency", title=title, text=shown)
