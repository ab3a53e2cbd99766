"""Running the holes of a message: one in the thread that took it, several side by side in the process's call slots."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Condition, Lock, Thread
from types import TracebackType

from maze_tasks.errors import MazeError
from maze_tasks.names import HoleId
from workers.hands import AHEAD_SHARE, Hands

PATIENCE_S = 1.0  # how long a hole that needs the next candidate waits for its parcel to end


class Slots:
    """Threads for the holes of a process: one for each of its call slots, and for those that are got ready meanwhile.

    Args:
        count: call slots.
        hands: told which holes are in hand.
    """

    def __init__(self, count: int, hands: Hands | None = None) -> None:
        self._hands = Hands() if hands is None else hands
        self._hands.has_slots(count)
        self._lanes = _Lanes(count, self._hands)

    @property
    def waiting(self) -> int:
        """How many holes that came alone have not begun."""
        return self._lanes.alone

    def one(self, fill: Callable[[HoleId], bool], hole_id: HoleId) -> bool:
        """Fill one hole in this thread."""
        self._hands.begin(1)
        try:
            with self._lanes:
                return fill(hole_id)
        finally:
            self._hands.ended()
            self._hands.end()

    def several(
        self, fill: Callable[[HoleId], bool], holes: Sequence[HoleId], send_on: Callable[[list[HoleId]], object]
    ) -> tuple[list[HoleId], MazeError | None]:
        """Fill holes side by side.

        Args:
            fill: makes an attempt for a hole; whether it goes on to the next candidate.
            holes: their ids.
            send_on: sends holes to their next candidate that have waited `PATIENCE_S` for the others.

        Returns:
            Those that go on and were not sent on, and why an attempt could not be made or committed, if one could not.
        """
        self._hands.begin(len(holes))
        try:
            return self._side_by_side(_Parcel(fill, len(holes), self._hands), holes, send_on)
        finally:
            self._hands.end()

    def _side_by_side(
        self, parcel: _Parcel, holes: Sequence[HoleId], send_on: Callable[[list[HoleId]], object]
    ) -> tuple[list[HoleId], MazeError | None]:
        self._lanes.add(parcel, holes)
        going: list[HoleId] = []
        since = 0.0
        while True:
            try:
                went = parcel.news.get(timeout=since + PATIENCE_S - time.monotonic() if going else None)
            except (Empty, ValueError):
                send_on(going)
                going = []
                continue
            if went is None:
                break
            since = since if going else time.monotonic()
            going.append(went)
        if parcel.broken is not None:
            raise parcel.broken
        return going, parcel.error

    def close(self) -> None:
        """Take on nothing more; what runs is not waited for."""
        self._lanes.close()


class _Lanes:
    """Threads that run the holes of parcels in their order, as many as may be begun at a time.

    One that has run a hole takes the next without anybody being woken: a pool of threads, and a semaphore in front of
    it, take several times as long to hand one over.
    """

    def __init__(self, count: int, hands: Hands) -> None:
        self._count, self._hands = count, hands
        self._begun = 0
        self._holes: deque[tuple[_Parcel, HoleId]] = deque()
        lock = Lock()
        self._changed, self._left = Condition(lock), Condition(lock)
        self._idle = self._made = self.alone = 0
        self._closed = False

    def add(self, parcel: _Parcel, holes: Sequence[HoleId]) -> None:
        """Have the holes of a parcel run."""
        with self._changed:
            self._holes.extend((parcel, hole_id) for hole_id in holes)
            self._changed.notify(max(0, min(len(holes), self._room)))
            wanted = min(len(self._holes) - self._idle, self._count + self._count // AHEAD_SHARE - self._made)
            self._made += max(wanted, 0)
        for _ in range(wanted):
            Thread(target=self._run, name="fill", daemon=True).start()

    @property
    def _room(self) -> int:
        return self._count + self._hands.ahead - self._begun

    def _run(self) -> None:
        begun = False
        while True:
            with self._changed:
                self._begun -= begun
                if self.alone:
                    self._left.notify()
                while not self._closed and (not self._holes or self._room <= self.alone):
                    self._idle += 1
                    self._changed.wait()
                    self._idle -= 1
                if self._closed:
                    return
                parcel, hole_id = self._holes.popleft()
                self._begun += 1
                begun = True
                if self._idle and self._holes and self._room > self.alone:
                    self._changed.notify()
            parcel.run(hole_id)

    def __enter__(self) -> None:
        """Begin a hole in the calling thread; a context of each."""
        with self._left:
            self.alone += 1  # it goes ahead of holes that have not begun
            while self._room <= 0:
                self._left.wait()
            self.alone -= 1
            self._begun += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._changed:
            self._begun -= 1
            self._left.notify()
            self._changed.notify()

    def close(self) -> None:
        """Begin nothing more."""
        with self._changed:
            self._closed = True
            self._holes.clear()
            self._changed.notify_all()


class _Parcel:
    """Holes under way: `news` has each that goes on as it does, and None when all have ended."""

    def __init__(self, fill: Callable[[HoleId], bool], count: int, hands: Hands) -> None:
        self.news: SimpleQueue[HoleId | None] = SimpleQueue()
        self.error: MazeError | None = None
        self.broken: Exception | None = None
        self._fill, self._left, self._lock, self._hands = fill, count, Lock(), hands

    def run(self, hole_id: HoleId) -> None:
        try:
            if self._fill(hole_id):
                self.news.put(hole_id)
        except MazeError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001 - raised by the thread that waits for the parcel, which must not hang
            self.broken = error
        finally:
            self._hands.ended()
            with self._lock:
                self._left -= 1
                ended = self._left == 0
            if ended:
                self.news.put(None)
