"""Commits of the last seconds, made again after a restart or a failover, which may have lost them.

A server that writes its file every second can lose that second, and a failover what its replica had not read. Whoever
made a call still knows what came of it: repeating the commit is cheaper than paying for the call again, and changes
nothing where it was kept.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from maze_tasks.store.connection import translated
from maze_tasks.store.together import Client, Step, run_each

REMEMBERED_S = 5.0  # more than a server can lose
_MOST = 5_000  # commits remembered
AGAIN = "again"  # argument behind the others: a commit that comes too late is not counted


class Recent:
    """What a process committed in the last seconds.

    Args:
        now: monotonic seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._steps: deque[tuple[float, Step]] = deque(maxlen=_MOST)
        self._server = ""

    def add(self, step: Step) -> None:
        """Remember a commit that was made."""
        with self._lock:
            self._steps.append((self._now(), step))
            self._forget()

    def repeat(self, client: Client, run_id: str) -> int:
        """Make the commits of the last seconds again if the server is not the one it was.

        Args:
            client: the server.
            run_id: drawn by the server when it started.

        Returns:
            How many were made again.

        Raises:
            ServiceUnavailable: the server cannot be reached; they are made again when this is called again.
        """
        known = self._server
        if run_id in ("", known):
            return 0
        with self._lock:
            self._forget()
            steps = [Step(step.script, step.keys, [*step.args, AGAIN, 1]) for _, step in self._steps]
        if known and steps:
            with translated():
                run_each(client, steps)
        self._server = run_id
        return len(steps) if known else 0

    def _forget(self) -> None:
        while self._steps and self._steps[0][0] < self._now() - REMEMBERED_S:
            self._steps.popleft()
