"""Budget and deadline of a run: what must hold on every server it runs on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.errors import Refused
from maze_tasks.models.runs import Attempt, Cursor, ErrorRecord, RunRules
from maze_tasks.store import Commit, NewHole, RunStore, Ticket, aside, budgets, care, reading, waiting
from maze_tasks.store.runs import Begun

from .scenes import GROUP, LONE, RUN, finish, lost, status, ticket

MOST = 150  # nano-USD that a call of these scenes may cost


def open_run(store: RunStore, numbers: range, *, budget: int | None = None, deadline_s: float | None = None) -> None:
    rules = RunRules(budget_nano=budget, deadline_s=deadline_s)
    store.create(RUN, [LONE, GROUP], input_digest="in", config_digest="conf", rules=rules)
    store.submit(RUN, [NewHole(number, "{}", 0, LONE, 100, 50) for number in numbers])
    store.seal(RUN)


def begin(store: RunStore, number: int, attempt_id: str) -> Begun:
    at = ticket(number, model="good")
    return store.begin(at, attempt_id, lost(at), (1, 1))


def reserve(store: RunStore, number: int, attempt_id: str) -> str:
    assert begin(store, number, attempt_id).verdict == "go"
    return budgets.reserve(store, ticket(number, model="good"), attempt_id, MOST)


def reserve_at(store: RunStore, cursor: Cursor, attempt_id: str) -> str:
    (spot,) = care.spots(store, RUN, [(0, "0")])
    assert spot.cursor == cursor
    (sending,) = care.resend(store, RUN, [(spot, lost(ticket(0, model="good")))])
    at = Ticket(RUN, 0, cursor, sending.number, "good")
    assert store.begin(at, attempt_id, lost(at), (1, 1)).verdict == "go"
    return budgets.reserve(store, at, attempt_id, MOST)


def skip(store: RunStore, number: int, attempt_id: str) -> str:
    """End a hole that was not asked for, for lack of money."""
    at = ticket(number, model="good")
    attempt = Attempt(candidate=0, model="good", outcome="failed", error=ErrorRecord(kind="budget"))
    commit = Commit(attempt, "fail", {}, error_kind="budget", status="skipped")
    return store.finish(at, attempt_id, commit, next_model=None).what


def end(store: RunStore, number: int, attempt_id: str, cost: int) -> str:
    return finish(store, ticket(number, model="good"), "accept", attempt_id=attempt_id, cost=cost)


def test_a_call_is_reserved_before_it_is_made_and_settled_after(store: RunStore) -> None:
    open_run(store, range(4), budget=310)
    assert begin(store, 0, "a0").budgeted
    assert [reserve(store, number, f"a{number}") for number in range(3)] == ["go", "go", "deferred"]
    assert (status(store)["in_progress"], status(store)["pending"]) == (2, 2)
    assert end(store, 0, "a0", 20) == "filled"
    assert reserve(store, 2, "b2") == "deferred", "150 and 20 are not left free by 150"
    assert end(store, 1, "a1", 20) == "filled"
    assert reserve(store, 2, "c2") == "go"
    assert end(store, 2, "c2", 20) == "filled"
    found = reading.read_status(store.client, store.namespace, RUN)
    assert found is not None
    assert (found.cost_nano, found.budget_nano, found.state) == (60, 310, "running")


def test_a_question_that_is_repeated_reserves_once_and_one_without_the_lease_nothing(store: RunStore) -> None:
    open_run(store, range(2), budget=300)
    assert [reserve(store, 0, "a0") for _ in range(3)] == ["go"] * 3
    assert budgets.reserve(store, ticket(1, model="good"), "nobody", MOST) == "late"
    assert reserve(store, 1, "a1") == "go"


def test_who_waits_for_what_others_have_reserved_is_woken_when_something_is_given_back(store: RunStore) -> None:
    open_run(store, range(3), budget=200)
    reserve(store, 0, "a0")
    assert reserve(store, 1, "a1") == "deferred"
    assert care.overdue(store, RUN, care.server_ms(store)) == ([], [])
    assert care.overdue(store, RUN, care.server_ms(store) + 5_000) == ([], [(1, "0")])
    end(store, 0, "a0", 10)
    assert care.overdue(store, RUN, care.server_ms(store)) == ([], [(1, "0")])


def test_where_nothing_is_reserved_a_call_that_does_not_fit_never_will_and_the_run_ends_exhausted(
    store: RunStore,
) -> None:
    open_run(store, range(2), budget=200)
    reserve(store, 0, "a0")
    end(store, 0, "a0", 100)
    assert reserve(store, 1, "a1") == "spent"
    assert (status(store)["state"], status(store)["stopped_by"]) == ("running", None), "a cheaper call may still fit"
    assert skip(store, 1, "a1") == "skipped"
    report = status(store)
    assert (report["state"], report["filled"], report["skipped"]) == ("exhausted", 1, 1)
    assert (report["stopped_by"], report["budget_usd"]) == ("budget", 200e-9)
    with pytest.raises(Refused, match="exhausted"):
        store.submit(RUN, [NewHole(9, "{}", 0, LONE, 1, 1)])


def test_an_exhausted_run_goes_on_with_more(store: RunStore) -> None:
    open_run(store, range(1), budget=100)
    assert reserve(store, 0, "a0") == "spent"
    assert skip(store, 0, "a0") == "skipped"
    care.set_limits(store, RUN, budget_nano=1_000, deadline_ms=None)
    assert aside.reopen(store, RUN, [0], "budget") == ([0], [])
    assert status(store)["state"] == "running"
    assert reserve_at(store, Cursor(1), "a1") == "go"


def test_a_hole_that_only_waits_has_reserved_nothing(store: RunStore) -> None:
    open_run(store, range(2), budget=150)
    reserve(store, 0, "a0")
    waiting.defer(store, ticket(0, model="good"), "a0", 60_000)
    assert reserve(store, 1, "a1") == "go"


def test_what_a_dead_worker_had_reserved_is_spent_and_what_it_had_not_is_not(store: RunStore) -> None:
    open_run(store, range(2), budget=200)
    reserve(store, 0, "a0")
    begin(store, 1, "a1")
    for number in (0, 1):
        store.client.hset(store.keys(RUN).hole(f"i{number}"), "0.x", 0)
    assert reserve(store, 0, "again") == "spent"
    skip(store, 0, "again")
    assert reserve(store, 1, "again") == "spent"
    report = status(store)
    assert (report["cost_usd"], report["unsettled_usd"], report["attempts"]) == (150e-9, 150e-9, 3)


def test_calls_that_cost_nothing_need_no_budget(store: RunStore) -> None:
    open_run(store, range(1), budget=0)
    begin(store, 0, "a0")
    assert budgets.reserve(store, ticket(0, model="good"), "a0", 0) == "go"
    assert end(store, 0, "a0", 0) == "filled"


def test_after_the_deadline_nothing_begins_and_what_came_in_time_is_kept(store: RunStore) -> None:
    open_run(store, range(3), deadline_s=3600)
    begun = begin(store, 0, "a0")
    assert begun.left_ms is not None
    assert 0 < begun.left_ms <= 3_600_000
    assert not care.exhaust(store, RUN), "it has not passed"
    store.client.hset(store.keys(RUN).meta, "deadline", 1)
    assert begin(store, 1, "a1").verdict == "spent"
    assert care.exhaust(store, RUN)
    assert care.drop(store, RUN, [(number, ("good",)) for number in range(3)]) == 2
    assert end(store, 0, "a0", 5) == "filled"
    report = status(store)
    assert (report["state"], report["filled"], report["skipped"]) == ("exhausted", 1, 2)


def test_without_a_budget_nothing_is_refused_and_a_cancelled_run_stays_cancelled(store: RunStore) -> None:
    open_run(store, range(2))
    assert [begin(store, number, f"a{number}").left_ms for number in range(2)] == [None, None]
    care.set_state(store, RUN, "cancelling", ["running"])
    for number in range(2):
        assert end(store, number, f"a{number}", 1) == "cancelled"
    assert (status(store)["state"], status(store)["stopped_by"]) == ("cancelled", None)


@given(budget=st.integers(0, 1_000), costs=st.lists(st.integers(0, 150), max_size=30), order=st.randoms())
def test_no_more_is_spent_than_the_budget_whatever_the_calls_cost_and_when_they_end(
    budget: int, costs: list[int], order: object
) -> None:
    import random

    import fakeredis

    assert isinstance(order, random.Random)
    client = fakeredis.FakeRedis(decode_responses=True)
    client.flushall()
    store = RunStore(client)
    open_run(store, range(len(costs)), budget=budget)
    left, running = list(range(len(costs))), []
    while left or running:
        if left and (not running or order.random() < 0.6):
            number = left.pop()
            verdict = reserve(store, number, f"a{number}")
            if verdict == "go":
                running.append(number)
            elif verdict == "deferred":
                assert running
                left.append(number)
            else:
                assert not running
                skip(store, number, f"a{number}")
        if running and (not left or order.random() < 0.5 or len(running) * MOST + MOST > budget):
            number = running.pop(order.randrange(len(running)))
            end(store, number, f"a{number}", costs[number])
        spent = int(client.hget(store.keys(RUN).meta, "cost_nano") or 0)
        reserved = int(client.hget(store.keys(RUN).meta, "reserved") or 0)
        assert spent + reserved <= budget
        assert reserved == MOST * len(running)
    client.close()
