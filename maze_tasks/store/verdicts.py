"""Judging fills: a lease on the verification of a sample, and its verdict committed once."""

from __future__ import annotations

from dataclasses import dataclass

from maze_tasks.models.runs import Attempt, HoleStatus
from maze_tasks.names import FORMAT_VERSION, VERIFIERS, encode_id
from maze_tasks.store.connection import translated
from maze_tasks.store.runs import Finished, RunStore, Ticket
from maze_tasks.store.scripts import Arg, script


@dataclass(frozen=True, slots=True)
class Inspected:
    """Answer of `inspect`.

    Args:
        verdict: ``go``, or why not, as `Begun.verdict`.
        text: the hole as JSON, with ``go``.
        plan_no: number of its plan.
        attempt: the attempt whose fill is to be judged.
    """

    verdict: str
    text: str = ""
    plan_no: int = 0
    attempt: Attempt | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and what follows from it.

    Args:
        attempt: the record with its verdict.
        step: ``accept, next, round, fail`` or ``close``.
        error: kind and message of what the hole failed of, with ``fail``.
        status: status that the hole ends with, with ``fail``.
    """

    attempt: Attempt
    step: str
    error: tuple[str, str] = ("", "")
    status: HoleStatus = "failed"


def inspect(store: RunStore, ticket: Ticket, attempt_id: str) -> Inspected:
    """Ask for a lease on the verification of one sample of a hole.

    Args:
        store: the store.
        ticket: what the message asks for.
        attempt_id: drawn by the worker.
    """
    keys, hid, at = store.keys(ticket.run), encode_id(ticket.hole_id), ticket.cursor
    names = [keys.meta, keys.hole(hid), keys.text(hid), keys.attempts(hid), keys.leases, keys.queued(VERIFIERS)]
    args: list[Arg] = [
        hid, at.round_no, at.candidate, at.sample, ticket.send_no, attempt_id, store.lease_ms, FORMAT_VERSION
    ]  # fmt: skip
    with translated():
        verdict, *rest = script("inspect").run(store.client, names, args)
    if verdict != "go":
        return Inspected(verdict)
    text, plan_no, _index, record = rest
    return Inspected("go", text, int(plan_no), Attempt.model_validate_json(record))


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
        hid, ticket.cursor.sample, attempt_id, record, attempt.model, attempt.outcome, judgement.step,
        *judgement.error, judgement.status,
    ]  # fmt: skip
    with translated():
        what, *rest = script("judge").run(store.client, names, args)
    return Finished(rest[0]) if what == "ok" else Finished(what)
