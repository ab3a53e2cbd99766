"""The gate of a model: its clock, its memory, its keys, and scripts that share a round trip."""

from __future__ import annotations

from importlib import resources

import pytest
import redis
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.retry import Retry

from maze_tasks.errors import ServiceUnavailable
from maze_tasks.models import ModelEndpoint
from maze_tasks.models.limits import Limits
from maze_tasks.store import RunStore, connect
from maze_tasks.store.gauge_keys import gate_keys
from maze_tasks.store.gauges import Gates, read_admission, read_released
from maze_tasks.store.scripts import script
from maze_tasks.store.together import Step, run_together

from .gate_scenes import START_MS, Scene

MINUTE = Limits().window_ms + Limits().grain_ms  # when a bucket that begins now has left the window


def scene(store: RunStore, lease_ms: int = 15_000, **limits: object) -> Scene:
    return Scene(store.client, Limits(**limits), lease_ms)  # type: ignore[arg-type]


# Clock, memory, keys


def test_what_the_dead_held_is_given_back_at_once_and_their_calls_still_count(store: RunStore) -> None:
    s = scene(store, max_concurrency=2, requests_per_minute=5, tokens_per_minute=100)
    assert [s.ask(name, tokens=20).verdict for name in ("p", "q", "w")] == ["go", "go", "wait"]
    assert s.gates.forget() == 3
    gauge = s.gates.read_gauges(["m"])[0]
    assert (gauge.in_flight, gauge.waiting) == (0, 0)
    assert (gauge.requests_last_minute, gauge.tokens_last_minute) == (2, 40)
    # Nor is anything kept for the place that waited: what is left of the minute is free.
    assert s.ask("r", tokens=60).verdict == "go"
    assert s.done("p") is False
    assert s.gates.forget() == 1
    assert s.gates.forget() == 0


def test_nobody_probes_for_ever_after_a_probe_is_forgotten(store: RunStore) -> None:
    s = scene(store, max_concurrency=1)
    s.ask("p")
    s.done("p", "auth", pause_ms=1_000)
    s.clock.now = s.ask("x", max_wait_ms=0).until_ms
    assert s.ask("first").why == "probe"
    s.gates.forget()
    assert s.ask("second").why == "probe"


def test_a_clock_that_is_set_back_lets_nobody_in_early(store: RunStore) -> None:
    s = scene(store, requests_per_minute=1, max_wait_ms=100_000)
    s.ask("p")
    s.done("p")
    s.clock.now -= 3_600_000
    back = s.clock.now
    waits = s.ask("w")
    assert (waits.now_ms, waits.until_ms) == (back, back + MINUTE)
    s.clock.now = waits.until_ms - 1
    assert s.ask("w").verdict == "wait"
    s.clock.now += 1
    assert s.gone("w")


def test_a_large_limit_costs_no_more_memory_than_the_window_has_buckets(store: RunStore) -> None:
    s = scene(store, requests_per_minute=100_000, max_concurrency=1_000)
    buckets = s.limits.window_ms // s.limits.grain_ms + 2
    for k in range(600):
        s.clock.now += 211
        s.ask(f"p{k}")
        s.done(f"p{k}")
    _, leases, held, queue, window, order = gate_keys(s.gates.namespace, "m")
    assert s.client.llen(order) <= buckets
    assert s.client.hlen(window) <= 2 * buckets
    assert s.client.exists(leases, held, queue) == 0
    assert s.gates.read_gauges(["m"])[0].requests_last_minute == pytest.approx(MINUTE / 211, abs=2)


def test_everything_expires_when_unused_and_looking_on_is_no_use(store: RunStore) -> None:
    s = scene(store, max_concurrency=1)
    s.ask("p", tokens=5)
    s.ask("w")
    s.done("p", "auth", pause_ms=86_400_000)
    keys = list(s.client.scan_iter(f"{s.gates.namespace}:*"))
    assert len(keys) >= 5
    before = {key: s.client.pttl(key) for key in keys}
    assert all(86_400_000 < ttl < 90_000_000 for ttl in before.values()), (
        "no key outlives what it is for, nor dies early"
    )
    s.clock.now += 50
    s.gates.read_gauges(["m"])
    assert all(s.client.pttl(key) <= before[key] for key in keys)


