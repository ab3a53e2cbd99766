"""What the sweeper and run control ask of the store: who is overdue, send again, select, close, expire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from maze_tasks.models.runs import TERMINAL_STATES, Attempt, Cursor, HoleStatus, RunState
from maze_tasks.names import FORMAT_VERSION, VERIFIERS, HoleId, decode_id, encode_id, suspects_of
from maze_tasks.store.connection import translated
from maze_tasks.store.keys import RunKeys, active_key, ended_key, runs_key, sweeper_key
from maze_tasks.store.runs import SELECT_MEMBER, Finished, RunStore, record_tail
from maze_tasks.store.scripts import Arg, ScriptCall, run_many, script
from maze_tasks.store.together import Step, run_together

_UNLINK = 1000  # keys removed at once
SET_ASIDE = -1  # in the place of a send number
_ASIDE = "workers died whenever it was tried, at the end with nothing else to do; its lost attempts say which and when"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a sample of a hole stands.

    Args:
        hole_id: the hole.
        cursor: its cursor, with the sample in question.
        plan_no: number of its plan.
        status: status of the hole.
        samples: samples asked of each candidate.
        verifying: whether the sample's fill waits for its verification.
    """

    hole_id: HoleId
    cursor: Cursor
    plan_no: int
    status: str
    samples: int
    verifying: bool = False


Member = tuple[HoleId, str]  # hole id, sample number or `SELECT_MEMBER`


def server_ms(store: RunStore) -> int:
    """Redis's own clock in milliseconds."""
    with translated():
        seconds, micros = store.client.time()
    return int(seconds) * 1000 + int(micros) // 1000


def active_runs(store: RunStore) -> list[str]:
    """Runs that the sweeper looks after; those whose records are of a newer format are left to workers that know it."""
    with translated():
        runs = sorted(str(run) for run in store.client.smembers(active_key(store.namespace)))
        pipe = store.client.pipeline(transaction=False)
        for run in runs:
            pipe.hget(store.keys(run).meta, "version")
        versions = pipe.execute() if runs else []
    return [run for run, version in zip(runs, versions, strict=True) if int(version or 0) <= FORMAT_VERSION]


def overdue(store: RunStore, run: str, now_ms: int, limit: int = 500) -> tuple[list[Member], list[Member]]:
    """Samples whose lease ran out, and samples (or selections) whose wait is over."""
    keys = store.keys(run)
    with translated():
        pipe = store.client.pipeline(transaction=False)
        pipe.zrangebyscore(keys.leases, "-inf", now_ms, start=0, num=limit)
        pipe.zrangebyscore(keys.due, "-inf", now_ms, start=0, num=limit)
        leases, due = pipe.execute()
    return [_member(text) for text in leases], [_member(text) for text in due]


def next_due_ms(store: RunStore, run: str) -> int | None:
    """When the next wait of a run ends, in milliseconds of Redis's clock; None without any."""
    with translated():
        first = store.client.zrange(store.keys(run).due, 0, 0, withscores=True)
    return int(first[0][1]) if first else None


def queued_before(store: RunStore, run: str, model: str, before_ms: int, limit: int = 500) -> list[Member]:
    """Samples sent to a model's queue before a time that have not begun."""
    with translated():
        found = store.client.zrangebyscore(store.keys(run).queued(model), "-inf", before_ms, start=0, num=limit)
    return [_member(str(text)) for text in found]


def spots(store: RunStore, run: str, members: Sequence[Member]) -> list[Spot]:
    """Where samples stand now; unknown holes are left out."""
    keys = store.keys(run)
    with translated():
        pipe = store.client.pipeline(transaction=False)
        for hole_id, sample in members:
            pipe.hmget(keys.hole(encode_id(hole_id)), ["st", "rd", "ca", "pl", "n", f"{sample}.v"])
        rows = pipe.execute()
    found = []
    for (hole_id, sample), (status, round_no, candidate, plan_no, samples, judged) in zip(members, rows, strict=True):
        if status is not None:
            number = -1 if sample == SELECT_MEMBER else int(sample)
            cursor = Cursor(int(round_no), int(candidate), number)
            found.append(Spot(hole_id, cursor, int(plan_no), status, int(samples), judged is not None))
    return found


