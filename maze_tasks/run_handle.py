"""A run that was submitted, in the hands of whoever submitted it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from maze_tasks import control
from maze_tasks.follow import follow
from maze_tasks.models.runs import TERMINAL_STATUSES, HoleResult, RunStatus
from maze_tasks.names import HoleId
from maze_tasks.project import Project
from maze_tasks.store import reading

Check = Callable[[], None]
_PAGE = 500  # results read in one round trip


class RunHandle:
    """A submitted run.

    Args:
        project: the open project it lives in.
        run: its name.
        check: raises where nobody can work on it.
    """

    def __init__(self, project: Project, run: str, check: Check | None = None) -> None:
        self._project, self.run, self._check = project, run, check

    def status(self) -> RunStatus:
        """Counts as they are now."""
        return control.status(self._project.store, self.run)

    def wait(self, timeout_s: float | None = None) -> RunStatus:
        """Wait until the run has ended.

        Args:
            timeout_s: seconds to wait at most; None waits for ever.

        Raises:
            TimeoutError: it has not ended by then; it goes on.
            ServiceUnavailable: Redis cannot be reached, or a worker of this client dies whenever it is started.
        """
        end = None if timeout_s is None else time.monotonic() + timeout_s
        for status in self._follow():
            if not status.ended and end is not None and time.monotonic() > end:
                raise TimeoutError(f"run {self.run}: {status.closed} of {status.holes} holes after {timeout_s} s")
        return status

    def results(self) -> list[HoleResult]:
        """What has become of every hole by now, in order of submission."""
        return list(control.results(self._project.store, self.run))

    def cancel(self) -> RunStatus:
        """End the run; what is filled stays."""
        return control.cancel(self._project.store, self.run)

    def __iter__(self) -> Iterator[HoleResult]:
        """Results as holes come to an end, each once; ends with the run."""
        store = self._project.store
        left = dict.fromkeys(one for page in reading.iter_ids(store.client, store.namespace, self.run) for one in page)
        closed = -1
        for status in self._follow():
            if status.closed == closed and not status.ended:
                continue
            closed = status.closed
            for result in self._ended(list(left)):
                left.pop(result.hole_id)
                yield result

    def _follow(self) -> Iterator[RunStatus]:
        for status in follow(self._project.store, self.run, poll_s=0.05):
            yield status
            if self._check is not None and not status.ended:
                self._check()

    def _ended(self, ids: list[HoleId]) -> Iterator[HoleResult]:
        store = self._project.store
        for start in range(0, len(ids), _PAGE):
            for result in reading.read_results(store.client, store.namespace, self.run, ids[start : start + _PAGE]):
                if result.status in TERMINAL_STATUSES:
                    yield result