def test_looking_at_a_gate_that_nobody_used_makes_no_keys(store: RunStore) -> None:
    s = scene(store)
    gauge = s.gates.read_gauges(["m"])[0]
    assert (gauge.breaker, gauge.in_flight, gauge.waiting, gauge.now_ms) == ("closed", 0, 0, START_MS)
    s.gates.leave("m", "x")
    s.gates.renew_permits([("m", "x")])
    s.done("x")
    assert not [key for key in s.client.scan_iter(f"{s.gates.namespace}:*") if s.client.pttl(key) < 0]


@pytest.mark.parametrize("model", ["plain", "with space", "{brace}", "a}b{c", "ü/|:", "x" * 200])
def test_all_keys_of_a_model_share_a_slot_whatever_its_name(model: str) -> None:
    assert len({key_slot(key.encode()) for key in gate_keys("maze", model)}) == 1


def test_models_do_not_share_keys() -> None:
    assert not set(gate_keys("a", "b:{m:c}")) & set(gate_keys("a:{m:b}", "c"))


def test_the_limits_are_those_of_the_endpoint() -> None:
    endpoint = ModelEndpoint(
        endpoint_url="http://localhost/v1",
        max_concurrency=3,
        requests_per_minute=60,
        tokens_per_minute=9,
        max_wait_s=2.5,
    )
    assert Limits.of(endpoint) == Limits(3, 60, 9, 2_500)


def test_without_a_clock_of_the_test_the_time_is_that_of_redis(redis_url: str) -> None:
    client = connect(redis_url)
    gates = Gates(client, {"m": Limits()})
    seconds, micros = client.time()
    answer = gates.acquire("m", "p")
    assert 0 <= answer.now_ms - (seconds * 1000 + micros // 1000) < 60_000
    client.close()


def test_a_server_that_is_away_is_named() -> None:
    gates = Gates(redis.Redis(port=1, retry=Retry(NoBackoff(), 0)), {"m": Limits()})
    with pytest.raises(ServiceUnavailable, match="Redis"):
        gates.acquire("m", "p")


# Several scripts in one round trip


def test_scripts_that_the_server_does_not_know_are_loaded_and_those_that_ran_do_not_run_again(redis_url: str) -> None:
    client = connect(redis_url)
    client.script_flush()
    gates = Gates(client, {"m": Limits(max_concurrency=1)})
    gates.release("m", "x", "ok")
    steps = [gates.acquire_call("m", "p"), gates.release_call("m", "p", "ok"), gates.release_call("m", "p", "ok")]
    script_names = {step.script.name for step in steps}
    assert script_names == {"permit_acquire", "permit_release"}
    admitted, *released = run_together(client, steps)
    assert read_admission(admitted).verdict == "go"
    assert not any(read_released(raw).counted for raw in released), "they ran before the first was known"
    assert [read_released(raw).counted for raw in run_together(client, steps)[1:]] == [True, False]
    client.close()


def test_a_script_that_fails_is_reported_after_the_others_have_run(redis_url: str) -> None:
    client = connect(redis_url)
    gates = Gates(client, {"m": Limits()})
    with pytest.raises(redis.ResponseError):
        run_together(client, [Step(script("seal"), [], []), gates.acquire_call("m", "p")])
    assert gates.read_gauges(["m"])[0].in_flight == 1
    client.close()


NAMES = ("acquire", "release", "renew", "leave", "gauge")


@pytest.mark.parametrize("name", NAMES)
def test_scripts_keep_to_the_six_keys_that_they_all_share(name: str) -> None:
    text = (resources.files("maze_tasks.store") / "lua" / f"permit_{name}.lua").read_text("utf-8")
    assert "-- KEYS: 1 state   2 leases   3 held   4 queue   5 window   6 order\n" in text
