"""(g) One, two and four worker processes at endpoints that take a second."""

from __future__ import annotations

from functools import partial

from benchmarks.compare import rounds
from benchmarks.compare.chosen import Chosen
from benchmarks.compare.contenders import OURS
from benchmarks.compare.job import Job
from benchmarks.compare.rounds import Case, Table, taken
from benchmarks.compare.scene import Ground

TITLE = "one, two, four worker processes"
PROCESSES = (1, 2, 4)
LATENCY_MS, SLOTS = 1_000, 50
HOLES = 1_000  # for each process

lines = partial(rounds.lines, to_first=True)


def run(ground: Ground, chosen: Chosen) -> list[Table]:
    """One table."""
    cases = [Case(f"{OURS.name}, {number} of {SLOTS} slots", OURS, _job(chosen, number)) for number in PROCESSES]
    return [taken(ground, f"worker processes, endpoints of {LATENCY_MS} ms", cases, chosen.rounds)]


def _job(chosen: Chosen, processes: int) -> Job:
    count, warm = chosen.size(HOLES) * processes, chosen.warm(SLOTS, processes) // 4
    return Job(count, warm, "", LATENCY_MS, processes=processes, slots=SLOTS)
