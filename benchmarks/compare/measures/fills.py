"""(a) Whole fills a second, at endpoints that answer at once and after 50 ms."""

from __future__ import annotations

from benchmarks.compare.chosen import Chosen
from benchmarks.compare.job import Job
from benchmarks.compare.rounds import Table, cases, lines, taken
from benchmarks.compare.scene import Ground

TITLE = "fills"
SLOTS = {0: 10, 50: 50}  # calls at once of each process, by latency in ms
HOLES = {0: 10_000, 50: 20_000}

__all__ = ["HOLES", "SLOTS", "TITLE", "lines", "run"]


def run(ground: Ground, chosen: Chosen) -> list[Table]:
    """A table for each latency."""
    return [_at(ground, chosen, latency_ms) for latency_ms in SLOTS]


def _at(ground: Ground, chosen: Chosen, latency_ms: int) -> Table:
    job = Job(chosen.size(HOLES[latency_ms]), chosen.warm(SLOTS[latency_ms]), "", latency_ms, slots=SLOTS[latency_ms])
    there = [one for one in chosen.contenders if one.calls or latency_ms == 0]  # what calls nobody waits for nobody
    return taken(ground, f"whole fills, endpoints of {latency_ms} ms", cases(there, "plain", job), chosen.rounds)
