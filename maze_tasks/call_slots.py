"""The calls at once of a process: who makes the next one when one ends.

A call slot that waits for round trips to Redis is a call that is not made. So a hole is got ready while all slots are
taken: its lease is held, its reply was looked for, its budget set aside. The call that ends leaves it the slot and,
where nobody else wants that, its permit as well; Redis is told with the commit of the call that ended.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from types import TracebackType

_SETTLED_S = 300.0  # as long as a commit may take


@dataclass(frozen=True, slots=True)
class Bequest:
    """A permit that goes from one attempt to another of the same process.

    Args:
        heir: the attempt that has it from now on.
        tokens: what its call may use at most.
        settled: set once the permit is the heir's in Redis too, or never will be.
    """

    heir: str
    tokens: int
    settled: threading.Event = field(default_factory=threading.Event)


class CallSlots:
    """Slots for calls, over all models of a process.

    Args:
        count: calls at once; None for as many as there are threads.
        tick_s: who has waited in line for so long, and less than twice that, is called up without a slot: time to look
            whether their call is still wanted. One thread does that for all: a timer each would cost more than a call.
    """

    def __init__(self, count: int | None = None, tick_s: float = 1.0) -> None:
        self._free, self._tick_s = count, tick_s
        self._ticks: threading.Thread | None = None
        self._end = threading.Event()
        self._waiting: deque[_Waiter] = deque()
        self._lock = threading.Lock()
        self._quiet: dict[str, bool] = {}
        self.closed = False

    def place(self, model: str, attempt_id: str) -> Place:
        """A place for an attempt: in a slot, if one is free."""
        with self._lock:
            taken = self._free is None or (self._free > 0 and not self._waiting)
            if taken and self._free is not None:
                self._free -= 1
        return Place(self, model, attempt_id, taken=taken)

    def quiet(self, model: str, quiet: bool) -> None:  # noqa: FBT001 - it is what was seen
        """Say whether nobody else wants a model's permits, and its endpoint does well: only then are they left."""
        self._quiet[model] = quiet

    @property
    def waiting(self) -> int:
        """How many wait in line."""
        return len(self._waiting)

    def close(self) -> None:
        """Let nobody wait any more: the process ends."""
        with self._lock:
            self.closed = True
            self._end.set()
            waiting, self._waiting = self._waiting, deque()
        for waiter in waiting:
            waiter.ready.release()

    def join(self, waiter: _Waiter) -> bool:
        """Wait in line; False where there is a slot, or nothing to wait for."""
        with self._lock:
            if self.closed or self._free is None:
                return False
            if self._free > 0:
                self._free -= 1
                waiter.taken = True
                return False
            self._waiting.append(waiter)
            if self._ticks is None:
                self._ticks = threading.Thread(target=self._tick, name="call-slots", daemon=True)
                self._ticks.start()
            return True

    def _tick(self) -> None:
        """Call up those who have waited for a whole tick."""
        while not self._end.wait(self._tick_s):
            with self._lock:
                long = [waiter for waiter in self._waiting if waiter.ticked]
                self._waiting = deque(waiter for waiter in self._waiting if not waiter.ticked)
                for waiter in self._waiting:
                    waiter.ticked = True
            for waiter in long:
                waiter.ready.release()

    def hand_on(self, heirs_of: str | None) -> tuple[bool, Bequest | None]:
        """Hand a slot on; with a model only to one who takes its permit too, if they are the next.

        Returns:
            Whether the slot went, and the bequest.
        """
        with self._lock:
            waiter = self._waiting[0] if self._waiting else None
            if heirs_of is not None and (
                waiter is None or waiter.model != heirs_of or not self._quiet.get(heirs_of, False)
            ):
                return False, None
            if waiter is None:
                if self._free is not None:
                    self._free += 1
                return True, None
            self._waiting.popleft()
            bequest = Bequest(waiter.attempt_id, waiter.tokens) if heirs_of is not None else None
            waiter.taken, waiter.bequest = True, bequest
        waiter.ready.release()
        return True, bequest


class Place:
    """Where an attempt stands among the calls at once; a context that gives back what is left.

    Attributes:
        taken: whether it has a slot.
        came_by: the permit that it was left with its slot, None where it is to ask for one.
        left: the permit that it has left to another.
    """

    def __init__(self, slots: CallSlots, model: str, attempt_id: str, *, taken: bool) -> None:
        self._slots, self._model, self._attempt_id = slots, model, attempt_id
        self.taken = taken
        self.came_by: Bequest | None = None
        self.left: Bequest | None = None

    def wait(self, tokens: int) -> bool:
        """Wait for a slot, for two ticks at most; whether there is one.

        Args:
            tokens: what the call may use at most.
        """
        waiter = _Waiter(self._model, self._attempt_id, tokens)
        if self._slots.join(waiter):
            waiter.ready.acquire()
        self.taken, self.came_by = waiter.taken, waiter.bequest
        return self.taken

    def leave_both(self) -> None:
        """Leave slot and permit to the next in line, if they take both: there is an answer, its commit follows."""
        if self.taken and self.left is None:
            gone, self.left = self._slots.hand_on(self._model)
            self.taken = not gone

    def leave(self) -> None:
        """Give the slot back, if it was not left."""
        if self.taken:
            self.taken = False
            self._slots.hand_on(None)

    def settled(self) -> None:
        """Say that what was left is on record."""
        if self.left is not None:
            self.left.settled.set()

    def await_settled(self) -> None:
        """Wait until what it came by is on record: given back before, it would be kept for ever."""
        if self.came_by is not None:
            self.came_by.settled.wait(_SETTLED_S)

    def __enter__(self) -> Place:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.leave()
        self.settled()


class _Waiter:
    """One in line; `ready` is let go once they are called up."""

    __slots__ = ("attempt_id", "bequest", "model", "ready", "taken", "ticked", "tokens")

    def __init__(self, model: str, attempt_id: str, tokens: int) -> None:
        self.model, self.attempt_id, self.tokens = model, attempt_id, tokens
        self.taken = self.ticked = False
        self.bequest: Bequest | None = None
        self.ready = threading.Lock()
        self.ready.acquire()
