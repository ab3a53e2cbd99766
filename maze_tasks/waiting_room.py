"""Where threads of a process wait for one of its calls to end, when there are more of them than calls at once."""

from __future__ import annotations

import threading


class WaitingRoom:
    """Seats for holes that lack nothing but one of the calls at once that an endpoint may have.

    Such a wait is short, and there is one at every hole where workers have more slots than there may be calls. Each by
    way of the store would take more than the calls themselves, and soon all of a queue would be under way.

    Args:
        seats: how many may wait at once; those who find none wait in the store.

    Attributes:
        waiting: how many wait now for a call to end.
    """

    def __init__(self, seats: int = 0) -> None:
        self._seats = seats
        self.waiting = 0
        self._changed = threading.Condition()
        self.closed = False

    def enter(self) -> bool:
        """Take a seat, if there is one."""
        with self._changed:
            if self.closed or self._seats < 1:
                return False
            self._seats -= 1
            return True

    def leave(self) -> None:
        """Give the seat back."""
        with self._changed:
            self._seats += 1

    def wait(self, most_s: float) -> None:
        """Wait until a call of this process has ended, so many seconds at most."""
        with self._changed:
            if self.closed:
                return
            self.waiting += 1
            try:
                self._changed.wait(most_s)
            finally:
                self.waiting -= 1

    def call_ended(self) -> None:
        """Let one of those who wait ask again."""
        with self._changed:
            self._changed.notify()

    def close(self) -> None:
        """Let nobody wait any more: the process ends."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()
