"""The record of an attempt whose worker never came back."""

from __future__ import annotations

import time

from maze_tasks.models.runs import Attempt, Cursor, ErrorRecord

_GONE = ErrorRecord(kind="lost", message="the worker did not come back; the call may have been paid for")


def lost_record(cursor: Cursor, model: str) -> Attempt:
    """The record of a lease's holder that never came back; the script that keeps it adds its cost and worker.

    Args:
        cursor: where its hole stands.
        model: the endpoint that it was to ask.
    """
    return Attempt(
        candidate=cursor.candidate,
        round=cursor.round_no,
        sample=cursor.sample,
        model=model,
        outcome="lost",
        error=_GONE,
        unsettled=True,
        at=time.time(),
    )
