"""Lease, kept reply, budget and permit in one round trip: what is granted beside a lease that is not is given back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from maze_tasks.messages import FillMessage
from maze_tasks.models import read_hole
from maze_tasks.models.calls import Call, Reply
from maze_tasks.models.runs import RunRules
from maze_tasks.opening import Texts
from maze_tasks.producer import Producer, RunOptions
from maze_tasks.store import RunStore, connect, reading
from maze_tasks.store.cache import FillCache
from maze_tasks.store.gauges import Gates, Gauge

from .conftest import Bench, MakeBench


def complete(bench: Bench, **limits: Any) -> Bench:
    """A bench whose filler has a cache and gates."""
    gates = Gates.beside(bench.store, bench.settings.endpoints)
    gates.limits = {name: replace(known, **limits) for name, known in gates.limits.items()}
    bench.filler = replace(bench.filler, gates=gates, cache=FillCache.beside(bench.store))
    return bench


def parcel(bench: Bench, run: str, *prompts: str, **rules: Any) -> FillMessage:
    """One message that carries a hole a prompt."""
    batch = [read_hole({"hole_id": number, "prompt": prompt}) for number, prompt in enumerate(prompts)]
    sent: list[Any] = []
    options = RunOptions(rules=RunRules(**{"max_retries": 1, **rules}))
    Producer(bench.store, sent.extend, bench.settings.endpoints, options).submit(
        run, batch, input_digest="in", config_digest="conf"
    )
    return replace(sent[0], holes=tuple(range(len(prompts))))


def gauge(bench: Bench) -> Gauge:
    assert bench.filler.gates is not None
    (found,) = bench.filler.gates.read_gauges(["a"])
    return found


def statuses(bench: Bench, run: str) -> list[str]:
    return [one.status for one in reading.iter_results(bench.store.client, "maze", run)]


def counted(bench: Bench) -> list[list[str]]:
    """The scripts of each round trip from now on."""
    trips: list[list[str]] = []
    run_each = bench.store.calls.run_each

    def counting(steps: Any) -> list[Any]:
        trips.append([step.script.name for step in steps])
        return run_each(steps)

    bench.store.calls.run_each = counting  # type: ignore[method-assign]
    return trips


def test_an_attempt_of_a_parcel_is_opened_in_one_round_trip_and_closed_in_another(make_bench: MakeBench) -> None:
    bench = complete(make_bench(a={}))
    message = parcel(bench, "run", "p", "q", "r", budget_nano=10**12)
    trips = counted(bench)
    bench.run_link(message)
    assert statuses(bench, "run") == ["filled"] * 3
    opening = ["begin", "reply_ask", "reserve", "permit_acquire"]
    assert trips == [opening, ["reply_decide", "permit_release", "finish"]] * 3
    assert gauge(bench).requests_last_minute == bench.counted("a")["requests"] == 3
    found = reading.read_status(bench.store.client, "maze", "run")
    assert found is not None
    assert bench.store.client.hget(bench.store.keys("run").meta, "reserved") == "0"


@pytest.mark.parametrize("why", ["done", "stopped"])
def test_what_is_granted_beside_a_lease_that_is_not_is_given_back(make_bench: MakeBench, why: str) -> None:
    bench = complete(make_bench(a={}))
    message = parcel(bench, "run", "p", "q", budget_nano=10**12)
    if why == "done":
        bench.run_link(message)
        bench.store.client.delete(*bench.store.client.scan_iter("maze:{c:*"))  # the cache knows nothing of it
    else:
        bench.store.client.hset(bench.store.keys("run").meta, "state", "paused")
    asked = bench.counted("a")["requests"]
    bench.run_link(message)
    assert bench.counted("a")["requests"] == asked
    shown = gauge(bench)
    assert (shown.in_flight, shown.waiting, shown.requests_last_minute) == (0, 0, asked)
    assert not list(bench.store.client.scan_iter("maze:{c:*claim"))
    assert (bench.store.client.hget(bench.store.keys("run").meta, "reserved") or "0") == "0"


def test_a_hole_whose_reply_is_kept_uses_up_nothing_of_the_endpoint_nor_of_the_budget(make_bench: MakeBench) -> None:
    bench = complete(make_bench(a={}))
    bench.run_link(parcel(bench, "one", "p", "q"))
    bench.run_link(parcel(bench, "two", "p", "q", budget_nano=10**12))
    assert statuses(bench, "two") == ["filled", "filled"]
    shown = gauge(bench)
    assert (shown.in_flight, shown.waiting, shown.requests_last_minute) == (0, 0, 2)
    assert bench.counted("a")["requests"] == 2
    assert bench.store.client.hget(bench.store.keys("two").meta, "reserved") == "0"


def test_a_hole_that_waits_for_the_same_request_holds_no_permit_meanwhile(make_bench: MakeBench) -> None:
    bench = complete(make_bench(a={}))
    message = parcel(bench, "run", "same", "same")
    kept = bench.filler.client
    seen: list[Gauge] = []

    def client(name: str) -> Any:
        if not seen and gauge(bench).in_flight:
            seen.append(gauge(bench))
            bench.run_link(replace(message, holes=(1, 1)))
            seen.append(gauge(bench))
        return kept(name)

    bench.filler = replace(bench.filler, client=client)
    bench.run_link(replace(message, holes=(0, 0)))
    assert [one.in_flight for one in seen] == [1, 1]
    assert statuses(bench, "run") == ["filled", "pending"]
    assert gauge(bench).in_flight == 0


def test_what_the_gate_does_not_grant_at_once_is_waited_for_as_ever(make_bench: MakeBench) -> None:
    bench = complete(make_bench(a={}), requests_per_minute=1)
    bench.run_link(parcel(bench, "run", "p", "q"))
    assert sorted(statuses(bench, "run")) == ["filled", "pending"]
    assert bench.counted("a")["requests"] == gauge(bench).requests_last_minute == 1


def test_what_is_reserved_is_not_lost_by_asking_for_a_permit_at_once_or_never(make_bench: MakeBench) -> None:
    bench = complete(make_bench(a={}), max_concurrency=1)
    gates = bench.filler.gates
    assert gates is not None
    gates.acquire("a", "first")
    assert gates.acquire("a", "second", place="place").verdict == "wait"
    step = gates.acquire_call("a", "third", place="place", only_now=True)
    assert bench.store.calls.run_each([step])[0][0] == "refuse"
    assert gauge(bench).waiting == 1
    step = gates.acquire_call("a", "fourth", place="another", only_now=True)
    assert bench.store.calls.run_each([step])[0][0] == "refuse"
    assert gauge(bench).waiting == 1


def test_the_holes_of_a_message_are_read_some_at_a_time_and_each_is_told_once(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    prompts = [f"p{number}" for number in range(40)]
    parcel(bench, "run", *prompts)
    texts = Texts(bench.store, "run", [*range(40), 99])
    read = [texts.take(number) for number in range(40)]
    assert all(one is not None and prompt in one.text for one, prompt in zip(read, prompts, strict=True))
    assert [texts.take(number) for number in (0, 99, 100)] == [None] * 3


def test_a_store_that_is_away_tells_no_text(tmp_path: Path) -> None:
    store = RunStore(connect(f"unix://{tmp_path}/nobody"))
    assert Texts(store, "run", [0]).take(0) is None


@pytest.mark.parametrize("error", [{"kind": 422, "every": 1}, {"kind": "garbage", "every": 1}])
def test_at_a_later_candidate_a_parcel_is_opened_in_one_round_trip_too(
    make_bench: MakeBench, error: dict[str, Any]
) -> None:
    bench = complete(make_bench(a={"errors": [error]}, b={}))
    first = parcel(bench, "run", "p", "q", "r", max_retries=0)
    second = bench.run_link(first)
    assert second is not None
    trips = counted(bench)
    bench.run_link(second)
    assert statuses(bench, "run") == ["filled"] * 3
    assert trips == [["begin", "reply_ask", "permit_acquire"], ["reply_decide", "permit_release", "finish"]] * 3


def test_what_was_tried_since_a_hole_was_read_is_shown_all_the_same(make_bench: MakeBench) -> None:
    bench = complete(make_bench(a={"missing_text": "("}, b={"missing_text": "    return 1\n"}))
    line = {"hole_id": 0, "language": "python", "prefix": "def f():\n", "suffix": ""}
    options = RunOptions(rules=RunRules(max_retries=0))
    Producer(bench.store, bench.sent.extend, bench.settings.endpoints, options).submit(
        "run", [read_hole(line)], input_digest="in", config_digest="conf"
    )
    (message,) = bench.sent
    (early,) = bench.store.stored("run", [0], tried=True)
    assert early is not None
    second = bench.run_link(message)
    assert second is not None
    asked: list[Call] = []
    client = bench.filler.client

    class Listens:
        def call(self, call: Call, **options: Any) -> Reply:
            asked.append(call)
            return client("b").call(call, **options)

    bench.filler.client = lambda _: Listens()  # type: ignore[assignment,return-value]
    bench.filler.fill(second, 0, early)
    assert statuses(bench, "run") == ["filled"]
    assert ["Rejected" in call.prompt for call in asked] == [True]
    assert bench.filler.gates is not None
    assert [one.in_flight for one in bench.filler.gates.read_gauges(["a", "b"])] == [0, 0]
