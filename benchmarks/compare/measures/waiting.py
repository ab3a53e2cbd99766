"""(f) Slots that should never be idle, and holes that should not wait: 200 slots at endpoints that take a second.

Then, with nothing else to do: from the moment that a hole is handed in, or that the answer to the hole it depends on
has gone out, to the arrival of its request.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import quantiles

from benchmarks.compare import rounds
from benchmarks.compare.chosen import Chosen
from benchmarks.compare.contenders import CELERY_REQUESTS, CELERY_SINGLE, OURS, OURS_SINGLE, Contender
from benchmarks.compare.job import Job
from benchmarks.compare.rounds import Case, Table, taken
from benchmarks.compare.scene import Ground, measure
from benchmarks.compare.summary import columns

TITLE = "200 slots, and the time to send"
SLOTS, LATENCY_MS, HOLES = 100, 1_000, 8_000
SINGLE, SINGLE_MS = 100, 20

__all__ = ["TITLE", "lines", "run"]


def run(ground: Ground, chosen: Chosen) -> list[Table]:
    """A table of utilisation, and one of waiting times."""
    job = Job(chosen.size(HOLES), chosen.warm(SLOTS) // 4, "", LATENCY_MS, slots=SLOTS)
    there = [one for one in (OURS, CELERY_REQUESTS) if one in chosen.contenders]
    cases = [Case(one.name, one, job) for one in there]
    busy = taken(ground, f"{2 * SLOTS} slots, endpoints of {LATENCY_MS} ms", cases, chosen.rounds)
    return [busy, _waits(ground, chosen)]


def _waits(ground: Ground, chosen: Chosen) -> Table:
    job = Job(min(SINGLE, chosen.size(SINGLE * 10)), 5, "", SINGLE_MS, processes=1, slots=10, keys=True)
    waits = {}
    for _ in range(chosen.rounds):
        _add(waits, ground, OURS_SINGLE, job)
        if CELERY_REQUESTS in chosen.contenders:
            _add(waits, ground, CELERY_SINGLE, job)
    return {"title": f"ms from ready to sent, one at a time, endpoints of {SINGLE_MS} ms", "waits_ms": waits}


def _add(waits: dict[str, list[float]], ground: Ground, contender: Contender, job: Job) -> None:
    """Measure once more."""
    sample = measure(ground, contender, job)
    arrived: dict[str, float] = sample.endpoint["arrivals"]
    handed = [(arrived[key] - ready) * 1000 for key, ready in sample.said["ready"].items()]
    waits.setdefault(f"{contender.name}: handed in", []).extend(handed)
    chain: Sequence[str] = sample.said.get("chain", ())
    freed = [(arrived[key] - arrived[other]) * 1000 - job.latency_ms for other, key in pairwise(chain)]
    if freed:
        waits.setdefault(f"{contender.name}: freed by another", []).extend(freed)


def lines(table: Table) -> list[str]:
    """The table for people."""
    if "waits_ms" not in table:
        return rounds.lines(table)
    rows = [["", "holes", "p50", "p90", "p99", "most"]]
    for label, waits in table["waits_ms"].items():
        cuts = quantiles(waits, n=100, method="inclusive")
        rows.append([label, str(len(waits)), *(f"{one:.1f}" for one in (cuts[49], cuts[89], cuts[98], max(waits)))])
    return [table["title"], *columns(rows)]
