"""Holes filled in parts: dividing one, and closing it when its parts have come to an end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from maze_tasks.models.runs import Attempt
from maze_tasks.names import VERIFIERS, HoleId, decode_id, encode_id
from maze_tasks.store.connection import translated
from maze_tasks.store.runs import Finished, RunStore
from maze_tasks.store.scripts import Arg, script

SPLIT_MEMBER = "split"  # stands for the sample in `due` where a hole is to be divided


@dataclass(frozen=True, slots=True)
class NewPart:
    """A part on its way into the store.

    Args:
        hole_id: its id.
        text: the part as JSON.
        max_tokens: tokens to ask for.
    """

    hole_id: HoleId
    text: str
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Divided:
    """Answer of `split`.

    Args:
        what: ``ok``; ``taken`` where an id is another hole's; ``stale`` where there is nothing to divide.
        send_no: send number of the first part's samples, with ``ok``.
    """

    what: str
    send_no: int = 0


def split(
    store: RunStore, run: str, hole_id: HoleId, parts: Sequence[NewPart], models: Sequence[str], more_tokens: int
) -> Divided:
    """Divide a hole that is left to be divided, once.

    Args:
        store: the store.
        run: name of the run.
        hole_id: the hole.
        parts: its parts, in order.
        models: the model of each sample at the first candidate of the hole's plan, which the parts share.
        more_tokens: how much longer the prompt of a part may be than that of the hole, in tokens.
    """
    keys, hid = store.keys(run), encode_id(hole_id)
    names = [keys.meta, keys.hole(hid), keys.ids, keys.due, keys.events, *map(keys.queued, models)]
    args: list[Arg] = [hid, more_tokens]
    for part in parts:
        pid = encode_id(part.hole_id)
        names += [keys.hole(pid), keys.text(pid), keys.parents(pid), keys.children(pid)]
        args += [pid, part.text, part.max_tokens]
    with translated():
        what, *rest = script("split").run(store.client, names, args)
    return Divided(what, int(rest[0]) if rest else 0)


def join(
    store: RunStore, run: str, hole_id: HoleId, step: str, record: Attempt | None, error: tuple[str, str]
) -> tuple[Finished, int]:
    """Close a hole whose parts have all come to an end, once.

    Args:
        store: the store.
        run: name of the run.
        hole_id: the hole.
        step: ``accept`` or ``verify`` the record's fill, or ``fail``.
        record: the joined fill, None where a part has none.
        error: kind and message, with ``fail``.

    Returns:
        What became of it (``filled, verify, failed, stale``), and the send number with ``verify``.
    """
    keys, hid = store.keys(run), encode_id(hole_id)
    names = [keys.meta, keys.hole(hid), keys.attempts(hid), keys.due, keys.events, keys.queued(VERIFIERS)]
    text = record.model_dump_json(exclude_none=True, exclude_defaults=True) if record is not None else ""
    with translated():
        what, *rest = script("join").run(store.client, names, [hid, step, text, *error])
    return (Finished(rest[0]), int(rest[1]) if len(rest) > 1 else 0) if what == "ok" else (Finished(what), 0)


def family(store: RunStore, run: str, hole_ids: Sequence[HoleId]) -> list[tuple[HoleId | None, tuple[HoleId, ...]]]:
    """Of each of some holes the one that it is a part of, and its own parts."""
    keys = store.keys(run)
    with translated():
        pipe = store.client.pipeline(transaction=False)
        for hid in map(encode_id, hole_ids):
            pipe.hmget(keys.hole(hid), ["pa", "kids"])
        rows = pipe.execute()
    return [
        (decode_id(whole) if whole else None, tuple(map(decode_id, kids.split())) if kids else ())
        for whole, kids in rows
    ]
