"""Samples of several holes that travel in one message: how many go together, and what becomes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from maze_tasks import control
from maze_tasks.clients import ClientPool
from maze_tasks.judging import Judge
from maze_tasks.messages import FillMessage
from maze_tasks.models import read_hole
from maze_tasks.models.runs import Attempt, Cursor, RunRules
from maze_tasks.producer import Producer, RunOptions
from maze_tasks.store.runs import Ticket
from maze_tasks.verification import Verifier
from workers.bootstrap import Runtime
from workers.parcels import Slots

from .conftest import RUN, Bench, MakeBench, holes
from .court import GOOD, Court

THREE = (0, 1, 2)


def submit(bench: Bench, count: int, **options: Any) -> list[tuple[str, int, int]]:
    """Submit holes that are counted ahead; model, sample and number of holes of each message."""
    producer = Producer(bench.store, bench.sent.extend, bench.settings.endpoints, RunOptions(**options))
    producer.submit(RUN, holes(*range(count)), input_digest="in", config_digest="c", expected=count)
    return [(one.model, one.cursor.sample, len(one.holes)) for one in bench.sent]


def parcels(bench: Bench) -> list[FillMessage]:
    """What is on the queues, taken from them: the samples of the same number in one message."""
    found: dict[tuple[str, Cursor], FillMessage] = {}
    for one in bench.sent:
        known = found.get((one.model, one.cursor))
        carried = (*known.holes, *one.holes) if known else one.holes
        send_no = max(known.send_no, one.send_no) if known else one.send_no
        found[one.model, one.cursor] = replace(one, holes=carried, send_no=send_no)
    bench.sent.clear()
    return list(found.values())


def begin(bench: Bench, message: FillMessage, hole_id: int) -> None:
    """Take a lease as a worker would that dies afterwards."""
    ticket = Ticket(RUN, hole_id, message.cursor, message.send_no, message.model)
    lost = Attempt(candidate=0, model=message.model, outcome="lost")
    assert bench.store.begin(ticket, f"dead-{hole_id}", lost, (1, 1)).verdict == "go"


def patient(bench: Bench) -> Bench:
    """A bench whose calls are cut by nothing but what is tested."""
    endpoints = tuple(one.model_copy(update={"timeout_secs": 60}) for one in bench.settings.endpoints)
    bench.settings = bench.settings.model_copy(update={"endpoints": endpoints})
    bench.filler.endpoints = {one.name: one for one in endpoints}
    return bench


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


def test_whoever_closes_the_last_sample_selects_in_one_round_trip_more(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    bench.submit(*THREE, best_of_n=2)
    trips: list[list[str]] = []
    run_each = bench.store.calls.run_each

    def counted(steps: Any) -> list[Any]:
        trips.append([step.script.name for step in steps])
        return run_each(steps)

    bench.store.calls.run_each = counted  # type: ignore[method-assign]
    first, last = parcels(bench)
    bench.run_link(first)
    assert trips == [["begin"], ["finish"]] * 3
    trips.clear()
    bench.run_link(last)
    assert trips == [["begin"], ["finish"], ["select"]] * 3
    assert bench.status().filled == 3


def test_a_selection_ranks_what_differs_by_what_agrees(make_bench: MakeBench) -> None:
    bench = make_bench(a={"missing_text": "    return 3\n"}, **{name: {"missing_text": GOOD} for name in "bc"})
    bench.submit(*THREE, best_of_n=3, spread=True)
    for message in parcels(bench):
        bench.run_link(message)
    assert [(one.status, one.model) for one in bench.results()] == [("filled", "b")] * 3


def test_a_parcel_of_samples_whose_worker_dies_in_the_middle_is_asked_again_where_it_was_not_done(
    make_bench: MakeBench,
) -> None:
    bench = make_bench(a={})
    bench.submit(*THREE, best_of_n=2)
    whole, cut = parcels(bench)
    bench.run_link(replace(cut, holes=(0,)))
    bench.store.lease_ms = 1
    begin(bench, cut, 1)  # the worker dies here; hole 2 was not begun, and lies in its unacknowledged message
    bench.store.lease_ms = 15_000
    bench.run_link(whole)
    assert bench.status().filled == 1
    sweeper = control.Sweeper(bench.store, bench.sent.extend, lambda _: 0, "one")
    while not bench.sent:
        sweeper.sweep(queues=False)
    assert [(one.holes, one.cursor.sample) for one in bench.sent] == [((1,), 1)]
    bench.sent.append(cut)  # the broker delivers it again
    bench.run_all()
    outcomes = [Counter(one.outcome for one in result.attempts) for result in bench.results()]
    decided = {"accepted": 1, "rejected": 1}
    assert outcomes == [decided, decided | {"lost": 1}, decided]
    assert bench.status().state == "done"
    assert bench.counted("a")["requests"] == 6


def test_of_a_parcel_the_sample_is_left_out_whose_hole_has_its_fill(make_bench: MakeBench, tmp_path: Path) -> None:
    bench = patient(make_bench(a={"missing_text": GOOD}, b={"latency": 60_000}))
    court = Court(bench, tmp_path)
    rules = RunRules(max_retries=0, verify="unit", snapshot=court.digest)
    (hole,) = court.holes()
    others = [read_hole({"hole_id": number, "prompt": "without a place"}) for number in THREE]
    producer = Producer(
        bench.store, bench.sent.extend, bench.settings.endpoints, RunOptions(best_of_n=2, spread=True, rules=rules)
    )
    producer.submit(RUN, [hole, *others], input_digest="in", config_digest="c")
    first, second = parcels(bench)
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(bench.filler.parcel(second), hole_id) for hole_id in second.holes]
        while bench.counted("b")["in_flight"] < len(calls):
            pass
        bench.run_link(replace(first, holes=(hole.id,)))
        court.run_all()
        calls[0].result()
        assert not any(call.done() for call in calls[1:]), "calls of other holes go on"
        control.cancel(bench.store, RUN)
        for call in calls[1:]:
            call.result()
    court.verifier.close()
    judged, *cut = bench.results()
    assert (judged.status, judged.model) == ("filled", "a")
    assert [one.outcome for one in judged.attempts] == ["accepted", "cancelled"]
    assert [(one.status, [tried.outcome for tried in one.attempts]) for one in cut] == [("skipped", ["cancelled"])] * 3


def test_samples_of_a_parcel_go_on_to_the_next_round_whose_holes_got_no_fill(make_bench: MakeBench) -> None:
    bench = make_bench(a={"errors": [{"kind": 400, "first": 5}]})
    bench.submit(*THREE, best_of_n=2, max_iterations=2)
    rounds = []
    while found := parcels(bench):
        rounds.append([(one.cursor, one.holes) for one in found])
        for message in found:
            bench.run_link(message)
    going = [(0, THREE), (1, (0, 1))]
    assert rounds == [[(Cursor(number, 0, sample), on) for sample in (0, 1)] for number, on in going]
    assert [(one.status, len(one.attempts)) for one in bench.results()] == [("filled", 4), ("filled", 4), ("filled", 2)]
    assert bench.counted("a")["requests"] == 10


MakeProcess = Callable[[Bench], Runtime]


def _nobody() -> Verifier:
    raise AssertionError("nothing is verified")


@pytest.fixture
def make_process() -> Iterator[MakeProcess]:
    """Makes what a worker process holds, on a bench."""
    made: list[Runtime] = []

    def make(bench: Bench) -> Runtime:
        judge = Judge(bench.store, bench.filler.leases, bench.sent.extend, _nobody)
        clients = ClientPool(bench.settings, pool_size=1)
        made.append(Runtime(bench.filler, judge, clients, bench.filler.leases, Slots(4)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_groups_that_the_holes_of_a_parcel_open_travel_together(
    make_bench: MakeBench, make_process: MakeProcess
) -> None:
    bench = make_bench(a={"errors": [{"kind": 400, "every": 1}]}, b={})
    process = make_process(bench)
    bench.submit(*range(8), best_of_n=3)
    *begun, last = parcels(bench)
    for message in begun:
        process.fill(message)
    assert bench.sent == []
    process.fill(last)
    assert [(one.model, one.cursor, sorted(one.holes)) for one in bench.sent] == [
        ("b", Cursor(0, 1, sample), list(range(8))) for sample in range(3)
    ]
    assert {one.samples for one in bench.sent} == {3}
    while bench.sent:
        process.fill(bench.sent.pop(0))
    assert [(one.status, one.model, one.fallbacks) for one in bench.results()] == [("filled", "b", 3)] * 8
    assert bench.counted("b")["requests"] == 24


def test_a_group_does_not_wait_for_a_parcel_that_takes_long(
    make_bench: MakeBench, make_process: MakeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.parcels.PATIENCE_S", 0.01)
    bench = patient(make_bench(a={"errors": [{"kind": 400, "first": 4}, {"kind": "hang", "every": 1}]}, b={}))
    process = make_process(bench)
    bench.submit(*THREE, best_of_n=2)
    first, last = parcels(bench)
    process.fill(first)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(process.fill, last)
        while not bench.sent:
            pass
        assert not running.done()
        assert [(one.model, one.cursor.sample, len(one.holes)) for one in bench.sent] == [("b", 0, 1), ("b", 1, 1)]
        control.cancel(bench.store, RUN)
        running.result()
    assert bench.status().skipped == 3
