"""The gate of a model under any schedule: never more than the limits, nobody forgotten, the breaker as defined."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import pytest
import redis
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from maze_tasks.decide.breaker import Breaker, after_call
from maze_tasks.models.limits import BreakerRules, CallOutcome, Limits
from maze_tasks.store import connect
from maze_tasks.store.gauge_keys import gate_keys
from maze_tasks.store.gauges import Admission, Gates

from .gate_scenes import Log, Scene

WINDOW, LEASE, HOLD = 1_000, 400, 150
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """Connection to a real server: its scripts run fast enough for many schedules."""
    found = connect(redis_url)
    yield found
    found.close()


@dataclass
class Held:
    """A permit as its holder knows it."""

    ends: int
    tokens: int


@dataclass
class Watched:
    """A gate, and what its answers add up to; complains of the first answer that is not what the limits say."""

    scene: Scene
    log: Log
    held: dict[str, Held] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)
    paused_until: int = 0
    drawn: int = 0

    @property
    def now(self) -> int:
        return self.scene.clock.now

    def live(self) -> list[str]:
        """Permits whose lease has not ended."""
        return [permit for permit, held in self.held.items() if held.ends > self.now]

    def queue(self) -> list[str]:
        """Places whose reservation has not lapsed."""
        hold = self.scene.limits.hold_ms
        return [place for place, until in self.waiting.items() if until + hold > self.now]

    def ask(self, place: str, tokens: int) -> Admission:
        """One attempt of a hole, with a permit of its own."""
        self.drawn += 1
        permit, expected = f"a{self.drawn}", None if self.queue() else self.is_free(tokens)
        answer = self.scene.ask(permit, place=place, tokens=tokens)
        assert expected in (None, answer.verdict == "go"), "with nobody waiting all that is free is there to be had"
        self.waiting.pop(place, None)
        if answer.verdict == "go":
            self.took(permit, tokens)
        elif answer.reserved:
            self.waiting[place] = answer.until_ms
        return answer

    def again(self, permit: str) -> None:
        """The same question once more, at any time later."""
        live = permit in self.live()
        # Renewed beyond the window, it counts for nothing any more: the question is that of a newcomer.
        old = self.log.grants[permit][0] < self.now - self.log.window_ms
        answer = self.scene.ask(permit, place="none", max_wait_ms=0)
        assert answer.verdict == "go" or not live or old
        if answer.verdict == "go":
            if not live:  # another call, beside the one that may have been made under the lease that ended
                self.log.grants[f"{permit} at {self.now}"] = self.log.grants.pop(permit)
            self.took(permit, self.held[permit].tokens if live and not old else 0)
        else:
            del self.held[permit]

    def took(self, permit: str, tokens: int) -> None:
        limits = self.scene.limits
        self.held[permit] = Held(self.now + LEASE, tokens)
        self.log.grants[permit] = (self.now, tokens)
        requests, weight = self.log.within(self.now)
        assert len(self.live()) <= limits.max_concurrency
        assert requests <= (limits.requests_per_minute or requests)
        assert weight <= (limits.tokens_per_minute or weight)

    def is_free(self, tokens: int) -> bool | None:
        """Whether a call may go; None where the grain blurs it."""
        limits = self.scene.limits
        requests, weight = self.log.within(self.now)
        if limits.grain_ms > 1:
            return None
        free = requests < (limits.requests_per_minute or 99) and weight + tokens <= (limits.tokens_per_minute or 999)
        return free and len(self.live()) < limits.max_concurrency and self.now >= self.paused_until

    def release(self, permit: str, outcome: CallOutcome, used: int | None, *, latency: int = 0) -> None:
        live = permit in self.live()
        del self.held[permit]
        released = self.scene.gates.release("m", permit, outcome, tokens_used=used, latency_ms=latency)
        assert released.counted or not live
        if released.counted and outcome == "unused":
            self.log.grants.pop(permit)
        elif released.counted and used is not None:
            self.log.grants[permit] = (self.log.grants[permit][0], used)
        self.paused_until = max(self.paused_until, released.paused_until_ms or 0)
        assert not self.scene.done(permit, "auth"), "a second release counts for nothing"

    def check_gauge(self) -> None:
        gauge = self.scene.gates.read_gauges(["m"])[0]
        shown, known = (gauge.requests_last_minute, gauge.tokens_last_minute), self.log.within(self.now)
        assert shown == known if self.scene.limits.grain_ms == 1 else shown >= known
        assert (gauge.in_flight, gauge.waiting) == (len(self.live()), len(self.queue()))
        assert gauge.breaker == "closed"


def watched(client: redis.Redis, **limits: int | None) -> Watched:
    set_ = {"window_ms": WINDOW, "hold_ms": HOLD, "max_wait_ms": 500} | limits
    return Watched(Scene(client, Limits(**set_), lease_ms=LEASE), Log(WINDOW))  # type: ignore[arg-type]


LIMITS = st.fixed_dictionaries(
    {
        "max_concurrency": st.integers(1, 4),
        "requests_per_minute": st.none() | st.integers(1, 6),
        "tokens_per_minute": st.none() | st.integers(8, 20),
        "grain_ms": st.sampled_from([1, 7, 50]),
    }
)
ACTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["ask", "ask", "release", "throttled"]), st.integers(0, 5), st.integers(0, 8)),
        st.tuples(
            st.sampled_from(["again", "unused", "renew", "leave", "wake", "wake"]), st.integers(0, 5), st.just(0)
        ),
        st.tuples(st.just("pass"), st.integers(1, 400), st.just(0)),
    ),
    min_size=30,
    max_size=80,
)


# A permit that is held for longer than a window, asked for again while the endpoint is paused.
OLD = [("ask", 0, 0), ("pass", 380, 0), ("renew", 0, 0), ("pass", 310, 0), ("renew", 0, 0), ("pass", 310, 0),
       ("renew", 0, 0), ("pass", 1, 0), ("ask", 1, 0), ("throttled", 1, 0), ("again", 0, 0)]  # fmt: skip


@example({"max_concurrency": 2, "requests_per_minute": None, "tokens_per_minute": None, "grain_ms": 1}, OLD)
@given(limits=LIMITS, acts=ACTS)
@settings(parent=quick, max_examples=100)
def test_no_schedule_lets_more_through_than_the_limits_or_less_than_is_free(
    client: redis.Redis, limits: dict[str, int | None], acts: list[tuple[str, int, int]]
) -> None:
    gate = watched(client, **limits)
    for act, which, tokens in acts:
        play(gate, act, which, tokens)
        gate.check_gauge()
    gate.scene.clock.now += 10 * WINDOW
    gate.check_gauge()
    assert client.hget(gate_keys(gate.scene.gates.namespace, "m")[0], "rt") in (None, "0")


def play(gate: Watched, act: str, which: int, tokens: int) -> None:
    place, permits = f"hole {which}", sorted(gate.held)
    permit = permits[which % len(permits)] if permits else None
    if act == "ask":
        gate.ask(place, tokens)
    elif act == "pass":
        gate.scene.clock.now += which
    elif act == "leave":
        waits = place in gate.queue()
        assert gate.scene.gates.leave("m", place) or not waits
        gate.waiting.pop(place, None)
    elif act == "wake":
        for place, due in sorted(gate.waiting.items(), key=lambda item: item[1])[:1]:
            gate.scene.clock.now = max(gate.now, due)
            gate.ask(place, 1)
    elif permit is None:
        return
    elif act == "again":
        gate.again(permit)
    elif act == "renew":
        kept = gate.scene.gates.renew_permits([("m", permit), ("m", "nobody")])
        assert kept in ([True, False], [permit in gate.live(), False])
        if kept[0]:
            gate.held[permit].ends = gate.now + LEASE
        else:
            del gate.held[permit]
    else:
        used = min(tokens, gate.held[permit].tokens) if act == "release" else None
        gate.release(permit, "ok" if act == "release" else act, used)  # type: ignore[arg-type]


@given(
    st.integers(1, 5),
    st.none() | st.integers(10, 20),
    st.lists(st.tuples(st.integers(0, 300), st.integers(1, 10)), min_size=10, max_size=25),
)
@quick
def test_with_the_finest_grain_the_window_is_that_of_the_full_log(
    client: redis.Redis, requests: int, tokens: int | None, calls: list[tuple[int, int]]
) -> None:
    gate = watched(client, grain_ms=1, requests_per_minute=requests, tokens_per_minute=tokens, max_concurrency=99)
    for number, (gap, estimate) in enumerate(calls):
        gate.scene.clock.now += gap
        most = tokens or 10**9
        had, weight = gate.log.within(gate.now)
        fits = had < requests and weight + estimate <= most
        answer = gate.scene.ask(f"p{number}", tokens=estimate, max_wait_ms=0)
        assert answer.verdict == ("go" if fits else "refuse")
        if fits:
            gate.log.grants[f"p{number}"] = (gate.now, estimate)
        else:
            assert answer.until_ms == gate.log.free_at(requests - 1, most - estimate)


@given(
    LIMITS,
    st.lists(st.tuples(st.integers(0, 200), st.integers(1, 8)), min_size=10, max_size=30),
    st.sampled_from([1, 7, 50]),
)
@quick
def test_a_hole_that_waits_for_the_rate_wakes_once_and_in_its_turn(
    client: redis.Redis, limits: dict[str, int | None], calls: list[tuple[int, int]], grain: int
) -> None:
    gate = watched(client, **limits | {"max_concurrency": 99, "max_wait_ms": WINDOW, "grain_ms": grain})
    tokens, order = {}, []
    for number, (gap, estimate) in enumerate(calls):
        gate.scene.clock.now += gap
        wake_due(gate, tokens)
        place = f"hole {number}"
        tokens[place] = estimate
        if gate.ask(place, estimate).verdict == "wait":
            order.append(gate.waiting[place])
    assert order == sorted(order)
    gate.scene.clock.now += 2 * WINDOW
    wake_due(gate, tokens)


def wake_due(gate: Watched, tokens: dict[str, int]) -> None:
    """Wake every hole at its time, in the order of their times, and see it go at once."""
    now = gate.now
    for place, due in sorted(gate.waiting.items(), key=lambda item: (item[1], int(item[0][5:]))):
        if due <= now:
            gate.scene.clock.now = due
            assert gate.ask(place, tokens[place]).verdict == "go"
    gate.scene.clock.now = now


@given(st.integers(1, 3), st.none() | st.integers(2, 5), st.randoms(use_true_random=False), st.sampled_from([30, 500]))
@settings(parent=quick, max_examples=25)
def test_every_hole_is_served_whoever_wakes_first_and_none_before_those_that_waited_longer(
    client: redis.Redis, at_once: int, requests: int | None, dice: Random, latency: int
) -> None:
    gate = watched(
        client, max_concurrency=at_once, requests_per_minute=requests, max_wait_ms=60_000, hold_ms=60_000, grain_ms=1
    )
    todo = [f"hole {k * 7 % 10}" for k in range(10)]
    queue, ends = list[str](), dict[str, int]()
    for _ in range(2_000):
        for permit in [permit for permit, end in ends.items() if end <= gate.now]:
            gate.release(permit, "ok", None, latency=latency)
            del ends[permit]
        asking = [place for place in todo[: 4 + gate.drawn // 2] if gate.waiting.get(place, 0) <= gate.now]
        dice.shuffle(asking)
        for place in asking:
            before = queue[: queue.index(place)] if place in queue else [one for one in queue if one in asking]
            free = at_once - len(gate.live())
            verdict = gate.ask(place, 1).verdict
            if verdict == "go":
                assert len(before) < free, "a slot was taken from a hole that came before"
                queue = [other for other in queue if other != place]
                todo.remove(place)
                ends[f"a{gate.drawn}"] = gate.now + dice.randint(1, min(2 * latency, LEASE - 1))
            elif verdict == "wait" and place not in queue:
                queue.append(place)
        if not todo:
            return
        gate.scene.clock.now += 17
    pytest.fail(f"never served: {todo}")


# The breaker


RULES = BreakerRules(
    bucket_ms=100, buckets=3, min_calls=4, streak=3, open_ms=50, auth_open_ms=200, max_open_ms=600, calm_ms=300
)
CALLS = st.lists(
    st.tuples(
        st.sampled_from(
            ["ok", "ok", "failure", "failure", "failure", "auth", "denied", "throttled", "neutral", "unused"]
        ),
        st.integers(0, 80) | st.just(400),
        st.integers(0, 3),
        st.floats(0, 1),
    ),
    min_size=15,
    max_size=60,
)


@given(CALLS)
@settings(parent=quick, max_examples=150)
def test_the_breaker_is_the_one_that_is_defined(
    client: redis.Redis, calls: list[tuple[CallOutcome, int, int, float]]
) -> None:
    scene = Scene(client, Limits(max_concurrency=99, breaker=RULES), lease_ms=100_000)
    model, running = Breaker(), dict[str, int]()
    for number, (outcome, gap, old, draw) in enumerate(calls):
        scene.clock.now += gap
        now, permit = scene.clock.now, f"p{number}"
        state, probed = model.state(now), model.open_until_ms is not None and model.epoch in running.values()
        answer = scene.ask(permit, max_wait_ms=0)
        assert answer.verdict == ("go" if state == "closed" or (state == "half_open" and not probed) else "refuse")
        if answer.verdict == "go":
            running[permit] = model.epoch
            assert answer.why == ("probe" if state == "half_open" else "")
        elif state == "open":
            assert (answer.why, answer.until_ms) == ("denied" if model.denied else "open", model.open_until_ms)
            assert answer.openings == model.level + 1
        else:
            assert answer.why == "probing"
        if len(running) > old:
            # One that began a while ago: calls end in any order.
            ended = sorted(running)[old % len(running)]
            model = after_call(model, RULES, outcome, epoch=running.pop(ended), now_ms=now, draw=draw)
            released = scene.gates.release("m", ended, outcome, pause_ms=int(outcome == "throttled"), draw=draw)
            assert (released.counted, released.open_until_ms) == (True, model.open_until_ms)
            scene.clock.now += outcome == "throttled"
        gauge = scene.gates.read_gauges(["m"])[0]
        assert (gauge.breaker, gauge.open_until_ms) == (model.state(scene.clock.now), model.open_until_ms)


# Many at once


def test_hammered_over_many_connections_it_lets_no_more_through_than_the_limits(redis_url: str) -> None:
    limits = Limits(max_concurrency=3, requests_per_minute=25, window_ms=200, grain_ms=5, hold_ms=1_000)
    granted: list[int] = []
    running: list[int] = []
    start = threading.Barrier(4)

    def hammer(worker: int) -> None:
        connection = connect(redis_url)
        gates = Gates(connection, {"m": limits})
        start.wait()
        begun = answer = gates.acquire("m", f"{worker}", max_wait_ms=0)
        number = 0
        while answer.now_ms - begun.now_ms < 4 * limits.window_ms:
            if answer.verdict == "go":
                granted.append(answer.now_ms)
                running.append(gates.read_gauges(["m"])[0].in_flight)
                gates.release("m", f"{worker}" if number == 0 else f"{worker}.{number}", "ok")
            number += 1
            # Half of them only take what is free, half of them wait for their turn.
            answer = gates.acquire("m", f"{worker}.{number}", place=f"{worker}", max_wait_ms=worker % 2 * 500)
        connection.close()

    threads = [threading.Thread(target=hammer, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = sorted(granted)
    assert max(running) <= 3
    assert len(times) >= 2 * 25
    assert min(beyond - first for first, beyond in zip(times, times[25:], strict=False)) > limits.window_ms
