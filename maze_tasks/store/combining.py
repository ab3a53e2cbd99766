"""Calls of scripts that threads make at the same time, in one round trip.

The first thread that comes runs its own calls and those that gather meanwhile; the others wait for their results. With
one thread at a time nothing is different: while a round trip is under way, the next one fills. Only where calls come so
thick and fast that company is sure to come does a round trip wait for it. Source: flat combining (Hendler, Incze,
Shavit, Tzafrir 2010); databases commit groups of transactions so.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import redis

from maze_tasks.store.together import Combining, Step, run_each

MOST = 64  # calls in one round trip, or little more: Redis answers nobody else while it runs them
GATHER_S = 0.0006  # for which a round trip waits for company: about as long as it takes itself
THICK_S = 0.001  # between two calls on the average, where company is worth that
_SMOOTH = 0.05  # weight of the last time between two calls in their mean
_LONGEST_GAP_S = 0.1  # longer ones say that there was nothing to do


class Combiner(Combining):
    """Runs scripts for the threads of a process.

    Args:
        client: the server.
        now: seconds that pass.
        sleep: waits seconds.
    """

    def __init__(
        self,
        client: redis.Redis,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client, self._now, self._sleep = client, now, sleep
        self._came_at, self._gap_s = now(), _LONGEST_GAP_S
        self._lock = threading.Lock()
        self._waiting: list[_Call] = []
        self._busy = False

    def run_each(self, steps: Sequence[Step]) -> list[Any]:
        """Run some steps, all in one round trip, perhaps with those of other threads.

        Args:
            steps: each must bear repeating, for a broken connection repeats them all.

        Returns:
            The result of each, an error of its script in the place of one that failed.

        Raises:
            redis.RedisError: the server cannot be reached.
        """
        call, now = _Call(steps), self._now()
        with self._lock:
            gap_s = min(now - self._came_at, _LONGEST_GAP_S)
            self._came_at, self._gap_s = now, self._gap_s + _SMOOTH * (gap_s - self._gap_s)
            self._waiting.append(call)
            call.leads, self._busy = not self._busy, True
        if not call.leads:
            call.ready.acquire()
        if call.leads:
            self._lead()
        if call.error is not None:
            raise call.error
        return call.results

    def _lead(self) -> None:
        """Run what has gathered, the own call first, and hand the lead to the first that came too late for it."""
        if self._gap_s < THICK_S:
            self._sleep(GATHER_S)
        with self._lock:
            batch = self._take()
        steps = [step for call in batch for step in call.steps]
        results: list[Any] = []
        error: Exception | None = redis.ConnectionError("the thread that asked for others was ended")
        try:
            results, error = run_each(self._client, steps), None
        except Exception as raised:  # noqa: BLE001 - whatever it is, all that wait have to know
            error = raised
        finally:
            with self._lock:
                following = self._waiting[0] if self._waiting else None
                self._busy = following is not None
            start = 0
            for call in batch:
                call.results, call.error = results[start : start + len(call.steps)], error
                start += len(call.steps)
                if not call.leads:
                    call.ready.release()
            if following is not None:
                following.leads = True
                following.ready.release()

    def _take(self) -> list[_Call]:
        count = total = 0
        while count < len(self._waiting) and (count == 0 or total < MOST):
            total += len(self._waiting[count].steps)
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch


class _Call:
    """The calls of one thread: `ready` is let go once there are results, or once it has the lead."""

    __slots__ = ("error", "leads", "ready", "results", "steps")

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = steps
        self.results: list[Any] = []
        self.error: Exception | None = None
        self.leads = False
        self.ready = threading.Lock()
        self.ready.acquire()
