"""What the store says while faults are played: who holds which call, and when it went on elsewhere."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import redis

from benchmarks.faults.scene import RUN, TIGHT
from maze_tasks.store.keys import RunKeys

LOOK_EVERY_S = 0.2
RUNS = {run: RunKeys("maze", run) for run in (RUN, TIGHT)}


@dataclass(frozen=True, slots=True)
class Lease:
    """A call that somebody holds.

    Args:
        run: its run.
        member: hole and sample, as the store's sorted set has them.
        attempt: who holds it.
        worker: in which process, as ``host:pid``.
    """

    run: str
    member: str
    attempt: str
    worker: str


@dataclass
class Fault:
    """One fault that was played.

    Args:
        what: it was.
        at: seconds since 1970.
        lasted_s: how long it lasted, where it did.
        victims: the processes struck, as ``host:pid``.
        in_flight: calls that they held; None until it is known.
        on_s: seconds until all of them had gone on, by being sent again or committed after all; None where there were
            none, or one never did.
        away: whether it took the store from everybody while it lasted.
    """

    what: str
    at: float = field(default_factory=time.time)
    lasted_s: float | None = None
    victims: tuple[str, ...] = ()
    in_flight: int | None = None
    on_s: float | None = None
    away: bool = False


def leases(client: redis.Redis) -> list[Lease]:
    """Every call that is held."""
    places = [(run, str(member)) for run, keys in RUNS.items() for member in client.zrange(keys.leases, 0, -1)]
    found = []
    for (run, member), (attempt, worker) in zip(places, _holders(client, places), strict=True):
        if attempt is not None:
            found.append(Lease(run, member, attempt, json.loads(worker or '""')))
    return found


def _holders(client: redis.Redis, places: Sequence[tuple[str, str]]) -> list[list[Any]]:
    pipe = client.pipeline(transaction=False)
    for run, member in places:
        hole, _, sample = member.rpartition("|")
        pipe.hmget(RUNS[run].hole(hole), [f"{sample}.l", f"{sample}.w"])
    return list(pipe.execute())


def progress(client: redis.Redis, run: str) -> tuple[int, int, str]:
    """Holes that are stored, those that have come to their end, and the state of a run; '' before there is one."""
    fields = ["holes", "n:filled", "n:failed", "n:skipped", "n:needs_review", "state"]
    *counts, state = client.hmget(RUNS[run].meta, fields)
    holes, *closed = (int(count or 0) for count in counts)
    return holes, sum(closed), str(state or "")


class Watch:
    """Waits, in a thread of its own, until what was held by victims has gone on."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._waiting: list[tuple[Fault, list[Lease] | None]] = []
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def struck(self, fault: Fault) -> None:
        """Take down what the victims of a fault hold, now or as soon as the store can be read."""
        held = None
        with suppress(redis.RedisError):
            held = self._held(fault)
        with self._lock:
            self._waiting.append((fault, held))

    def _held(self, fault: Fault) -> list[Lease]:
        held = [lease for lease in leases(self._client) if lease.worker in fault.victims]
        fault.in_flight = len(held)
        return held

    def _look(self) -> None:
        while not self._end.wait(LOOK_EVERY_S):
            with self._lock:
                waiting = list(self._waiting)
            with suppress(redis.RedisError):
                left = [(fault, self._left(fault, held)) for fault, held in waiting]
                with self._lock:
                    self._waiting = [one for one in left if one[1]] + self._waiting[len(waiting) :]

    def _left(self, fault: Fault, held: list[Lease] | None) -> list[Lease]:
        """Those that have not gone on yet."""
        known = self._held(fault) if held is None else held
        if not known:
            return []
        pipe = self._client.pipeline(transaction=False)
        for lease in known:
            pipe.zscore(RUNS[lease.run].leases, lease.member)
        listed = pipe.execute()
        holders = _holders(self._client, [(lease.run, lease.member) for lease in known])
        left = [
            lease
            for lease, score, (attempt, _) in zip(known, listed, holders, strict=True)
            if score is not None and attempt == lease.attempt
        ]
        if not left:
            fault.on_s = time.time() - fault.at
        return left
