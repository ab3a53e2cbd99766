"""The calls at once of a process, and what one leaves to the next."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.call_slots import CallSlots, Place

SOON_S = 30.0


def in_line(slots: CallSlots, name: str, model: str = "a") -> tuple[Place, threading.Thread]:
    """An attempt that waits for a slot in a thread of its own."""
    place = slots.place(model, name)
    assert not place.taken
    thread = threading.Thread(target=place.wait, args=(7,), daemon=True)
    before = slots.waiting
    thread.start()
    while slots.waiting == before:
        threading.Event().wait(0.001)
    return place, thread


def test_the_next_in_line_gets_slot_and_permit_at_once() -> None:
    slots = CallSlots(1)
    slots.quiet("a", True)
    first = slots.place("a", "one")
    second, waits = in_line(slots, "two")
    first.leave_both()
    waits.join(SOON_S)
    assert second.taken
    assert first.left is not None
    assert second.came_by is first.left
    assert (first.left.heir, first.left.tokens) == ("two", 7)
    first.leave()
    assert not slots.place("a", "three").taken, "it is left once"


@pytest.mark.parametrize("why", ["noisy", "another model", "nobody there"])
def test_a_slot_is_kept_until_the_commit_where_its_permit_cannot_be_left(why: str) -> None:
    slots = CallSlots(1)
    slots.quiet("a", why != "noisy")
    first = slots.place("a", "one")
    others = [] if why == "nobody there" else [in_line(slots, "two", "b" if why == "another model" else "a")]
    first.leave_both()
    assert (first.taken, first.left) == (True, None)
    first.leave()
    for second, waits in others:
        waits.join(SOON_S)
        assert (second.taken, second.came_by) == (True, None)
    assert slots.place("a", "three").taken == (not others)


def test_an_heir_commits_only_once_its_permit_is_on_record() -> None:
    slots = CallSlots(1)
    slots.quiet("a", True)
    first = slots.place("a", "one")
    second, waits = in_line(slots, "two")
    first.leave_both()
    waits.join(SOON_S)
    commits = threading.Thread(target=second.await_settled, daemon=True)
    commits.start()
    commits.join(0.05)
    assert commits.is_alive()
    with first:  # whatever ends the first attempt
        pass
    commits.join(SOON_S)
    assert not commits.is_alive()


def test_who_does_not_come_up_in_time_has_no_slot_and_is_in_nobody_s_way() -> None:
    slots = CallSlots(1, tick_s=0.01)
    first, second = slots.place("a", "one"), slots.place("a", "two")
    assert not second.wait(7)
    assert slots.waiting == 0
    first.leave()
    assert second.wait(7)


def test_nobody_waits_in_a_process_that_ends() -> None:
    slots = CallSlots(1)
    slots.place("a", "one")
    second, waits = in_line(slots, "two")
    slots.close()
    waits.join(SOON_S)
    assert not waits.is_alive()
    assert (second.taken, second.wait(7)) == (False, False)


def test_without_a_number_there_is_always_a_slot() -> None:
    slots = CallSlots()
    places = [slots.place("a", str(number)) for number in range(100)]
    assert all(place.taken for place in places)
    for place in places:
        place.leave_both()
        place.leave()
        assert place.left is None


@given(count=st.integers(1, 4), models=st.lists(st.sampled_from("ab"), min_size=1, max_size=40), quiet=st.booleans())
def test_no_more_calls_than_slots_and_each_bequest_has_one_heir(count: int, models: list[str], quiet: bool) -> None:
    slots = CallSlots(count)
    lock = threading.Lock()
    calls, most, heirs = 0, 0, list[str]()
    for model in "ab":
        slots.quiet(model, quiet)

    def attempt(number: int) -> None:
        nonlocal calls, most
        with slots.place(models[number], str(number)) as place:
            while not place.taken and not place.wait(1):
                pass
            with lock:
                calls += 1
                most = max(most, calls)
                if place.came_by is not None:
                    assert place.came_by.heir == str(number)
                    heirs.append(str(number))
            with lock:
                calls -= 1
            place.leave_both()
            place.await_settled()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(attempt, range(len(models))))
    assert most <= count
    assert len(set(heirs)) == len(heirs)
    assert slots.waiting == 0
    assert [slots.place("a", "last").taken for _ in range(count + 1)] == [True] * count + [False]
