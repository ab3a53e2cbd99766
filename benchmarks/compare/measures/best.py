"""(c) The best of four answers; bare Celery does it with a chord, the others ask four times and compare."""

from __future__ import annotations

from benchmarks.compare.chosen import Chosen
from benchmarks.compare.job import Job
from benchmarks.compare.rounds import Table, cases, lines, taken
from benchmarks.compare.scene import Ground

TITLE = "best of 4"
SAMPLES = 4
LATENCY_MS, SLOTS, HOLES = 50, 50, 2_000

__all__ = ["TITLE", "lines", "run"]


def run(ground: Ground, chosen: Chosen) -> list[Table]:
    """One table."""
    job = Job(chosen.size(HOLES), chosen.warm(SLOTS), "", LATENCY_MS, samples=SAMPLES, slots=SLOTS)
    title = f"best of {SAMPLES}, endpoints of {LATENCY_MS} ms"
    return [taken(ground, title, cases(chosen.contenders, "best", job), chosen.rounds)]
