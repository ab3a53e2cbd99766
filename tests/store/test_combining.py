"""Scripts of several threads in one round trip."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import fakeredis
import pytest
import redis

from maze_tasks.store import together
from maze_tasks.store.combining import GATHER_S, MOST, THICK_S, Combiner
from maze_tasks.store.scripts import Script
from maze_tasks.store.together import Step


def script(source: str) -> Script:
    import hashlib

    return Script("test", source, hashlib.sha1(source.encode()).hexdigest())


COUNT = script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
WRONG = script("return redis.call('INCRBY', KEYS[1], 'x')")


class Counting(fakeredis.FakeRedis):
    """A server that counts round trips, and holds the first one back until it is let go."""

    trips = 0
    entered = None
    go_on = None

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        take = self.connection_pool.get_connection

        def taken(*args: Any, **kwargs: Any) -> Any:
            self.trips += 1
            if self.entered is not None and not self.entered.is_set():
                self.entered.set()
                assert self.go_on.wait(10)
            return take(*args, **kwargs)

        self.connection_pool.get_connection = taken


def held(server: Counting) -> None:
    server.entered, server.go_on = threading.Event(), threading.Event()


def gathered(combiner: Combiner, count: int) -> None:
    while len(combiner._waiting) < count:
        pass


def test_alone_a_call_is_a_call(server: Counting) -> None:
    combiner = Combiner(server)
    assert combiner.run_each([Step(COUNT, ["a"], [2])]) == [2]
    assert combiner.run_each([Step(COUNT, ["a"], [3]), Step(COUNT, ["b"], [1])]) == [5, 1]


def test_what_gathers_during_a_round_trip_shares_the_next_one(server: Counting) -> None:
    combiner = Combiner(server)
    combiner.run_each([Step(COUNT, ["warm"], [1])])
    server.trips = 0
    held(server)
    with ThreadPoolExecutor(20) as pool:
        first = pool.submit(combiner.run_each, [Step(COUNT, ["n"], [1])])
        assert server.entered is not None
        assert server.go_on is not None
        server.entered.wait(10)
        others = [pool.submit(combiner.run_each, [Step(COUNT, ["n"], [1])]) for _ in range(19)]
        gathered(combiner, 19)
        server.go_on.set()
        results = [one for call in [first, *others] for one in call.result(10)]
    assert sorted(results) == list(range(1, 21)), "each got the result of its own call"
    assert server.trips == 2


def test_where_calls_come_thick_and_fast_a_round_trip_waits_for_company(server: Counting) -> None:
    clock, company = [0.0], list[Future[list[Any]]]()

    def sleep(seconds: float) -> None:
        assert seconds == GATHER_S
        company.append(pool.submit(combiner.run_each, [Step(COUNT, ["n"], [1])]))
        gathered(combiner, 2)

    combiner = Combiner(server, lambda: clock[0], sleep)
    combiner.run_each([Step(COUNT, ["warm"], [1])])
    with ThreadPoolExecutor(1) as pool:
        for between_s, waits in ((10 * THICK_S, False), (THICK_S / 2, True)):
            for _ in range(100):
                clock[0] += between_s
                company.clear()
                server.trips = 0
                combiner.run_each([Step(COUNT, ["n"], [1])])
                assert all(len(call.result(10)) == 1 for call in company)
                assert server.trips == 1, "it went along"
            assert bool(company) == waits


def test_no_round_trip_is_larger_than_what_redis_may_be_busy_with(server: Counting) -> None:
    combiner = Combiner(server)
    combiner.run_each([Step(COUNT, ["warm"], [1])])
    server.trips = 0
    held(server)
    with ThreadPoolExecutor(MOST + 9) as pool:
        calls = [pool.submit(combiner.run_each, [Step(COUNT, ["n"], [1])])]
        assert server.entered is not None
        assert server.go_on is not None
        server.entered.wait(10)
        calls += [pool.submit(combiner.run_each, [Step(COUNT, ["n"], [1])]) for _ in range(MOST + 8)]
        gathered(combiner, MOST + 8)
        server.go_on.set()
        assert sorted(call.result(10)[0] for call in calls) == list(range(1, MOST + 10))
    assert server.trips == 3


def test_a_script_that_fails_fails_for_its_own_caller_alone(server: Counting) -> None:
    combiner = Combiner(server)
    combiner.run_each([Step(COUNT, ["warm"], [1])])
    held(server)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(combiner.run_each, [Step(COUNT, ["n"], [1])])
        assert server.entered is not None
        assert server.go_on is not None
        server.entered.wait(10)
        good = pool.submit(combiner.run_each, [Step(COUNT, ["n"], [1])])
        bad = pool.submit(together.run_together, combiner, [Step(WRONG, ["n"], [])])
        gathered(combiner, 2)
        server.go_on.set()
        assert sorted([*first.result(10), *good.result(10)]) == [1, 2]
        with pytest.raises(redis.ResponseError):
            bad.result(10)


def test_a_server_that_is_away_is_away_for_all_and_the_next_call_tries_again() -> None:
    away = fakeredis.FakeServer()
    combiner = Combiner(fakeredis.FakeRedis(server=away, decode_responses=True))
    away.connected = False
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(combiner.run_each, [Step(COUNT, ["n"], [1])]) for _ in range(8)]
        assert all(isinstance(call.exception(10), redis.ConnectionError) for call in calls)
    away.connected = True
    assert combiner.run_each([Step(COUNT, ["n"], [1])]) == [1]


def test_many_threads_lose_nothing(server: Counting) -> None:
    combiner = Combiner(server)

    def work(_: int) -> Sequence[Any]:
        return [combiner.run_each([Step(COUNT, ["n"], [1])])[0] for _ in range(50)]

    with ThreadPoolExecutor(16) as pool:
        seen = sorted(one for several in pool.map(work, range(16)) for one in several)
    assert seen == list(range(1, 801))


@pytest.fixture
def server() -> Counting:
    return Counting(decode_responses=True)
