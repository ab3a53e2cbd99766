"""A worker process takes messages for as long as it has slots for their holes, and a few in reserve."""

from __future__ import annotations

from workers.hands import LEAST_SPARE, Hands


def hands_of(slots: int) -> tuple[Hands, list[str]]:
    hands, woken = Hands(), list[str]()
    hands.has_slots(slots)
    hands.wake = lambda: woken.append("woken")
    return hands, woken


def test_messages_are_taken_until_every_slot_has_its_hole_and_a_few_wait() -> None:
    hands, _ = hands_of(100)
    for _ in range(12):
        hands.begin(10)
        assert hands.room(delivered=1)
    hands.begin(10)  # 130 holes, 100 slots
    assert not hands.room(delivered=13)


def test_few_slots_have_a_reserve_all_the_same() -> None:
    hands, _ = hands_of(1)
    hands.begin(LEAST_SPARE)
    assert hands.room(delivered=1)
    hands.begin(1)
    assert not hands.room(delivered=2)


def test_short_calls_have_a_reserve_for_the_time_that_a_message_takes() -> None:
    clock = iter(number / 1_000 for number in range(100_000))
    hands = Hands(lambda: next(clock))
    hands.has_slots(10)
    hands.begin(1_000)
    for _ in range(960):
        hands.ended()  # one a millisecond
    assert hands.room(delivered=1), "40 are soon done"
    hands.begin(100)
    assert not hands.room(delivered=2)


def test_whoever_waits_for_room_is_woken_once_it_is_there() -> None:
    hands, woken = hands_of(10)
    hands.begin(50)
    for _ in range(40):
        hands.ended()
    assert not woken, "nobody had asked"
    hands.begin(40)
    assert not hands.room(delivered=2)
    for _ in range(30):
        hands.ended()
    assert not woken
    hands.ended()
    assert woken == ["woken"]
    hands.ended()
    assert woken == ["woken"]
    assert hands.room(delivered=2)


def test_what_is_taken_and_not_begun_counts_as_much_as_the_last_message() -> None:
    hands, _ = hands_of(10)
    hands.begin(8)
    assert hands.room(delivered=2)
    assert not hands.room(delivered=3)
    for _ in range(8):
        hands.ended()
    hands.end()
    assert hands.room(delivered=1)


def test_a_process_that_runs_no_calls_itself_has_always_room() -> None:
    assert Hands().room(delivered=1_000)


def test_nothing_is_taken_while_what_was_taken_has_to_wait() -> None:
    hands = Hands()
    hands.has_slots(4)
    hands.rest(0)
    assert hands.room(0)
    hands.rest(3600)
    hands.rest(0)  # the first word holds until its time is over
    assert not hands.room(0)
