"""What a worker process has in its hands: holes of messages that it took and has not ended.

A message carries many holes, and there are as many threads that take messages as call slots. Were messages taken until
each thread has one, a process would hold many times the holes it can have in flight, which another may be waiting for:
the last of a batch would be filled by one process while all others are done, and more is sent again when it is killed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

SPARE_SHARE = 4  # one hole in reserve for so many slots, so that none is idle until the next message is there
LEAST_SPARE, MOST_SPARE = 10, 100
READY_S = 0.1  # so long the reserve lasts where calls are short: the next message takes its time
AHEAD_SHARE = 3  # got ready while all slots are taken: at most one hole for so many slots
AHEAD_S = 0.02  # and no more than come to their call in so long
_SMOOTH = 0.05  # weight of the last gap between two ends in their mean
_LONGEST_GAP_S = 1.0  # longer ones say that there was nothing to do


class Hands:
    """Counts, and says whether there is room for one more message.

    Only a process that runs its calls itself counts anything. In the parent of child processes, which have a slot each,
    there is always room.

    Args:
        now: monotonic seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.wake: Callable[[], object] = lambda: None
        self._now = now
        self._ended_at, self._gap_s = now(), _LONGEST_GAP_S
        self._slots = 0
        self._holes = self._messages = self._size = 0
        self._full = False
        self._rests_until = 0.0
        self._lock = threading.Lock()

    def has_slots(self, count: int) -> None:
        """Say how many calls the process may have in flight."""
        self._slots = count

    def begin(self, holes: int) -> None:
        """A message is begun: its holes are in hand."""
        with self._lock:
            self._messages += 1
            self._holes += holes
            self._size = holes

    def ended(self) -> None:
        """One hole has ended; whoever takes messages is woken if they waited for that."""
        with self._lock:
            now = self._now()
            gap_s = min(now - self._ended_at, _LONGEST_GAP_S)
            self._ended_at, self._gap_s = now, self._gap_s + _SMOOTH * (gap_s - self._gap_s)
            self._holes -= 1
            woken = self._full and self._room(0)
            if woken:
                self._full = False
        if woken:
            self.wake()

    def end(self) -> None:
        """All holes of a message have ended."""
        with self._lock:
            self._messages -= 1

    def rest(self, seconds: float) -> None:
        """Take nothing for so long: what was taken has to wait, and so would the rest of its queue."""
        with self._lock:
            now = self._now()
            if now >= self._rests_until:
                self._rests_until = now + seconds

    @property
    def ahead(self) -> int:
        """How many holes may be got ready while all slots are taken: as many as come to their call in a moment."""
        return min(self._slots // AHEAD_SHARE, int(AHEAD_S / max(self._gap_s, AHEAD_S / MOST_SPARE)))

    def room(self, delivered: int) -> bool:
        """Whether another message may be taken; where it may not, `wake` is called once it may.

        Args:
            delivered: messages that were taken and are not acknowledged; one not begun yet counts as large as the last.
        """
        with self._lock:
            if self._now() < self._rests_until:
                return False  # whoever takes messages looks again within a second
            room = self._room(max(0, delivered - self._messages))
            self._full = not room
            return room

    def _room(self, coming: int) -> bool:
        if not self._slots:
            return True
        soon = min(round(READY_S / max(self._gap_s, READY_S / MOST_SPARE)), MOST_SPARE)
        return self._holes + coming * self._size < self._slots + max(self._slots // SPARE_SHARE, LEAST_SPARE, soon)


hands = Hands()
