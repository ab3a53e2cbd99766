"""Measurements of several contenders, taken in turns: what disturbs the machine for a while disturbs all of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.compare.contenders import Contender, Scene
from benchmarks.compare.job import Job
from benchmarks.compare.scene import KINDS, Ground, Sample, measure
from benchmarks.compare.summary import columns, ratios, spread

# A table as it is kept: what it shows, and the samples of each line in the order of the rounds.
Table = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A line of a table.

    Args:
        label: what it is called.
        contender: who.
        job: what.
    """

    label: str
    contender: Contender
    job: Job


def cases(contenders: Sequence[Contender], scene: Scene, job: Job) -> list[Case]:
    """A line for each of those contenders that can do it."""
    return [Case(one.name, one, job) for one in contenders if scene in one.plays]


def taken(ground: Ground, title: str, cases: Sequence[Case], rounds: int) -> Table:
    """Measure every case once a round, each round beginning with another one.

    Args:
        ground: with the endpoint.
        title: of the table.
        cases: the first is what the others are compared with.
        rounds: how often.
    """
    samples: dict[str, list[dict[str, Any]]] = {case.label: [] for case in cases}
    for number in range(rounds):
        shift = number % len(cases)
        for case in (*cases[shift:], *cases[:shift]):
            sample = measure(ground, case.contender, case.job)
            sys.stderr.write(f"{title}, round {number + 1}: {case.label}: {sample.per_s:.0f}/s\n")
            samples[case.label].append(asdict(sample))
    return {"title": title, "samples": samples}


def lines(table: Table, *, to_first: bool = False) -> list[str]:
    """The table for people.

    Args:
        table: what `taken` gave.
        to_first: whether the ratio is that of a line to the first one, not of the first one to it.
    """
    samples = {label: [Sample(**one) for one in every] for label, every in table["samples"].items()}
    first, *_ = samples.values()
    counts = sorted({one.count for every in samples.values() for one in every})
    said = f"{heading(table)}, {' or '.join(map(str, counts))} holes"
    rows = [
        [
            "",
            "holes/s",
            "to the first" if to_first else "first is x times",
            "CPU us a hole",
            *KINDS,
            "MiB",
            "requests",
            "slots busy",
            "cores",
        ]
    ]
    rows += [_row(label, every, first, to_first=to_first) for label, every in samples.items()]
    return [said, *columns(rows)]


def heading(table: Table) -> str:
    """What stands over a table of samples."""
    every = [one for samples in table["samples"].values() for one in samples]
    others = spread([one["others_cores"] for one in every]).shown(1)
    return f"{table['title']}; {len(next(iter(table['samples'].values())))} rounds, other programs used {others} cores"


def _row(label: str, samples: Sequence[Sample], first: Sequence[Sample], *, to_first: bool) -> list[str]:
    rate = spread([one.per_s for one in samples]).shown()
    mine, base = [one.per_s for one in samples], [one.per_s for one in first]
    ratio = (ratios(mine, base) if to_first else ratios(base, mine)).shown(2)
    own = f"{spread([one.own_cpu_us for one in samples]).middle:.0f}"
    kinds = [_middle([one.cpu_us for one in samples], kind) for kind in KINDS]
    memory = sum(spread([one.peak_mib.get(kind, 0) for one in samples]).middle for kind in KINDS if kind != "endpoint")
    asked = spread([one.endpoint["requests"] / one.count for one in samples]).middle
    cores = spread([sum(one.cpu_us.values()) * one.per_s / 1e6 for one in samples]).middle
    busy = spread([one.utilisation for one in samples]).middle
    return [label, rate, ratio, own, *kinds, f"{memory:.0f}", f"{asked:.2f}", f"{busy:.2f}", f"{cores:.1f}"]


def _middle(every: Sequence[Mapping[str, float]], kind: str) -> str:
    return f"{spread([one[kind] for one in every]).middle:.0f}" if kind in every[0] else "-"
