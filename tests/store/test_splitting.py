"""Dividing a hole and joining its parts: each once, with counts that add up, on Redis and on fakeredis."""

from __future__ import annotations

import pytest

from maze_tasks import control
from maze_tasks.models.runs import Attempt, ErrorRecord
from maze_tasks.names import VERIFIERS
from maze_tasks.store import RunStore, care, reading, waiting
from maze_tasks.store.splitting import Divided, NewPart, family, join, split

from .scenes import GROUP, LONE, RUN, begin, finish, open_run, resend, status, ticket

PARTS = [NewPart(number, f'{{"id":{number}}}', 64) for number in (71, 72, 73)]


def left_to_split(store: RunStore) -> None:
    open_run(store, [LONE], [(7, 0)])
    at = ticket(model="good")
    begin(store, at)
    assert finish(store, at, "split", "rejected") == "split"


def divide(store: RunStore) -> Divided:
    return split(store, RUN, 7, PARTS, ["good"], 100)


def end(store: RunStore, part: int, outcome: str = "accepted", step: str = "accept") -> None:
    (spot,) = care.spots(store, RUN, [(part, "0")])
    number = waiting.release(store, RUN, spot, ["good"], "pending", ("", ""))
    if number <= 0:
        number = int(store.client.hget(store.keys(RUN).hole(f"i{part}"), "0.s") or 0)
    at = ticket(part, send_no=number, model="good")
    assert begin(store, at, f"a{part}") == "go"
    finish(store, at, step, outcome, f"a{part}")


def joined(outcome: str = "accepted", error: ErrorRecord | None = None) -> Attempt:
    return Attempt(candidate=0, model="good", outcome=outcome, error=error, code="x", joined=True)


def test_a_hole_is_divided_once_and_waits_for_its_parts(store: RunStore) -> None:
    left_to_split(store)
    keys = store.keys(RUN)
    assert status(store)["pending"] == 1
    assert store.client.zrange(keys.due, 0, -1) == ["i7|split"]
    first = divide(store)
    assert first.what == "ok"
    assert store.client.zrange(keys.due, 0, -1) == []
    assert divide(store) == Divided("stale")
    counts = status(store)
    assert (counts["holes"], counts["pending"], counts["parts"]) == (4, 4, 3)
    assert [one for page in reading.iter_ids(store.client, store.namespace, RUN) for one in page] == [7, 71, 72, 73]
    assert family(store, RUN, [7, 72]) == [(None, (71, 72, 73)), (7, ())]
    assert [one.hole_id for one in waiting.waiting(store, RUN, [7, 71, 72, 73])] == [7, 72, 73]
    assert waiting.children(store, RUN, 71) == [7, 72]
    assert store.client.zrange(keys.queued("good"), 0, -1) == ["i71|0"]
    tokens = store.client.hmget(keys.hole("i71"), ["tp", "tm"])
    assert tokens == ["200", "64"]
    assert begin(store, ticket(71, send_no=first.send_no, model="good"), "b") == "go"


def test_a_hole_that_waits_for_its_parts_is_neither_sent_nor_let_go(store: RunStore) -> None:
    left_to_split(store)
    for _ in ("before it is divided", "after it"):
        (spot,) = care.spots(store, RUN, [(7, "0")])
        assert waiting.release(store, RUN, spot, ["good"], "pending", ("", "")) == -1
        assert resend(store, spot, "good", holders_gone=True) == 0
        divide(store)


@pytest.mark.parametrize("taken", [71, 73])
def test_ids_of_other_holes_are_left_alone(store: RunStore, taken: int) -> None:
    open_run(store, [LONE], [(7, 0), (taken, 0)])
    at = ticket(model="good")
    begin(store, at)
    finish(store, at, "split", "rejected")
    before = status(store)
    assert divide(store) == Divided("taken")
    assert status(store) == before
    assert store.client.zrange(store.keys(RUN).due, 0, -1) == ["i7|split"], "the sweeper finds it still"


def test_nothing_is_divided_that_is_not_left_to_be_nor_in_a_run_that_was_cancelled(store: RunStore) -> None:
    open_run(store, [LONE], [(7, 0)])
    assert divide(store) == Divided("stale")
    at = ticket(model="good")
    begin(store, at)
    finish(store, at, "split", "rejected")
    care.set_state(store, RUN, "cancelling", ["running"])
    assert divide(store) == Divided("stale")
    assert control.cancel(store, RUN).skipped == 1
    assert status(store)["state"] == "cancelled"


def test_a_joined_fill_is_accepted_once_and_ends_the_run(store: RunStore) -> None:
    left_to_split(store)
    divide(store)
    for part in (71, 72, 73):
        end(store, part)
    assert status(store)["state"] == "running"
    assert join(store, RUN, 7, "accept", joined(), ("", ""))[0].what == "filled"
    assert join(store, RUN, 7, "fail", None, ("part", "x"))[0].what == "stale"
    (result,) = reading.read_results(store.client, store.namespace, RUN, [7])
    assert (result.status, result.code, result.model, result.attempts[-1].joined) == ("filled", "x", "good", True)
    counts = status(store)
    assert (counts["state"], counts["filled"], counts["attempts"]) == ("done", 4, 4)
    accounts = reading.read_accounts(store.client, store.namespace, RUN)
    assert accounts["good"].accepted == 3


def test_a_hole_without_all_its_parts_fails_with_the_reason(store: RunStore) -> None:
    left_to_split(store)
    divide(store)
    for part in (71, 72):
        end(store, part)
    end(store, 73, "rejected", "fail")
    assert join(store, RUN, 7, "fail", None, ("part", "part 3 of 3"))[0].what == "failed"
    (result,) = reading.read_results(store.client, store.namespace, RUN, [7])
    assert (result.status, result.error) == ("failed", ErrorRecord(kind="part", message="part 3 of 3"))
    assert (status(store)["state"], status(store)["failed"]) == ("done", 2)


def test_a_joined_fill_that_is_to_be_verified_waits_for_that_and_for_nothing_else(store: RunStore) -> None:
    open_run(store, [GROUP], [(7, 0)])
    for sample in range(3):
        at = ticket(sample=sample)
        begin(store, at, f"a{sample}")
        finish(store, at, "close", "rejected", f"a{sample}")
    (spot,) = care.spots(store, RUN, [(7, "select")])
    selected, _ = care.commit_selection(store, RUN, spot, care.Selection("split"))
    assert selected.what == "split"
    assert split(store, RUN, 7, PARTS[:1], ["fast"] * 3, 0).what == "ok"
    unverified = ErrorRecord(kind="unverified", message="not yet")
    what, number = join(store, RUN, 7, "verify", joined("rejected", unverified), ("", ""))
    assert what.what == "verify"
    keys = store.keys(RUN)
    assert store.client.zrange(keys.queued(VERIFIERS), 0, -1) == ["i7|0"]
    assert begin(store, ticket(sample=1, send_no=number), "b") == "closed", "no other sample asks anybody"
    assert begin(store, ticket(sample=0, send_no=number), "b") == "closed"
    assert join(store, RUN, 7, "verify", joined(), ("", ""))[0].what == "stale"
