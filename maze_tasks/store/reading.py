"""Reading runs: status, results, attempts, accounts. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import redis

from maze_tasks.models.runs import Attempt, ErrorRecord, HoleResult, ModelAccount, RunStatus
from maze_tasks.names import HoleId, decode_id, encode_id
from maze_tasks.store.connection import translated
from maze_tasks.store.keys import RunKeys, runs_key

_PAGE = 500  # holes read in one round trip
_RECENT = 5  # runs that say how fast a model is now


def read_status(client: redis.Redis, namespace: str, run: str) -> RunStatus | None:
    """Counts of a run, or None where there is none of that name."""
    keys = RunKeys(namespace, run)
    with translated():
        pipe = client.pipeline(transaction=False)
        pipe.hgetall(keys.meta)
        pipe.smembers(keys.notes)
        pipe.zcard(keys.aside)
        meta, notes, aside = pipe.execute()
    if "state" not in meta:
        return None
    counts = {name.removeprefix("n:"): int(value) for name, value in meta.items() if name.startswith("n:")}
    totals = {name: int(meta.get(name, 0)) for name in _TOTALS}
    finished = meta.get("finished_ms")
    return RunStatus(
        run=run,
        state=meta["state"],
        created_at=int(meta["created_ms"]) / 1000,
        finished_at=int(finished) / 1000 if finished else None,
        sealed=meta.get("sealed") == "1",
        input_digest=meta.get("input", ""),
        config_digest=meta.get("config", ""),
        version=int(meta.get("version", 1)),
        notes=tuple(sorted(notes)),
        budget_nano=int(meta["budget"]) if "budget" in meta else None,
        deadline_at=int(meta["deadline"]) / 1000 if "deadline" in meta else None,
        stopped_by=meta.get("why") if meta["state"] == "exhausted" else None,
        set_aside=int(aside),
        **counts,
        **totals,
    )


_COSTS = ("cost_nano", "repeated_nano", "unsettled_nano")
_TOTALS = ("holes", "attempts", "fallbacks", "repeated", "late", "cached", "simulated", "parts", *_COSTS)


def list_runs(client: redis.Redis, namespace: str) -> list[str]:
    """Names of all runs, oldest first."""
    with translated():
        return [str(name) for name in client.zrange(runs_key(namespace), 0, -1)]


def read_accounts(client: redis.Redis, namespace: str, run: str) -> dict[str, ModelAccount]:
    """Accounts of a run by model."""
    with translated():
        flat = client.hgetall(RunKeys(namespace, run).accounts)
    return accounts_of(flat)


def accounts_of(flat: Mapping[Any, Any]) -> dict[str, ModelAccount]:
    """Accounts by model from the stored form ``<count>|<model>``."""
    fields: dict[str, dict[str, int]] = {}
    for name, value in flat.items():
        count, _, model = str(name).partition("|")
        fields.setdefault(model, {})[count] = int(value)
    return {model: ModelAccount(**counts) for model, counts in sorted(fields.items())}


def recent_latency(client: redis.Redis, namespace: str) -> dict[str, float]:
    """Mean seconds of a model's usable replies over the latest runs; models that gave none are left out."""
    with translated():
        names = client.zrange(runs_key(namespace), -_RECENT, -1)
        pipe = client.pipeline(transaction=False)
        for run in names:
            pipe.hgetall(RunKeys(namespace, str(run)).accounts)
        pages = pipe.execute()
    totals: dict[str, ModelAccount] = {}
    for flat in pages:
        for model, account in accounts_of(flat).items():
            totals[model] = totals.get(model, ModelAccount()) + account
    return {name: one.success_latency_us / one.successes / 1e6 for name, one in totals.items() if one.successes}


def total_accounts(client: redis.Redis, namespace: str) -> dict[str, ModelAccount]:
    """Accounts by model, summed over all runs."""
    totals: dict[str, ModelAccount] = {}
    names = list_runs(client, namespace)
    for start in range(0, len(names), _PAGE):
        with translated():
            pipe = client.pipeline(transaction=False)
            for run in names[start : start + _PAGE]:
                pipe.hgetall(RunKeys(namespace, run).accounts)
            pages = pipe.execute()
        for flat in pages:
            for model, account in accounts_of(flat).items():
                totals[model] = totals.get(model, ModelAccount()) + account
    return dict(sorted(totals.items()))


