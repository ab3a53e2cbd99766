"""Holes filled in parts: dividing one that nobody fills, asking for a part, joining the parts' fills."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence

from maze_tasks import selecting
from maze_tasks.decide.decomposition import (
    SECTION_BYTES,
    as_one,
    divide,
    in_place,
    mean_confidence,
    parts_of,
)
from maze_tasks.decide.profiles import profile_of
from maze_tasks.decide.tokens import tokens_to_ask
from maze_tasks.errors import Failure, Refused
from maze_tasks.messages import VerifyMessage, messages_for
from maze_tasks.models import Hole
from maze_tasks.models.runs import Attempt, Cursor, ErrorRecord, HoleResult, RunRules
from maze_tasks.names import HoleId
from maze_tasks.pieces import pieces_from
from maze_tasks.replying import Read, read_fill, read_plainly
from maze_tasks.sending import Send
from maze_tasks.store import care, reading, splitting
from maze_tasks.store.runs import RunInfo, RunStore

logger = logging.getLogger(__name__)

_SALTS = 8  # ids tried for the parts of a hole; a second one is needed once in 10^13 holes of a large run


def see_to(
    store: RunStore, send: Send, run: str, hole_id: HoleId, what: str, known: selecting.Known | None = None
) -> str:
    """Do what a decided sample leaves to do: select among several, divide the hole into parts.

    Args:
        store: the store.
        send: publishes messages.
        run: name of the run.
        hole_id: the hole.
        what: what became of it; nothing is done but for ``select`` and ``split``.
        known: what a selection rests on, None where that is to be read.

    Returns:
        What became of it by that.

    Raises:
        ServiceUnavailable: Redis or the broker cannot be reached; the sweeper sees to it.
    """
    if what == "select":
        what = selecting.select_fill(store, send, run, hole_id, known)
    if what == "split":
        split_hole(store, send, run, hole_id)
    return what


def split_hole(store: RunStore, send: Send, run: str, hole_id: HoleId) -> None:
    """Divide a hole that is left to be divided; nothing happens where somebody has done it.

    Raises:
        ServiceUnavailable: Redis or the broker cannot be reached; the sweeper will divide it.
    """
    info, hole = store.info(run), _load(store, run, hole_id)
    spots = care.spots(store, run, [(hole_id, "0")])
    if info is None or hole is None or not spots or not parts_of(hole):
        return
    plan = info.plans[spots[0].plan_no]
    for salt in range(_SALTS):
        parts = divide(hole, salt)
        new = [
            splitting.NewPart(one.id, one.model_dump_json(exclude_defaults=True), tokens_to_ask(one)) for one in parts
        ]
        done = splitting.split(store, run, hole_id, new, plan.models_at(0), SECTION_BYTES)
        if done.what == "ok":
            send(messages_for(run, plan, [parts[0].id], Cursor(), done.send_no))
        if done.what != "taken":
            return
    logger.warning("run %s: no free ids for the parts of hole %r", run, hole_id)


def as_asked(store: RunStore, run: str, hole: Hole) -> Hole:
    """A hole as it is asked for: with the fills of those it depends on; a part in the place of the whole.

    Args:
        store: the store.
        run: name of the run.
        hole: the hole, as it is stored.

    Raises:
        ServiceUnavailable: Redis cannot be reached.
    """
    if hole.part is None:
        pieces = pieces_from(store, run, hole)
        return hole.model_copy(update={"pieces": (*pieces, *hole.pieces)}) if pieces else hole
    whole = _load(store, run, hole.part.parent)
    assert whole is not None
    (known,) = reading.read_results(store.client, store.namespace, run, [whole.id])
    earlier = reading.read_results(store.client, store.namespace, run, known.child_ids[: hole.part.number])
    return in_place(hole, as_asked(store, run, whole), [one.code or "" for one in earlier])


def asks_others(hole: Hole) -> bool:
    """Whether other holes are to be looked at before a hole can be asked for (`as_asked`)."""
    return hole.part is not None or bool(hole.depends_on)


def join_parts(store: RunStore, send: Send, run: str, hole_id: HoleId, info: RunInfo) -> bool:
    """Close a hole whose parts have all come to an end: their fills joined are its fill, if they fit together.

    Args:
        store: the store.
        send: publishes messages.
        run: name of the run.
        hole_id: the hole.
        info: what is known of the run.

    Returns:
        Whether the hole has come to its end by it.

    Raises:
        ServiceUnavailable: Redis or the broker cannot be reached; the sweeper will join.
    """
    hole = _load(store, run, hole_id)
    spots = care.spots(store, run, [(hole_id, "0")])
    if hole is None or not spots:
        return False
    (known,) = reading.read_results(store.client, store.namespace, run, [hole_id])
    found = reading.read_results(store.client, store.namespace, run, known.child_ids)
    failure = _lacking(found)
    record = None
    if failure is None:
        record = _record(as_asked(store, run, hole), found, info.rules, spots[0].cursor.round_no)
        failure = (
            None if record.error in (None, selecting.UNVERIFIED) else Failure(record.error.kind, record.error.message)
        )
    step = "fail" if failure else "verify" if record and record.error else "accept"
    error = (failure.kind, failure.message) if failure else ("", "")
    finished, send_no = splitting.join(store, run, hole_id, step, record, error)
    if finished.what == "verify":
        cursor = spots[0].cursor
        send([VerifyMessage(run, info.plans[spots[0].plan_no].model_at(cursor), hole_id, cursor, send_no)])
    return finished.what in ("filled", "failed")


def _lacking(found: Sequence[HoleResult]) -> Failure | None:
    """Why the parts give no fill, where one of them has none."""
    for number, one in enumerate(found, 1):
        if one.status != "filled":
            why = f": {one.error.kind}: {one.error.message}" if one.error else ""
            return Failure("part", f"part {number} of {len(found)} has no fill{why}"[:500])
    return None


def _record(hole: Hole, found: Sequence[HoleResult], rules: RunRules, round_no: int) -> Attempt:
    """The record of the parts' fills joined, with what speaks against it."""
    read = _read(as_one(hole, [one.code or "" for one in found]), hole)
    error = ErrorRecord.of(read.failure) if read.failure else None
    if error is None and profile_of(hole, rules) is not None:
        error = selecting.UNVERIFIED
    return Attempt(
        candidate=0,
        round=round_no,
        model=", ".join(dict.fromkeys(name for one in found for name in (one.model or "").split(", "))),
        outcome="rejected" if error else "accepted",
        error=error,
        confidence=mean_confidence([one.confidence for one in found]),
        code=read.code,
        joined=True,
        at=time.time(),
    )


def _read(text: str, hole: Hole) -> Read:
    try:
        read = read_fill(text, hole)
    except Refused:  # what reads source code is not installed here
        return read_plainly(text)
    if read.failure is None and read.code.split() != text.split():
        # Of a reply something may be left out that does not belong to the fill; of parts all of it does.
        return Read(text, Failure("unusable", "the parts do not fit together in the place of the whole"), read.notes)
    return read


def _load(store: RunStore, run: str, hole_id: HoleId) -> Hole | None:
    found = reading.read_texts(store.client, store.namespace, run, [hole_id])
    return Hole.load(json.loads(found[0][0])) if found else None
