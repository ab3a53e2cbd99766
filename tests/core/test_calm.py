"""Leases are not believed just after their server was away."""

from __future__ import annotations

from maze_tasks.calm import Calm
from maze_tasks.store.connection import Server

LEASE_MS = 15_000
LONG_MS = 10**9


def test_leases_are_believed_while_nothing_happens() -> None:
    calm = Calm(LEASE_MS)
    assert calm.holds(Server(0, "a", LONG_MS))
    assert calm.holds(Server(1, "a", LONG_MS))


def test_not_for_a_lease_after_a_start_whoever_asks() -> None:
    assert not Calm(LEASE_MS).holds(Server(0, "a", LEASE_MS - 1))
    assert Calm(LEASE_MS).holds(Server(0, "a", LEASE_MS))


def test_not_for_a_lease_after_it_was_away() -> None:
    calm = Calm(LEASE_MS)
    calm.holds(Server(0, "a", LONG_MS))
    calm.disturb()
    assert not calm.holds(Server(100_000, "a", LONG_MS))
    assert not calm.holds(Server(100_000 + LEASE_MS - 1, "a", LONG_MS))
    assert calm.holds(Server(100_000 + LEASE_MS, "a", LONG_MS))


def test_not_for_a_lease_after_another_took_over() -> None:
    calm = Calm(LEASE_MS)
    assert calm.holds(Server(0, "a", LONG_MS))
    assert not calm.holds(Server(10, "b", LONG_MS))
    assert calm.holds(Server(10 + LEASE_MS, "b", LONG_MS))


def test_a_server_that_says_nothing_of_itself_is_the_same_one() -> None:
    calm = Calm(LEASE_MS)
    assert calm.holds(Server(0, "", LONG_MS))
    assert calm.holds(Server(1, "", LONG_MS))
