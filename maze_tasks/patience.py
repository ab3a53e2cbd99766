"""Waiting for a store that is away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from maze_tasks.errors import ServiceUnavailable

logger = logging.getLogger(__name__)

T = TypeVar("T")

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 5.0  # between two tries, doubled each time


def patiently(
    step: Callable[[], T], patience_s: float, *, sleep: Callable[[float], None], draw: Callable[[], float]
) -> T:
    """Run a step of the store; while Redis is away, again with growing waits.

    Args:
        step: what is run; it must bear repeating.
        patience_s: for how many seconds.
        sleep: waits seconds.
        draw: random number in 0..1, by which waits are spread.

    Raises:
        ServiceUnavailable: Redis has been away for longer.
    """
    end = time.monotonic() + patience_s
    wait = _FIRST_WAIT_S
    while True:
        try:
            return step()
        except ServiceUnavailable as error:
            if time.monotonic() + wait > end:
                raise
            if wait in (_FIRST_WAIT_S, _LONGEST_WAIT_S):
                logger.warning("%s; trying again for up to %.0f s", error, end - time.monotonic())
            sleep(wait * (0.5 + draw()))
            wait = min(wait * 2, _LONGEST_WAIT_S)
