"""Commits that a restart or a failover lost are made again, once, by whoever made them."""

from __future__ import annotations

import fakeredis
import pytest

from maze_tasks.store import RunStore, care, reading, waiting
from maze_tasks.store.repeating import REMEMBERED_S, Recent
from maze_tasks.store.runs import Began

from .scenes import GROUP, PLAN, RUN, begin, finish, open_run, status, ticket


def keep(store: RunStore) -> None:
    """Put everything that the server holds by."""
    if isinstance(store.client, fakeredis.FakeRedis):
        pytest.skip("copies of fakeredis share what they hold")
    for name in store.client.keys("maze:*"):
        store.client.copy(name, f"kept:{name}")


def lose(store: RunStore) -> None:
    """Put the server back to what was put by."""
    for name in store.client.keys("maze:*"):
        store.client.delete(name)
    for name in store.client.keys("kept:*"):
        store.client.copy(name, str(name).removeprefix("kept:"))


def test_a_lost_commit_is_made_again_with_its_account(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    begin(store, ticket())
    keep(store)
    store.recent.repeat(store.client, "first")
    assert finish(store, ticket(), "accept") == "filled"
    after = status(store)
    lose(store)
    assert status(store)["in_progress"] == 1
    assert store.recent.repeat(store.client, "second") == 1
    assert {**status(store), "finished_at": 0} == {**after, "finished_at": 0}
    (attempt,) = reading.read_attempts(store.client, store.namespace, RUN, 7)
    assert attempt.outcome == "accepted"


def test_a_commit_that_was_kept_is_not_made_twice_nor_counted_as_late(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    begin(store, ticket())
    store.recent.repeat(store.client, "first")
    finish(store, ticket(), "next", "failed")
    before = status(store)
    assert store.recent.repeat(store.client, "first") == 0
    assert store.recent.repeat(store.client, "second") == 1
    assert status(store) == before
    assert len(reading.read_attempts(store.client, store.namespace, RUN, 7)) == 1


def test_commits_older_than_what_a_server_loses_are_forgotten(store: RunStore) -> None:
    now = [0.0]
    store.recent = Recent(lambda: now[0])
    open_run(store, [PLAN], [(7, 0)])
    begin(store, ticket())
    store.recent.repeat(store.client, "first")
    finish(store, ticket(), "accept")
    now[0] = REMEMBERED_S + 1
    assert store.recent.repeat(store.client, "second") == 0
    assert store.recent.repeat(store.client, "") == 0, "a server that does not say is the same one"


FRESH = Began(0, repeated=False, most_nano=200)


def test_an_attempt_that_was_lost_from_its_beginning_is_made_again_with_its_commit(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    store.recent.repeat(store.client, "first")
    keep(store)
    begin(store, ticket())
    finish(store, ticket(), "accept", retries=0)
    after = status(store)
    lose(store)
    assert status(store)["pending"] == 1
    assert store.recent.repeat(store.client, "second") == 1
    assert {**status(store), "finished_at": 0} == {**after, "finished_at": 0}


def test_a_commit_is_taken_though_the_server_has_forgotten_its_lease(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    keep(store)
    begin(store, ticket())
    lose(store)
    assert finish(store, ticket(), "next", "failed", retries=0) == "next"
    assert (status(store)["attempts"], status(store)["late"], status(store)["pending"]) == (1, 0, 1)


def test_a_lease_that_was_forgotten_is_given_back_to_who_renews_it(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    keep(store)
    begin(store, ticket())
    lose(store)
    assert store.renew([(ticket(), "a1")], [None]) == [False]
    assert store.renew([(ticket(), "a1")], [FRESH]) == [True]
    assert status(store)["in_progress"] == 1
    assert begin(store, ticket(), "other") == "leased"
    assert store.renew([(ticket(), "other")], [FRESH]) == [False]
    assert finish(store, ticket(), "accept") == "filled"


def test_who_dies_with_such_a_lease_is_on_record_with_what_the_call_may_have_cost(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    keep(store)
    begin(store, ticket())
    lose(store)
    store.lease_ms = 1
    store.renew([(ticket(), "a1")], [FRESH])
    wait_ms(store, 5)
    assert begin(store, ticket(), "other") == "go"
    (attempt,) = reading.read_attempts(store.client, store.namespace, RUN, 7)
    assert (attempt.outcome, attempt.cost_nano, attempt.worker) == ("lost", 100 + 2 * 50, store.worker)


def test_it_is_not_given_back_once_somebody_else_has_had_it(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    store.lease_ms = 1
    begin(store, ticket())
    wait_ms(store, 5)
    assert begin(store, ticket(), "other") == "go"
    assert store.renew([(ticket(), "a1")], [FRESH]) == [False]
    assert waiting.defer(store, ticket(), "other", 0).what == "deferred"
    assert store.renew([(ticket(), "a1")], [FRESH]) == [False]
    assert finish(store, ticket(), "accept", retries=0) == "late"


@pytest.mark.parametrize("step", ["retry", "next", "round", "fail", "accept", "verify", "split"])
def test_a_commit_made_twice_counts_once_whatever_followed_from_it(store: RunStore, step: str) -> None:
    open_run(store, [PLAN], [(7, 0)])
    begin(store, ticket())
    finish(store, ticket(), step, "failed", retries=0)
    before = status(store)
    assert finish(store, ticket(), step, "failed", retries=0) == "late"
    assert status(store) == {**before, "late": 1}


def test_one_sample_of_several_is_closed_once(store: RunStore) -> None:
    open_run(store, [GROUP], [(7, 0)])
    begin(store, ticket())
    assert finish(store, ticket(), "close", retries=0) == "open"
    assert finish(store, ticket(), "close", retries=0) == "late"


def test_a_run_that_is_cancelled_gives_nothing_back(store: RunStore) -> None:
    open_run(store, [GROUP], [(7, 0)])
    begin(store, ticket())
    begin(store, ticket(sample=1), "a2")
    care.set_state(store, RUN, "cancelling", ["running"])
    assert finish(store, ticket(), "close", retries=0) == "cancelled"
    assert finish(store, ticket(), "close", retries=0) == "late"
    assert status(store)["attempts"] == 1


def wait_ms(store: RunStore, ms: int) -> None:
    """Let the server's clock go on."""
    end = care.server_ms(store) + ms
    while care.server_ms(store) <= end:
        pass
