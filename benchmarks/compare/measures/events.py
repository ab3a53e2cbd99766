"""(i) Celery's events, which Flower needs, on and off."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from benchmarks.compare import rounds
from benchmarks.compare.chosen import Chosen
from benchmarks.compare.contenders import CELERY_NOOP, OURS
from benchmarks.compare.job import Job
from benchmarks.compare.rounds import Case, Table, taken
from benchmarks.compare.scene import Ground

TITLE = "events on and off"
SLOTS, HOLES = 10, 10_000

lines = partial(rounds.lines, to_first=True)


def run(ground: Ground, chosen: Chosen) -> list[Table]:
    """One table; bare Celery beside ours, where it is asked for."""
    off = Job(chosen.size(HOLES), chosen.warm(SLOTS), "", slots=SLOTS)
    on = replace(off, events=True)
    cases = [
        Case(f"{one.name}, events {said}", one, job)
        for one in (OURS, CELERY_NOOP)
        if one in chosen.contenders
        for said, job in (("off", off), ("on", on))
    ]
    return [taken(ground, "Celery events, endpoints of 0 ms", cases, chosen.rounds)]