def iter_ids(client: redis.Redis, namespace: str, run: str, *, page: int = _PAGE) -> Iterator[list[HoleId]]:
    """Hole ids of a run in order of submission, a page at a time."""
    key = RunKeys(namespace, run).ids
    start = 0
    while True:
        with translated():
            found = client.lrange(key, start, start + page - 1)
        if not found:
            return
        yield [decode_id(str(hid)) for hid in found]
        start += len(found)


def read_results(client: redis.Redis, namespace: str, run: str, hole_ids: Sequence[HoleId]) -> list[HoleResult]:
    """What became of some holes, in one round trip.

    Args:
        client: the server.
        namespace: prefix of every key.
        run: name of the run.
        hole_ids: ids of holes; those the run does not know are left out.
    """
    keys = RunKeys(namespace, run)
    with translated():
        pipe = client.pipeline(transaction=False)
        for hole_id in hole_ids:
            hid = encode_id(hole_id)
            pipe.hmget(keys.hole(hid), ["st", "wn", "ek", "em", "pa", "kids"])
            pipe.lrange(keys.attempts(hid), 0, -1)
        flat = pipe.execute()
    pairs = zip(hole_ids, flat[0::2], flat[1::2], strict=True)
    return [_result(hole_id, state, records) for hole_id, state, records in pairs if state[0] is not None]


def iter_results(client: redis.Redis, namespace: str, run: str) -> Iterator[HoleResult]:
    """What became of every hole, in order of submission, in bounded memory."""
    for ids in iter_ids(client, namespace, run):
        yield from read_results(client, namespace, run, ids)


def iter_texts(client: redis.Redis, namespace: str, run: str) -> Iterator[tuple[str, HoleResult]]:
    """Every hole as its JSON text with what became of it, in order of submission, in bounded memory."""
    for ids in iter_ids(client, namespace, run):
        yield from read_texts(client, namespace, run, ids)


def read_texts(
    client: redis.Redis, namespace: str, run: str, hole_ids: Sequence[HoleId]
) -> list[tuple[str, HoleResult]]:
    """Some holes as their JSON text with what became of them; those the run does not know are left out."""
    keys = RunKeys(namespace, run)
    with translated():
        texts = client.mget([keys.text(encode_id(hole_id)) for hole_id in hole_ids])
    found = {result.hole_id: result for result in read_results(client, namespace, run, hole_ids)}
    pairs = zip(hole_ids, texts, strict=True)
    return [(str(text), found[hole_id]) for hole_id, text in pairs if text is not None and hole_id in found]


def read_attempts(client: redis.Redis, namespace: str, run: str, hole_id: HoleId) -> list[Attempt]:
    """Attempts of one hole in the order they were decided."""
    with translated():
        records = client.lrange(RunKeys(namespace, run).attempts(encode_id(hole_id)), 0, -1)
    return [Attempt.model_validate_json(record) for record in records]


def _result(hole_id: HoleId, state: list[Any], records: list[str]) -> HoleResult:
    status, winner, error_kind, error_message, parent, kids = state
    attempts = tuple(Attempt.model_validate_json(record) for record in records)
    won = attempts[int(winner)] if winner is not None else None
    return HoleResult(
        hole_id=hole_id,
        status=status,
        model=won.model if won else None,
        code=won.code if won else None,
        confidence=won.confidence if won else None,
        attempts=attempts,
        fallbacks=sum(attempt.candidate > 0 for attempt in attempts),
        cost_nano=sum(attempt.cost_nano for attempt in attempts),
        latency_ms=round(sum(attempt.latency_ms for attempt in attempts), 3),
        error=ErrorRecord(kind=error_kind, message=error_message or "") if error_kind else None,
        parent_id=decode_id(parent) if parent else None,
        child_ids=tuple(map(decode_id, kids.split())) if kids else (),
    )
