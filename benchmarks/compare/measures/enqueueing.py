"""(d) Handing 100,000 holes in while nobody works: rate, processor time, and whether memory stays flat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmarks.compare.chosen import Chosen
from benchmarks.compare.contenders import OURS, OURS_COMMAND, SENDERS, Contender
from benchmarks.compare.job import Job
from benchmarks.compare.rounds import Case, Table, heading, taken
from benchmarks.compare.scene import Ground, Sample
from benchmarks.compare.summary import columns, ratios, spread

TITLE = "enqueueing"
HOLES = (10_000, 100_000)

__all__ = ["TITLE", "lines", "run"]


def run(ground: Ground, chosen: Chosen) -> list[Table]:
    """A table for each number of holes."""
    there = (
        OURS_COMMAND,
        OURS,
        *(one for one in SENDERS if any(one.needs == other.needs for other in chosen.contenders)),
    )
    return [_sending(ground, chosen, there, holes) for holes in HOLES]


def _sending(ground: Ground, chosen: Chosen, there: Sequence[Contender], holes: int) -> Table:
    job = replace(Job(chosen.size(holes), 10, ""), only_send=True)
    return taken(ground, "enqueueing", [Case(one.name, one, job) for one in there], chosen.rounds)


def lines(table: Table) -> list[str]:
    """The table for people."""
    samples = {label: [Sample(**one) for one in every] for label, every in table["samples"].items()}
    first, *_ = samples.values()
    rows = [["", "holes/s", "first is x times", "producer us", "redis us", "start s", "producer MiB", "redis bytes"]]
    rows += [_row(label, every, first) for label, every in samples.items()]
    return [f"{heading(table)}, {first[0].count} holes", *columns(rows)]


def _row(label: str, samples: Sequence[Sample], first: Sequence[Sample]) -> list[str]:
    rate = spread([one.per_s for one in samples]).shown()
    ratio = ratios([one.per_s for one in first], [one.per_s for one in samples]).shown(2)
    producer, store = (f"{spread([one.cpu_us[kind] for one in samples]).middle:.0f}" for kind in ("producer", "redis"))
    start = spread([one.said.get("start_s", 0.0) for one in samples]).middle
    memory = spread([one.said.get("command_mib", one.peak_mib["producer"]) for one in samples]).middle
    held = spread([one.redis_bytes for one in samples]).middle
    return [label, rate, ratio, producer, store, f"{start:.1f}" if start else "-", f"{memory:.0f}", f"{held:.0f}"]