@dataclass(frozen=True, slots=True)
class Sending:
    """What became of a sample that was to be sent again.

    Args:
        number: its new send number, 0 where there is nothing to send; `SET_ASIDE` where its workers died too often.
        suspect: whether it goes to the suspects' queue.
    """

    number: int
    suspect: bool = False


def resend(
    store: RunStore, run: str, asked: Sequence[tuple[Spot, Attempt]], *, holders_gone: bool = False
) -> list[Sending]:
    """Draw a new send number for samples, in one round trip; set aside those whose workers died too often.

    Args:
        store: the store.
        run: name of the run.
        asked: spot, and the record to keep of its holder should it be set aside; it names the model of the cursor.
        holders_gone: whether leases count as run out, since no worker can be alive that holds one.

    Returns:
        What became of each.
    """
    keys = store.keys(run)
    calls: list[ScriptCall] = []
    for spot, lost in asked:
        hid, at = encode_id(spot.hole_id), spot.cursor
        lane = VERIFIERS if spot.verifying else lost.model
        names = [
            keys.meta, keys.hole(hid), keys.leases, keys.due, keys.queued(lane), keys.queued(suspects_of(lane)),
            keys.attempts(hid), keys.accounts, keys.events, keys.aside,
        ]  # fmt: skip
        args: list[Arg] = [
            hid, at.sample, at.round_no, at.candidate, int(holders_gone), int(spot.verifying), lost.model,
            record_tail(lost), _ASIDE,
        ]  # fmt: skip
        calls.append((names, args))
    with translated():
        return [Sending(int(number), bool(suspect)) for number, suspect in run_many(store.client, "resend", calls)]


@dataclass(frozen=True, slots=True)
class Selection:
    """What is to become of a candidate whose samples are all closed.

    Args:
        step: ``accept, next, round`` or ``fail``.
        winner: index in the attempts and the winning record, with ``accept``.
        following: the model of each sample of the candidate that follows, with ``next`` and ``round``.
        error: kind and message, with ``fail``.
        status: status that the hole ends with, with ``fail``.
    """

    step: str
    winner: tuple[int, Attempt] | None = None
    following: tuple[str, ...] = ()
    error: tuple[str, str] = ("", "")
    status: HoleStatus = "failed"


def commit_selection(store: RunStore, run: str, spot: Spot, selection: Selection) -> tuple[Finished, int]:
    """Close a candidate whose samples are all closed, once.

    Args:
        store: the store.
        run: name of the run.
        spot: where the hole stands.
        selection: what is to become of it.

    Returns:
        What became of it (``filled, next, round, stale`` or a status), and the send number of the group that follows.
    """
    keys, hid = store.keys(run), encode_id(spot.hole_id)
    index, attempt = selection.winner or (0, None)
    names = [
        keys.meta, keys.hole(hid), keys.attempts(hid), keys.accounts, keys.events,
        keys.due, *map(keys.queued, selection.following),
    ]  # fmt: skip
    args: list[Arg] = [
        hid, spot.cursor.round_no, spot.cursor.candidate, selection.step, index,
        attempt.model_dump_json(exclude_none=True, exclude_defaults=True) if attempt else "",
        attempt.model if attempt else "", *selection.error, selection.status,
    ]  # fmt: skip
    with translated():
        what, *rest = run_together(store.calls, [Step(script("select"), names, args)])[0]
    if what != "ok":
        return Finished(what), 0
    return Finished(rest[0]), int(rest[1]) if len(rest) > 1 else 0


def set_state(store: RunStore, run: str, to: RunState, came_from: Sequence[RunState]) -> str:
    """Move a run to a state if it is in one of some others; the state it has now, '' if there is no such run."""
    keys = store.keys(run)
    with translated():
        state = str(script("state").run(store.client, [keys.meta, keys.events], [to, *came_from]))
        if state == "running":
            store.client.sadd(active_key(store.namespace), run)
    return state


def exhaust(store: RunStore, run: str) -> bool:
    """End a run whose deadline has passed, once; True where it was done here."""
    keys = store.keys(run)
    with translated():
        return bool(script("exhaust").run(store.client, [keys.meta, keys.events], []))


