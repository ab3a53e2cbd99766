"""Permits in the life of an attempt: what all workers share about an endpoint."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from maze_tasks import control
from maze_tasks.call_slots import Bequest, CallSlots
from maze_tasks.endpoints import EndpointClient
from maze_tasks.leases import LeaseKeeper
from maze_tasks.models.limits import Limits
from maze_tasks.models.runs import HoleResult
from maze_tasks.sending import send_from
from maze_tasks.store import care, reading
from maze_tasks.store.cache import FillCache
from maze_tasks.store.gauges import Gates, Gauge
from maze_tasks.waiting_room import WaitingRoom

from .conftest import RUN, Bench, MakeBench

THROTTLED = {"errors": [{"kind": 429, "first": 1, "retry_after_s": 60}]}


def gated(bench: Bench, **limits: Any) -> Bench:
    """A bench whose filler asks for permits; with other limits for all its endpoints."""
    gates = Gates.beside(bench.store, bench.settings.endpoints)
    gates.limits = {name: replace(known, **limits) for name, known in gates.limits.items()}
    bench.filler = replace(bench.filler, gates=gates)
    return bench


def side_by_side(bench: Bench, *, holes: int, threads: int) -> None:
    """Submit holes, and run the first link of each."""
    bench.submit(*range(holes))
    messages, bench.sent[:] = list(bench.sent), []
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(bench.run_link, messages))


def gauge(bench: Bench, model: str = "a") -> Gauge:
    assert bench.filler.gates is not None
    (found,) = bench.filler.gates.read_gauges([model])
    return found


def wake(bench: Bench, *, after_ms: int = 0) -> int:
    _, due = care.overdue(bench.store, RUN, care.server_ms(bench.store) + after_ms)
    return send_from(bench.store, bench.sent.extend, RUN, due)


def result(bench: Bench, number: int) -> HoleResult:
    (found,) = reading.read_results(bench.store.client, "maze", RUN, [number])
    return found


def test_a_call_holds_a_permit_and_gives_it_back_with_its_latency_and_tokens(make_bench: MakeBench) -> None:
    bench = gated(make_bench(a={}))
    bench.submit(1)
    bench.run_all()
    shown, account = gauge(bench), reading.read_accounts(bench.store.client, "maze", RUN)["a"]
    assert (shown.in_flight, shown.requests_last_minute, shown.breaker) == (0, 1, "closed")
    assert shown.latency_ms > 0
    assert shown.tokens_last_minute == account.prompt_tokens + account.generated_tokens


def test_a_hole_beyond_the_calls_at_once_waits_without_an_attempt_and_is_filled_in_its_turn(
    make_bench: MakeBench,
) -> None:
    bench = gated(make_bench(a={}), max_concurrency=1)
    bench.submit(1, 2)
    first, second = bench.sent
    bench.sent.clear()
    looked: list[str] = []

    def client(name: str) -> EndpointClient:
        looked.append(name)
        if len(looked) == 2:  # for the call
            assert bench.run_link(second) is None
            assert (gauge(bench).in_flight, gauge(bench).waiting) == (1, 1)
        return inner(name)

    inner = bench.filler.client
    replace(bench.filler, client=client).fill(first, 1)
    assert (result(bench, 1).status, result(bench, 2).status, result(bench, 2).attempts) == ("filled", "pending", ())
    assert bench.counted("a")["requests"] == 1
    due = care.next_due_ms(bench.store, RUN)
    assert due is not None
    assert wake(bench, after_ms=due - care.server_ms(bench.store)) == 1


def test_a_pause_asked_of_one_hole_holds_for_all_and_a_long_one_is_spent_at_another_candidate(
    make_bench: MakeBench,
) -> None:
    bench = gated(make_bench(a=THROTTLED, b={}))
    bench.submit(1, 2)
    bench.run_all()
    assert bench.counted("a")["requests"] == 1
    spilled = result(bench, 2)
    assert (spilled.status, [(one.model, one.candidate) for one in spilled.attempts]) == ("filled", [("b", 1)])
    assert gauge(bench).paused_until_ms is not None
    assert bench.status().attempts == 3


def test_without_a_candidate_that_is_free_a_hole_waits_for_the_end_of_the_pause(make_bench: MakeBench) -> None:
    bench = gated(make_bench(a=THROTTLED))
    bench.submit(1, 2)
    bench.run_all()
    assert bench.counted("a")["requests"] == 1
    assert (result(bench, 2).status, result(bench, 2).attempts) == ("pending", ())
    due = care.next_due_ms(bench.store, RUN)
    assert due is not None
    assert due - care.server_ms(bench.store) > 50_000


def test_no_candidate_after_a_throttled_one_that_is_paused_itself_is_free(make_bench: MakeBench) -> None:
    bench = gated(make_bench(a=THROTTLED, b=THROTTLED))
    bench.submit(1, 2)
    bench.run_all()
    assert (bench.counted("a")["requests"], bench.counted("b")["requests"]) == (1, 1)
    assert (result(bench, 2).status, result(bench, 2).attempts) == ("pending", ())
    due = care.next_due_ms(bench.store, RUN)
    assert due is not None
    assert due - care.server_ms(bench.store) < 7_000, "b may be free before a is"


def test_a_key_that_is_refused_is_tried_once_and_nobody_waits_for_it(make_bench: MakeBench) -> None:
    bench = gated(make_bench(a={"errors": [{"kind": 401, "every": 1}]}))
    bench.submit(*range(1, 6))
    bench.run_all()
    assert bench.status().failed == 5
    assert bench.counted("a")["requests"] == 1
    assert {one.error.kind for one in bench.results() if one.error} == {"unauthorized"}
    account = reading.read_accounts(bench.store.client, "maze", RUN)["a"]
    assert (account.requests, account.failures, bench.status().attempts) == (1, 1, 5)
    assert gauge(bench).breaker == "open"


def test_an_endpoint_that_fails_again_and_again_is_left_alone_for_a_while(make_bench: MakeBench) -> None:
    bench = gated(make_bench(a={"errors": [{"kind": 500, "every": 1}]}, b={}))
    bench.submit(*range(1, 11))
    bench.run_all()
    streak = Limits().breaker.streak
    assert (bench.counted("a")["requests"], gauge(bench).breaker) == (streak, "open")
    assert (bench.status().filled, bench.counted("b")["requests"]) == (10, 10), "who comes later goes to the next one"


def test_rejected_fills_and_requests_that_are_refused_open_no_breaker(make_bench: MakeBench) -> None:
    bench = gated(make_bench(a={"errors": [{"kind": 400, "every": 1}]}, b={"missing_text": "```\n```"}))
    bench.submit(*range(1, 31))
    bench.run_all()
    assert bench.status().failed == 30
    assert [(bench.counted(name)["requests"], gauge(bench, name).breaker) for name in "ab"] == [(30, "closed")] * 2


def test_no_more_requests_go_out_than_a_minute_has(make_bench: MakeBench) -> None:
    bench = gated(make_bench(a={}), requests_per_minute=3)
    bench.submit(*range(1, 8))
    bench.run_all()
    assert bench.counted("a")["requests"] == 3
    assert (bench.status().filled, bench.status().pending, bench.status().attempts) == (3, 4, 3)


def test_a_call_that_may_take_more_tokens_than_a_minute_has_goes_to_the_next_candidate(make_bench: MakeBench) -> None:
    bench = gated(make_bench(a={}, b={}))
    assert bench.filler.gates is not None
    bench.filler.gates.limits = {**bench.filler.gates.limits, "a": Limits(tokens_per_minute=100)}
    bench.submit(1)
    bench.run_all()
    first, second = result(bench, 1).attempts
    assert (first.model, first.error and first.error.kind, second.model) == ("a", "too_large", "b")
    assert bench.counted("a")["requests"] == 0


def test_an_answer_from_redis_that_was_long_in_coming_is_no_permit(make_bench: MakeBench) -> None:
    bench = gated(make_bench(a={}), requests_per_minute=1)
    times = iter([0.0, 0.0, 1.5])
    bench.filler = replace(bench.filler, now=lambda: next(times, 2.0))
    bench.submit(1)
    bench.run_all()
    assert (bench.counted("a")["requests"], gauge(bench).requests_last_minute, gauge(bench).in_flight) == (0, 0, 0)
    assert wake(bench, after_ms=2_000) == 1
    bench.run_all()
    assert result(bench, 1).status == "filled"


def test_samples_of_one_candidate_wait_for_one_another(make_bench: MakeBench) -> None:
    bench = gated(make_bench(a=THROTTLED, b={}))
    bench.submit(1, best_of_n=2)
    bench.run_all()
    assert bench.counted("a")["requests"] == 1
    assert bench.counted("b")["requests"] == 0
    assert result(bench, 1).status == "pending"


def test_while_a_call_lasts_longer_than_a_lease_its_permit_and_its_claim_are_kept(make_bench: MakeBench) -> None:
    bench = make_bench(a={"latency": 900})
    bench.store.lease_ms = 200
    gated(bench, max_concurrency=1)
    gates, cache = bench.filler.gates, FillCache.beside(bench.store)
    assert gates is not None
    keeper = LeaseKeeper(bench.store, cache=cache, gates=gates, tick_s=0.02)
    bench.filler = replace(bench.filler, leases=keeper, cache=cache)
    bench.submit(1, 2)
    with ThreadPoolExecutor(1) as thread:
        asking = thread.submit(bench.run_link, bench.sent.pop(0))
        while bench.counted("a")["in_flight"] == 0:
            assert not asking.done()
        claims = set()
        while True:
            admission = gates.acquire("a", "another", max_wait_ms=0)
            claims.update(bench.store.client.keys("*:claim"))
            if bench.counted("a")["in_flight"] == 0:
                break
            assert admission.verdict == "refuse"
            assert len(bench.store.client.keys("*:claim")) == 1 or bench.counted("a")["in_flight"] == 0
        asking.result()
    keeper.close()
    assert len(claims) == 1
    assert result(bench, 1).status == "filled"


def test_with_more_slots_than_calls_at_once_holes_wait_where_they_are_and_all_are_filled(make_bench: MakeBench) -> None:
    bench = gated(make_bench(a={"latency": 50}), max_concurrency=1)
    bench.filler = replace(bench.filler, room=WaitingRoom(3))
    bench.submit(1, 2, 3, 4)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(bench.run_link, bench.sent[:]))
    assert (bench.status().filled, bench.counted("a")["max_in_flight"]) == (4, 1)
    assert care.next_due_ms(bench.store, RUN) is None, "none had to wait in the store"
    assert gauge(bench).waiting == 0


def test_who_waits_for_a_permit_begins_nothing_once_the_run_is_paused(make_bench: MakeBench) -> None:
    bench = gated(make_bench(a={}), max_concurrency=1)
    assert bench.filler.gates is not None
    room = WaitingRoom(1)
    bench.filler = replace(bench.filler, room=room)
    bench.submit(1)
    bench.filler.gates.acquire("a", "somebody else's")
    with ThreadPoolExecutor(1) as threads:
        waits = threads.submit(bench.run_link, bench.sent[0])
        until(lambda: len(room._changed._waiters) == 1)  # type: ignore[attr-defined]
        control.pause(bench.store, RUN)
        bench.filler.gates.release("a", "somebody else's", "ok")
        room.call_ended()
        waits.result()
    assert (bench.counted("a")["requests"], gauge(bench).in_flight) == (0, 0)
    assert (bench.status().pending, bench.status().attempts) == (1, 0)
    control.resume(bench.store, bench.sent.extend, RUN)
    bench.run_link(bench.sent[-1])
    assert result(bench, 1).status == "filled"


def test_where_no_seat_is_left_a_hole_waits_in_the_store_and_no_more_are_taken_meanwhile(make_bench: MakeBench) -> None:
    rests: list[float] = []
    bench = gated(make_bench(a={}), max_concurrency=1)
    assert bench.filler.gates is not None
    closed = WaitingRoom(1)
    closed.close()
    bench.filler = replace(bench.filler, room=closed, rest=rests.append)
    bench.submit(1)
    bench.filler.gates.acquire("a", "somebody else's")
    bench.run_all()
    assert care.next_due_ms(bench.store, RUN) is not None
    assert [0 < rest <= 5 for rest in rests] == [True]


def test_slots_kept_for_holes_on_their_way_do_not_stand_idle(make_bench: MakeBench) -> None:
    bench = gated(make_bench(a={}), max_concurrency=1)
    assert bench.filler.gates is not None
    bench.submit(1, 2)
    bench.filler.gates.acquire("a", "somebody else's")
    bench.run_link(bench.sent[0])
    assert gauge(bench).waiting == 1, "it waits in the store"
    until(lambda: wake(bench) == 1)
    bench.filler.gates.release("a", "somebody else's", "ok")
    bench.filler = replace(bench.filler, room=WaitingRoom(1))
    bench.run_link(bench.sent[1])
    assert result(bench, 2).status == "filled"
    bench.run_link(bench.sent[2])
    assert result(bench, 1).status == "filled"


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


class Watched(CallSlots):
    """Keeps who was left a permit."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.left: list[str] = []

    def hand_on(self, heirs_of: str | None) -> tuple[bool, Bequest | None]:
        gone, bequest = super().hand_on(heirs_of)
        self.left.extend([bequest.heir] if bequest else [])
        return gone, bequest


