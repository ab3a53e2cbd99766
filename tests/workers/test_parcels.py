"""The holes of one message, side by side in the call slots of a process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from maze_tasks.errors import ServiceUnavailable
from maze_tasks.names import HoleId
from workers import parcels
from workers.parcels import Slots

MakeSlots = Callable[[int], Slots]


@pytest.fixture
def make_slots() -> Iterator[MakeSlots]:
    made: list[Slots] = []

    def make(count: int) -> Slots:
        made.append(Slots(count))
        return made[-1]

    yield make
    for slots in made:
        slots.close()


def never(_: list[HoleId]) -> None:
    raise AssertionError("nothing had to wait")


def test_those_that_go_on_are_told_once_all_have_ended(make_slots: MakeSlots) -> None:
    going, error = make_slots(3).several(lambda hole: int(hole) % 3 == 0, range(1, 10), never)
    assert (sorted(map(int, going)), error) == ([3, 6, 9], None)


def test_however_messages_are_cut_no_more_calls_are_in_flight_than_there_are_slots(make_slots: MakeSlots) -> None:
    slots, lock = make_slots(3), threading.Lock()
    running = most = 0
    full = threading.Barrier(3, timeout=10)

    def fill(hole: HoleId) -> bool:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        if int(hole) < 3:
            full.wait()  # three do run at once
        with lock:
            running -= 1
        return False

    with ThreadPoolExecutor(8) as messages:
        whole = messages.submit(slots.several, fill, range(20), never)
        alone = [messages.submit(slots.one, fill, 100 + number) for number in range(20)]
        assert whole.result() == ([], None)
        assert not any(one.result() for one in alone)
    assert most == 3


def test_a_hole_does_not_wait_long_for_the_others_to_go_on(
    make_slots: MakeSlots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parcels, "PATIENCE_S", 0.05)
    sent: list[HoleId] = []
    passed = threading.Event()

    def fill(hole: HoleId) -> bool:
        if hole == "slow":
            assert passed.wait(10)
        return True

    def send_on(holes: list[HoleId]) -> None:
        sent.extend(holes)
        passed.set()

    going, error = make_slots(2).several(fill, ["quick", "slow"], send_on)
    assert (sent, going, error) == (["quick"], ["slow"], None)


def test_a_store_that_is_away_for_one_hole_keeps_no_other_back(make_slots: MakeSlots) -> None:
    def fill(hole: HoleId) -> bool:
        if hole == 2:
            raise ServiceUnavailable("Redis", "gone")
        return True

    going, error = make_slots(2).several(fill, [1, 2, 3], never)
    assert sorted(map(int, going)) == [1, 3]
    assert isinstance(error, ServiceUnavailable)


def test_an_error_of_ours_is_raised_once_all_have_ended(make_slots: MakeSlots) -> None:
    ended: list[HoleId] = []

    def fill(hole: HoleId) -> bool:
        if hole == 1:
            raise ZeroDivisionError
        ended.append(hole)
        return False

    with pytest.raises(ZeroDivisionError):
        make_slots(1).several(fill, [1, 2, 3], never)
    assert ended == [2, 3]


def test_a_hole_that_came_alone_goes_ahead_of_those_of_a_parcel_that_have_not_begun(make_slots: MakeSlots) -> None:
    slots, order = make_slots(1), list[HoleId]()
    began, go_on = threading.Event(), threading.Event()

    def fill(hole: HoleId) -> bool:
        if hole == 0:
            began.set()
            assert go_on.wait(10)
        order.append(hole)
        return False

    with ThreadPoolExecutor(4) as messages:
        whole = messages.submit(slots.several, fill, range(20), never)
        assert began.wait(10)
        alone = [messages.submit(slots.one, fill, f"alone {number}") for number in range(3)]
        while slots.waiting < 3:
            threading.Event().wait(0.001)
        go_on.set()
        assert whole.result(10) == ([], None)
        assert not any(one.result(10) for one in alone)
    assert order[:1] == [0]
    assert {f"alone {number}" for number in range(3)} <= set(order[1:6])
    assert order[-1] == 19
