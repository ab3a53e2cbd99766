"""Commits that a restart or a failover lost are made again, once, by whoever made them."""

from __future__ import annotations

import fakeredis
import pytest

from maze_tasks.store import RunStore, reading
from maze_tasks.store.repeating import REMEMBERED_S, Recent

from .scenes import PLAN, RUN, begin, finish, open_run, status, ticket


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
