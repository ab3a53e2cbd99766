"""What a run is made with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.faults import schedule
from benchmarks.faults.schedule import Event

HALF_A_HOLE_USD = 0.00004  # of what a hole costs on the way to its fill, calls without an answer included

Sync = Literal["always", "everysec"]


@dataclass(frozen=True)
class Setting:
    """What a run is made with.

    Args:
        holes: how many.
        lease_s: of the run.
        latency_ms: of a good reply.
        supervisors: how many `maze worker` there are.
        submission_kills: how often the producer is killed.
        a_minute: requests that one endpoint allows in a minute.
        events: faults beside the kills, each with the share of holes that have ended when it is played.
        kill_every_s: seconds from one kill to the next.
        appendfsync: of Redis.
        seed: of the schedule, and of what endpoints do.
    """

    holes: int = 2000
    lease_s: float = 15.0
    latency_ms: float = 150.0
    supervisors: int = 2
    submission_kills: int = 2
    a_minute: int = 400
    events: Sequence[tuple[float, Event]] = schedule.WHOLE
    kill_every_s: float = 5.0
    appendfsync: Sync = "always"
    seed: int = 0

    @property
    def tight(self) -> int:
        """Holes of the run with a budget."""
        return max(self.holes // 10, 10)

    @property
    def budget_usd(self) -> float:
        """Of that run: about half of what it needs."""
        return self.tight * HALF_A_HOLE_USD


WHOLE = Setting()
SHORT = Setting(240, 3.0, 100.0, 1, 1, 90, schedule.SHORT)
