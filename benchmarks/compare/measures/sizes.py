"""(e) What a hole costs in runs of different sizes, handed in as a file: it should be the same.

What the command costs before its first hole is taken off the producer's share, and shown.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.compare.chosen import Chosen
from benchmarks.compare.contenders import OURS_COMMAND
from benchmarks.compare.job import Job
from benchmarks.compare.rounds import Case, Table, heading, taken
from benchmarks.compare.scene import KINDS, Ground, Sample
from benchmarks.compare.summary import columns, ratios, spread

TITLE = "cost a hole by the number of holes"
SLOTS = 10

__all__ = ["TITLE", "lines", "run"]


def run(ground: Ground, chosen: Chosen) -> list[Table]:
    """One table."""
    jobs = [Job(chosen.size(holes), chosen.warm(SLOTS), "", slots=SLOTS) for holes in chosen.sizes]
    cases = [Case(f"{job.count} holes", OURS_COMMAND, job) for job in jobs]
    return [taken(ground, "cost by size, endpoints of 0 ms", cases, chosen.rounds)]


def lines(table: Table) -> list[str]:
    """The table for people."""
    samples = {label: [Sample(**one) for one in every] for label, every in table["samples"].items()}
    first, *_ = samples.values()
    rows = [["", "holes/s", "CPU us a hole", "to the first", *KINDS, "start s", "producer MiB", "redis bytes", "text"]]
    rows += [_row(label, every, first) for label, every in samples.items()]
    return [heading(table), *columns(rows)]


def _cost_us(sample: Sample) -> float:
    return sample.own_cpu_us - sample.said["start_s"] / sample.count * 1e6


def _row(label: str, samples: Sequence[Sample], first: Sequence[Sample]) -> list[str]:
    costs = [_cost_us(one) for one in samples]
    kinds = {kind: spread([one.cpu_us[kind] for one in samples]).middle for kind in KINDS}
    kinds["producer"] -= spread([one.said["start_s"] / one.count * 1e6 for one in samples]).middle
    start, memory, text = (
        spread([one.said[name] for one in samples]).middle for name in ("start_s", "command_mib", "text_bytes")
    )
    return [
        label,
        spread([one.per_s for one in samples]).shown(),
        spread(costs).shown(),
        ratios(costs, [_cost_us(one) for one in first]).shown(2),
        *(f"{value:.0f}" for value in kinds.values()),
        f"{start:.1f}",
        f"{memory:.0f}",
        f"{spread([one.redis_bytes for one in samples]).middle:.0f}",
        f"{text:.0f}",
    ]
