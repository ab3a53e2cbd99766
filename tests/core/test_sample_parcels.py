"""Samples of several holes that travel in one message: how many go together, and what becomes of them."""

from __future__ import annotations

import pytest

from maze_tasks.producer import Producer, RunOptions

from .conftest import RUN, Bench, MakeBench, holes


def submit(bench: Bench, count: int, **options: object) -> list[tuple[str, int, int]]:
    """Submit holes that are counted ahead; model, sample and number of holes of each message."""
    producer = Producer(bench.store, bench.sent.extend, bench.settings.endpoints, RunOptions(**options))  # type: ignore[arg-type]
    producer.submit(RUN, holes(*range(count)), input_digest="in", config_digest="c", expected=count)
    return [(one.model, one.cursor.sample, len(one.holes)) for one in bench.sent]


@pytest.mark.parametrize(("samples", "size"), [(1, 1), (2, 3), (4, 6)])
def test_parcels_are_sized_by_the_calls_that_a_model_gets(make_bench: MakeBench, samples: int, size: int) -> None:
    bench = make_bench(a={})
    slots = bench.settings.endpoints[0].max_concurrency
    sent = submit(bench, slots * 6, best_of_n=samples)
    assert sent == [("a", sample, size) for _ in range(slots * 6 // size) for sample in range(samples)]


def test_samples_that_are_spread_are_counted_for_each_model_by_itself(make_bench: MakeBench) -> None:
    bench = make_bench(a={}, b={}, c={})
    slots = bench.settings.endpoints[0].max_concurrency
    sent = submit(bench, slots * 8, best_of_n=3, spread=True)
    assert sent[:3] == [("a", 0, 2), ("b", 1, 2), ("c", 2, 2)]
