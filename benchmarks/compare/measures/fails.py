"""(b) The first candidate fails, the second one answers.

Refused for what it asks (422) the first candidate is asked again for every hole. After failures of its own (500) some
leave a candidate alone for a while: our breaker, LiteLLM's cooldown.
"""

from __future__ import annotations

from benchmarks.compare.chosen import Chosen
from benchmarks.compare.job import Job
from benchmarks.compare.rounds import Table, cases, lines, taken
from benchmarks.compare.scene import Ground

TITLE = "first candidate fails"
STATUSES = (422, 500)
LATENCY_MS, SLOTS, HOLES = 50, 50, 4_000

__all__ = ["TITLE", "lines", "run"]


def run(ground: Ground, chosen: Chosen) -> list[Table]:
    """A table for each way to fail."""
    return [_failing(ground, chosen, status) for status in STATUSES]


def _failing(ground: Ground, chosen: Chosen, status: int) -> Table:
    job = Job(chosen.size(HOLES), chosen.warm(SLOTS), "", LATENCY_MS, fails_with=status, slots=SLOTS)
    title = f"the first candidate answers {status}, endpoints of {LATENCY_MS} ms"
    return taken(ground, title, cases(chosen.contenders, "fails", job), chosen.rounds)
