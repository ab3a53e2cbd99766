"""A broker that answers, and refuses: its memory is full, it has become a read-only replica."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

FIRST_S, LONGEST_S = 0.5, 10.0  # pauses after refusals, doubled each time


class Refusals:
    """How long to leave a broker alone that has refused.

    Args:
        now: monotonic seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._pause_s = 0.0
        self._until = 0.0

    @property
    def waiting(self) -> bool:
        """Whether it is left alone now."""
        return self._now() < self._until

    @property
    def left_s(self) -> float:
        """For how many seconds it is left alone yet."""
        return max(self._until - self._now(), 0.0)

    def refused(self, error: BaseException) -> None:
        """It has refused once more."""
        if self.waiting:
            return
        self._pause_s = min(max(FIRST_S, 2 * self._pause_s), LONGEST_S)
        self._until = self._now() + self._pause_s
        said = " ".join(str(error).split())[:160]
        logger.warning("the broker refuses (%s: %s); left alone for %g s", type(error).__name__, said, self._pause_s)

    def took(self) -> None:
        """It has given a message and taken note of it."""
        self._pause_s = 0.0


refusals = Refusals()