def set_limits(store: RunStore, run: str, *, budget_nano: int | None, deadline_ms: int | None) -> None:
    """Set a run's budget (nano-USD) or deadline (milliseconds of Redis's clock); what is None stays as it is."""
    limits = {"budget": budget_nano, "deadline": deadline_ms}
    with translated():
        for name, value in limits.items():
            if value is not None:
                store.client.hset(store.keys(run).meta, name, value)


def drop(store: RunStore, run: str, holes: Sequence[tuple[HoleId, tuple[str, ...]]], holders_gone: bool = False) -> int:  # noqa: FBT001, FBT002
    """Close holes of a run that is being cancelled, but those with a call running.

    Args:
        store: the store.
        run: name of the run.
        holes: id of each, and the model of each of its samples.
        holders_gone: whether leases count as run out.

    Returns:
        How many were closed.
    """
    keys = store.keys(run)
    calls: list[ScriptCall] = []
    for hole_id, models in holes:
        hid = encode_id(hole_id)
        names = [keys.meta, keys.hole(hid), keys.events, keys.leases, keys.due, *map(keys.queued, models)]
        calls.append((names, [hid, int(holders_gone)]))
    with translated():
        return sum(int(closed) for closed in run_many(store.client, "drop", calls))


def retire(store: RunStore, run: str, *, expires_at: float) -> None:
    """Take an ended run from the sweeper's list and say when it expires (unix seconds)."""
    with translated():
        pipe = store.client.pipeline(transaction=False)
        pipe.zadd(ended_key(store.namespace), {run: expires_at})
        pipe.srem(active_key(store.namespace), run)
        pipe.hget(store.keys(run).meta, "state")
        state = pipe.execute()[-1]
    if state not in TERMINAL_STATES:
        look_after(store, run)  # somebody has let its failed holes be tried again meanwhile


def look_after(store: RunStore, run: str) -> None:
    """Put a run, which may have ended before, on the sweeper's list."""
    with translated():
        pipe = store.client.pipeline(transaction=False)
        pipe.sadd(active_key(store.namespace), run)
        pipe.zrem(ended_key(store.namespace), run)
        pipe.execute()


def expired_runs(store: RunStore, now_s: float) -> list[str]:
    """Ended runs whose time has come."""
    with translated():
        return [str(run) for run in store.client.zrangebyscore(ended_key(store.namespace), "-inf", now_s)]


def expire(store: RunStore, run: str) -> None:
    """Remove what a run holds of its holes; its counts and accounts stay, so that metrics keep their sums."""
    keys, client = store.keys(run), store.client
    with translated():
        while ids := client.lrange(keys.ids, 0, _UNLINK // 5):
            names = [str(hid) for hid in ids]
            doomed = [key for hid in names for key in _keys_of(keys, hid)]
            client.unlink(*doomed)
            client.ltrim(keys.ids, len(ids), -1)
        models = {str(name).partition("|")[2] for name in client.hkeys(keys.accounts)}
        lanes = [*sorted(models), VERIFIERS]
        queued = [keys.queued(lane) for lane in (*lanes, *map(suspects_of, lanes))]
        client.unlink(keys.leases, keys.due, keys.events, keys.plans, keys.ids, keys.aside, *queued)
        client.hset(keys.meta, "state", "expired")
        client.zrem(ended_key(store.namespace), run)


def _keys_of(keys: RunKeys, hid: str) -> tuple[str, ...]:
    return keys.hole(hid), keys.text(hid), keys.attempts(hid), keys.parents(hid), keys.children(hid)


def forget(store: RunStore, run: str) -> None:
    """Remove a run altogether, its accounts too."""
    expire(store, run)
    keys = store.keys(run)
    with translated():
        store.client.unlink(keys.meta, keys.accounts, keys.notes)
        store.client.zrem(runs_key(store.namespace), run)
        store.client.srem(active_key(store.namespace), run)


def take_sweeper(store: RunStore, owner: str, hold_ms: int) -> bool:
    """Whether `owner` is the one sweeper, for another `hold_ms`."""
    key = sweeper_key(store.namespace)
    with translated():
        if store.client.set(key, owner, nx=True, px=hold_ms):
            return True
        if store.client.get(key) == owner:
            store.client.pexpire(key, hold_ms)
            return True
    return False


def _member(text: str) -> Member:
    hid, _, sample = text.rpartition("|")
    return decode_id(hid), sample
