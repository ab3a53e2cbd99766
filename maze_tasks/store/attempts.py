"""What an attempt brings to the store, and what the store answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maze_tasks.models.runs import Attempt, Cursor, HoleStatus
from maze_tasks.names import HoleId
from maze_tasks.record import record


@record
class Ticket:
    """What a message asks for: one sample of one hole at one cursor.

    Args:
        run: name of the run.
        hole_id: id of the hole.
        cursor: where the message believes the hole to stand.
        send_no: number of the sending that this message belongs to.
        model: the candidate's name.
    """

    run: str
    hole_id: HoleId
    cursor: Cursor
    send_no: int
    model: str


@record
class Begun:
    """Answer of `RunStore.begin`.

    Args:
        verdict: ``go``, or why not: ``gone, newer, stopped, done, closed, stale, leased, ahead, behind,
            unfit``; ``spent``: the run's deadline has passed.
        text: the hole as JSON, with ``go``.
        plan_no: number of its plan in the run's table.
        repeated: whether a call that may have been paid for is repeated.
        retries: deliberate retries made at this candidate so far.
        suspect: whether the hole is tried among the suspects, its leases having run out before.
        before: the last attempts at earlier candidates and rounds, at most three.
        on: with ``behind``, whether the hole stands open at the next candidate of this very chain.
        left_ms: milliseconds until the run's deadline, None where it has none.
        budgeted: whether the run has a budget, of which a call is to be reserved.
    """

    verdict: str
    text: str = ""
    plan_no: int = 0
    repeated: bool = False
    retries: int = 0
    suspect: bool = False
    before: tuple[Attempt, ...] = ()
    on: bool = False
    left_ms: int | None = None
    budgeted: bool = False


@record
class Stored:
    """A hole as it is stored, read ahead of an attempt.

    Args:
        text: the hole as JSON.
        before: its last attempts, at most three; none where they were not read.
    """

    text: str
    before: tuple[Attempt, ...] = ()


@record
class Began:
    """What an attempt began with, by which a server that has forgotten its lease gives it back.

    Args:
        retries: deliberate retries made at its candidate before.
        repeated: whether its call repeats one that was lost.
        most_nano: what its call may cost at most, in nano-USD: what it costs should its worker be lost.
    """

    retries: int
    repeated: bool
    most_nano: int


@record
class Commit:
    """One decided attempt and what follows from it.

    Args:
        attempt: the record.
        step: ``accept, next, round, retry, fail`` or ``close``.
        wait_ms: with ``retry``, how long the hole waits.
        error_kind: with ``fail``, what the hole failed of.
        error_message: with ``fail``, for people.
        status: with ``fail``, the status that the hole ends with.
        counts: changes of the model's account by name of the count.
        retries: deliberate retries made at the candidate when the attempt began; -1 where a server that has forgotten
            the lease is to refuse the commit.
    """

    attempt: Attempt
    step: str
    counts: Mapping[str, int]
    wait_ms: int = 0
    error_kind: str = ""
    error_message: str = ""
    status: HoleStatus = "failed"
    retries: int = -1


@record
class Finished:
    """Answer of `RunStore.finish`.

    Args:
        what: ``filled, next, round, retry, failed, skipped, needs_review, cancelled, open, select``, or ``gone`` or
            ``late``: nothing was changed.
        on: with ``late``, whether the hole stands open at the next candidate.
        beside: the answers of the steps that went along, None for one that failed.
        records: with ``select``, all records of the hole as JSON, in the order they were decided.
    """

    what: str
    on: bool = False
    beside: tuple[Any, ...] = ()
    records: tuple[str, ...] = ()
