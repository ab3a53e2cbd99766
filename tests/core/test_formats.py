"""Runs of two formats beside each other: what a newer release made is left to workers that know it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maze_tasks import control
from maze_tasks.errors import Refused
from maze_tasks.messages import read_message
from maze_tasks.names import FORMAT_VERSION
from maze_tasks.producer import Producer, RunOptions
from maze_tasks.retrying import retry_failed
from maze_tasks.store import reading

from .conftest import RUN, Bench, MakeBench, holes

NEWER = "made by a newer release"


def two_runs(bench: Bench) -> None:
    """One run of ours, and one whose records have the next format."""
    bench.submit(1, 2)
    options = RunOptions(rules=run_rules(bench))
    producer = Producer(bench.store, bench.sent.extend, bench.settings.endpoints, options)
    producer.submit(NEWER, holes(1, 2), input_digest="in", config_digest="conf")
    bench.store.client.hset(bench.store.keys(NEWER).meta, "version", str(FORMAT_VERSION + 1))


def run_rules(bench: Bench) -> object:
    info = bench.store.info(RUN)
    assert info is not None
    return info.rules


def everything(bench: Bench) -> dict[str, object]:
    """What the store holds of the newer run, but what workers say of it."""
    keys, client = bench.store.keys(NEWER), bench.store.client
    hashes = (keys.meta, keys.accounts, keys.hole("i1"), keys.hole("i2"))
    sets = (keys.leases, keys.due, keys.queued("a"))
    held: dict[str, object] = {name: client.hgetall(name) for name in hashes}
    return held | {name: client.zrange(name, 0, -1, withscores=True) for name in sets}


def test_a_worker_fills_its_own_run_and_leaves_the_newer_one_as_it_is(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    two_runs(bench)
    before = everything(bench)
    bench.run_all()
    sweeper = control.Sweeper(bench.store, bench.sent.extend, lambda _: 0, "one")
    for _ in range(4):
        assert sweeper.sweep()
    assert (bench.status().state, bench.status().filled) == ("done", 2)
    assert everything(bench) == before
    assert bench.sent == []
    assert bench.counted("a")["requests"] == 2
    newer = control.status(bench.store, NEWER)
    assert (newer.pending, newer.attempts) == (2, 0)
    (note,) = newer.notes
    assert f"leaves records of format {FORMAT_VERSION + 1}" in note


def test_a_message_of_a_newer_format_is_left_to_those_who_can_read_it(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    bench.submit(1)
    (message,) = bench.sent
    ((_, arguments),) = message.links()
    assert read_message(arguments) == replace(message, rest=())
    refused = read_message(arguments | {"v": FORMAT_VERSION + 1, "holes": {"of": "another shape"}})
    assert isinstance(refused, str)
    assert "newer" in refused
    assert bench.status().pending == 1, "the store sends it again"


def test_commands_do_not_touch_a_newer_run_but_show_it(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    two_runs(bench)
    before = everything(bench)
    for command in (
        lambda: control.cancel(bench.store, NEWER),
        lambda: control.pause(bench.store, NEWER),
        lambda: control.resume(bench.store, bench.sent.extend, NEWER),
        lambda: retry_failed(bench.store, bench.sent.extend, NEWER),
    ):
        with pytest.raises(Refused, match="newer release"):
            command()
    assert everything(bench) == before
    assert {one.run for one in control.runs(bench.store)} == {RUN, NEWER}
    assert len(list(reading.iter_results(bench.store.client, "maze", NEWER))) == 2
