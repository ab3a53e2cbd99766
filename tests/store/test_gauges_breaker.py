"""The breaker of a model's gate: what must hold on every server it runs on."""

from __future__ import annotations

from dataclasses import replace

from maze_tasks.models.limits import BreakerRules
from maze_tasks.store import RunStore
from maze_tasks.store.gauges import Gates

from .gate_scenes import START_MS, scene


def test_an_open_breaker_refuses_everybody_and_then_lets_one_probe_through_at_a_time(store: RunStore) -> None:
    s = scene(store, max_concurrency=2)
    s.ask("p0")
    s.ask("p1")
    waits = s.ask("w")
    opened = s.gates.release("m", "p0", "auth", draw=1.0)
    assert opened.open_until_ms == START_MS + 30_000
    refused = s.ask("q")
    assert (refused.verdict, refused.why, refused.until_ms) == ("refuse", "denied", START_MS + 30_000)
    assert refused.openings == 1
    s.clock.now = waits.until_ms
    assert s.ask("w").verdict == "refuse"
    assert s.gates.read_gauges(["m"])[0].waiting == 0
    s.clock.now = START_MS + 30_000
    assert s.gates.read_gauges(["m"])[0].breaker == "half_open"
    assert [s.ask("q").why, s.ask("q").why, s.ask("r").why] == ["probe", "probe", "probing"]
    s.done("p1")
    assert s.gates.read_gauges(["m"])[0].breaker == "half_open", "a call from before says nothing about now"
    s.done("q", "throttled", pause_ms=1)
    s.clock.now += 1
    assert s.ask("r").why == "probe"
    s.done("r")
    assert s.gates.read_gauges(["m"])[0].breaker == "closed"
    assert s.ask("t").why == ""


def test_what_was_counted_before_an_open_period_counts_no_more_after_it(store: RunStore) -> None:
    s = scene(store, breaker=BreakerRules(min_calls=4, open_ms=1_000))
    for number, outcome in enumerate(["ok", "failure", "ok", "failure"]):
        assert s.gates.read_gauges(["m"])[0].breaker == "closed"
        s.ask(f"p{number}")
        s.done(f"p{number}", outcome)
    s.clock.now += 1_000
    s.ask("probe")
    s.done("probe")
    s.ask("q")
    s.done("q", "failure")
    assert s.gates.read_gauges(["m"])[0].breaker == "closed"


def test_a_probe_whose_worker_died_comes_back_when_its_lease_ends(store: RunStore) -> None:
    s = scene(store)
    s.ask("p")
    s.done("p", "auth", draw=0.0)
    s.clock.now += 15_000
    assert s.ask("dead").why == "probe"
    s.clock.now += 14_999
    assert s.ask("q").verdict == "refuse"
    s.clock.now += 1
    assert s.ask("q").why == "probe"
    assert not s.done("dead", "ok")
    assert s.gates.read_gauges(["m"])[0].breaker == "half_open"


def test_a_call_that_once_was_a_probe_is_none_any_more(store: RunStore) -> None:
    s = scene(store)
    s.ask("p")
    s.done("p", "auth", draw=0.0)
    s.clock.now += 15_000
    assert s.ask("q").why == "probe"
    s.done("q")
    assert s.ask("q").why == ""
    s.ask("r")
    s.done("r", "auth", draw=0.0)
    s.clock.now += 30_000 - 1
    s.gates.renew_permits([("m", "q")])
    s.clock.now += 1
    assert s.ask("t").why == "probe"


def test_a_probe_waits_for_a_slot_and_comes_back_for_it(store: RunStore) -> None:
    s = scene(store, max_concurrency=2)
    s.ask("p")
    s.ask("slow")
    s.done("p", "auth", draw=0.0)
    s.gates.renew_permits([("m", "slow")])
    s.clock.now += 15_000 - 1
    s.gates.renew_permits([("m", "slow")])
    s.clock.now += 1
    narrow = Gates(s.client, {"m": replace(s.limits, max_concurrency=1)}, namespace=s.gates.namespace, clock=s.clock)
    waits = narrow.acquire("m", "q")
    assert (waits.verdict, waits.why) == ("wait", "concurrency")
    s.clock.now = waits.until_ms
    again = narrow.acquire("m", "q")
    assert (again.verdict, again.why) == ("wait", "concurrency")
    s.done("slow", "ok")
    s.clock.now = again.until_ms
    assert narrow.acquire("m", "q").why == "probe"
