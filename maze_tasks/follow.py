"""Following a run to its end: what is known now, as often as it changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from maze_tasks import control
from maze_tasks.errors import ServiceUnavailable
from maze_tasks.models.runs import RunStatus
from maze_tasks.store.runs import RunStore
from maze_tasks.store.waking import SETTLE_S, wait_for_event

POLL_S = 0.25  # between two looks at a run that changes all the time
_AWAY_S = 600.0  # how long Redis may be away before following is given up; the run itself does not care
_TELL_EVERY_S = 30.0  # while it is


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a run gets on.

    Args:
        per_s: holes closed per second since following began; 0 before the first.
        eta_s: seconds left at that rate; None where it cannot be told.
    """

    per_s: float
    eta_s: float | None


def follow(
    store: RunStore,
    run: str,
    *,
    poll_s: float = POLL_S,
    sleep: Callable[[float], None] = time.sleep,
    tell: Callable[[str], None] | None = None,
) -> Iterator[RunStatus]:
    """Status of a run again and again; the last one is that of the ended (or paused) run.

    Args:
        store: the store.
        run: name of the run.
        poll_s: least time between two statuses, in seconds.
        sleep: waits seconds.
        tell: told now and then that Redis is away.

    Raises:
        UnknownRun: there is none of that name.
        ServiceUnavailable: Redis has been away for ten minutes.
    """
    away_since: float | None = None
    told_at = 0.0
    last_event = "0"  # whatever happens from now on, or has happened while the first status was read
    while True:
        try:
            status = control.status(store, run)
            away_since = None
            yield status
            if status.ended or status.state == "paused":
                return
            sleep(max(poll_s - SETTLE_S, 0.0))
            last_event = wait_for_event(store, run, last_event, sleep)
        except ServiceUnavailable as error:
            now = time.monotonic()
            away_since = now if away_since is None else away_since
            if now - away_since > _AWAY_S:
                raise
            if tell is not None and now - told_at >= _TELL_EVERY_S:
                told_at = now
                tell(f"{error}; waiting for it, the run goes on where it was")
            sleep(1.0)


def pace(first: RunStatus, now: RunStatus, elapsed_s: float) -> Pace:
    """Rate and time left.

    Args:
        first: status when following began.
        now: status now.
        elapsed_s: seconds between the two.
    """
    closed = now.closed - first.closed
    if closed <= 0 or elapsed_s <= 0:
        return Pace(0.0, None)
    per_s = closed / elapsed_s
    return Pace(per_s, (now.holes - now.closed) / per_s)