def test_a_call_that_ends_leaves_slot_and_permit_to_a_hole_that_was_got_ready_meanwhile(make_bench: MakeBench) -> None:
    bench = gated(make_bench(a={"latency": 20}), max_concurrency=2)
    slots = Watched(2)
    bench.filler = replace(bench.filler, slots=slots)
    side_by_side(bench, holes=30, threads=5)
    bench.run_all()
    assert bench.status().filled == 30
    counted, shown = bench.counted("a"), gauge(bench)
    assert (counted["requests"], counted["max_in_flight"]) == (30, 2)
    assert (shown.in_flight, shown.waiting, shown.requests_last_minute) == (0, 0, 30)
    assert len(set(slots.left)) == len(slots.left) > 0
    assert shown.tokens_last_minute == counted["tokens"]["prompt"] + counted["tokens"]["generated"]


@pytest.mark.parametrize(("kind", "leaves"), [(422, True), (500, False), (429, False)])
def test_a_call_that_was_refused_for_its_hole_leaves_them_too_one_that_the_endpoint_failed_does_not(
    make_bench: MakeBench, kind: int, leaves: bool
) -> None:
    bench = gated(make_bench(a={"latency": 20, "errors": [{"kind": kind, "every": 1}]}, b={}), max_concurrency=2)
    slots = Watched(2)
    bench.filler = replace(bench.filler, slots=slots)
    side_by_side(bench, holes=12, threads=5)
    counted, shown = bench.counted("a"), gauge(bench)
    assert counted["max_in_flight"] <= 2
    assert shown.in_flight == 0
    assert (len(slots.left) > 0) == leaves


