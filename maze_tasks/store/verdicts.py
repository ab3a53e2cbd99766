"""Judging fills: a lease on the verification of a sample, and its verdict committed once."""

from __future__ import annotations

from dataclasses import dataclass

from maze_tasks.models.runs import Attempt, HoleStatus
from maze_tasks.names import FORMAT_VERSION, VERIFIERS, encode_id, suspects_of
from maze_tasks.store.connection import translated
from maze_tasks.store.runs import Finished, RunStore, Ticket
from maze_tasks.store.scripts import Arg, script

DEATHS = 3  # workers that a verification may end while it is their only work; as of fills (ALONE in _shared.lua)


@dataclass(frozen=True, slots=True)
class Inspected:
    """Answer of `inspect`.

    Args:
        verdict: ``go``, or why not, as `Begun.verdict`.
        text: the hole as JSON, with ``go``.
        plan_no: number of its plan.
        attempt: the attempt whose fill is to be judged.
        deaths: times that a worker died over it with nothing else to do.
        declined: times that a worker could not judge it.
        declined_ms: milliseconds since the first of these, or since a command last judged anything of the run.
    """

    verdict: str
    text: str = ""
    plan_no: int = 0
    attempt: Attempt | None = None
    deaths: int = 0
    declined: int = 0
    declined_ms: int = 0


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and what follows from it.

    Args:
        attempt: the record with its verdict.
        step: ``accept, next, round, fail`` or ``close``.
        error: kind and message of what the hole failed of, with ``fail``.
        status: status that the hole ends with, with ``fail``.
        ran: whether a command judged the fill, so that there is a worker which can.
    """

    attempt: Attempt
    step: str
    error: tuple[str, str] = ("", "")
    status: HoleStatus = "failed"
    ran: bool = False


def inspect(store: RunStore, ticket: Ticket, attempt_id: str) -> Inspected:
    """Ask for a lease on the verification of one sample of a hole.

    Args:
        store: the store.
        ticket: what the message asks for.
        attempt_id: drawn by the worker.
    """
    keys, hid, at = store.keys(ticket.run), encode_id(ticket.hole_id), ticket.cursor
    names = [
        keys.meta, keys.hole(hid), keys.text(hid), keys.attempts(hid), keys.leases, keys.queued(VERIFIERS),
        keys.queued(suspects_of(VERIFIERS)),
    ]  # fmt: skip
    args: list[Arg] = [
        hid, at.round_no, at.candidate, at.sample, ticket.send_no, attempt_id, store.lease_ms, FORMAT_VERSION
    ]  # fmt: skip
    with translated():
        verdict, *rest = script("inspect").run(store.client, names, args)
    if verdict != "go":
        return Inspected(verdict)
    text, plan_no, _index, record, *past = rest
    return Inspected("go", text, int(plan_no), Attempt.model_validate_json(record), *map(int, past))


def decline(store: RunStore, ticket: Ticket, attempt_id: str, *, wait_ms: int) -> bool:
    """Give a lease back undecided, so that somebody else is asked.

    Args:
        store: the store.
        ticket: what the verification was for.
        attempt_id: the holder of the lease.
        wait_ms: how long the fill waits before it is offered again.

    Returns:
        Whether it was given back; False where it was lost already.
    """
    keys, hid = store.keys(ticket.run), encode_id(ticket.hole_id)
    names = [keys.hole(hid), keys.leases, keys.due]
    with translated():
        return bool(script("decline").run(store.client, names, [hid, ticket.cursor.sample, attempt_id, wait_ms]))


def judge(
    store: RunStore, ticket: Ticket, attempt_id: str, judgement: Judgement, *, next_model: str | None
) -> Finished:
    """Commit a verdict, once, however often it is called.

    Args:
        store: the store.
        ticket: what the verification was for.
        attempt_id: the holder of the lease.
        judgement: the verdict and what follows.
        next_model: the candidate that follows, if one does.
    """
    keys, hid = store.keys(ticket.run), encode_id(ticket.hole_id)
    attempt = judgement.attempt
    names = [
        keys.meta, keys.hole(hid), keys.attempts(hid), keys.accounts, keys.leases, keys.events, keys.due,
        keys.queued(next_model or attempt.model),
    ]  # fmt: skip
    record = attempt.model_dump_json(exclude_none=True, exclude_defaults=True)
    args: list[Arg] = [
        hid, ticket.cursor.sample, attempt_id, record, "" if attempt.joined else attempt.model, attempt.outcome,
        judgement.step, *judgement.error, judgement.status, int(judgement.ran),
    ]  # fmt: skip
    with translated():
        what, *rest = script("judge").run(store.client, names, args)
    return Finished(rest[0]) if what == "ok" else Finished(what)