def test_nothing_is_left_where_requests_or_tokens_a_minute_are_limited(make_bench: MakeBench) -> None:
    for limit in ({"requests_per_minute": 100}, {"tokens_per_minute": 1_000_000}):
        bench = gated(make_bench(a={"latency": 5}), max_concurrency=1, **limit)
        slots = CallSlots(1)
        bench.filler = replace(bench.filler, slots=slots)
        side_by_side(bench, holes=8, threads=3)
        assert bench.status().filled == 8
        assert (bench.counted("a")["max_in_flight"], gauge(bench).in_flight) == (1, 0)


def test_a_hole_that_waits_for_a_slot_goes_back_to_the_store_when_its_run_is_paused(make_bench: MakeBench) -> None:
    bench = gated(make_bench(a={}))
    slots = CallSlots(1)
    slots.place("a", "somebody else")
    bench.filler = replace(bench.filler, slots=slots)
    bench.submit(1)
    (message,) = bench.sent
    bench.sent.clear()
    with ThreadPoolExecutor(1) as threads:
        went = threads.submit(bench.run_link, message)
        while slots.waiting == 0:
            time.sleep(0.001)
        assert bench.status().in_progress == 1
        control.pause(bench.store, RUN)
        assert went.result(30) is None
    assert (bench.status().in_progress, bench.status().pending) == (0, 1)
    assert (bench.counted("a")["requests"], gauge(bench).in_flight, slots.waiting) == (0, 0, 0)
