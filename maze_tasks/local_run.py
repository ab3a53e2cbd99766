"""A whole run filled by the process that asks: what workers do, with threads in place of queues and processes."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from maze_tasks import control
from maze_tasks.fill import Filler
from maze_tasks.messages import FillMessage, Message
from maze_tasks.models import ModelEndpoint
from maze_tasks.models.runs import RunStatus
from maze_tasks.overdue import see_to_overdue
from maze_tasks.sending import send_from
from maze_tasks.store import care

LOOK_S = 0.1  # between two looks at a run: calls that end are noticed at once, waits that end within this


class LocalRun:
    """Works on one run until it has ended.

    Args:
        filler: makes attempts; what it sends is run here.
        run: name of the run.
        endpoints: those that the run may ask, each with as many calls at once as its `max_concurrency` says.
        parallel: whether there may be more than one call at a time.
    """

    def __init__(self, filler: Filler, run: str, endpoints: Iterable[ModelEndpoint], *, parallel: bool = True) -> None:
        self._filler = replace(filler, send=self.send)
        self._store, self._run = filler.store, run
        self._slots = _slots(list(endpoints), parallel=parallel)
        self._changed = threading.Condition()
        self._running, self._open = 0, True
        self._error: BaseException | None = None

    def send(self, messages: Iterable[Message]) -> None:
        """Take messages of the run: each is run as soon as its model has a slot."""
        for message in messages:
            slots = self._slots.get(message.model)
            if not isinstance(message, FillMessage) or slots is None:
                continue
            with self._changed:
                if not self._open:
                    return
                self._running += 1
                started = slots.submit(self._run_link, message)
            started.add_done_callback(self._done)

    def work(self) -> RunStatus:
        """Work until the run has ended.

        Returns:
            Its counts.

        Raises:
            ServiceUnavailable: Redis cannot be reached.
        """
        while True:
            found = control.status(self._store, self._run)
            if found.ended or found.state == "paused":
                return found
            now = care.server_ms(self._store)
            control.end_in_time(self._store, found, now)
            see_to_overdue(self._store, self.send, self._run, now)
            if not self._running:
                self._send_forgotten(now)
            with self._changed:
                if self._error is None:
                    self._changed.wait(LOOK_S)
                if self._error is not None:
                    raise self._error

    def close(self) -> None:
        """Start nothing more, and wait for the calls that are running."""
        with self._changed:
            self._open = False
        for slots in set(self._slots.values()):
            slots.shutdown(wait=True, cancel_futures=True)

    def _run_link(self, message: FillMessage) -> None:
        went = list(map(self._filler.parcel(message), message.holes))
        following = message.following()
        if any(went) and following is not None:
            self.send([following])

    def _done(self, link: Future[None]) -> None:
        error = None if link.cancelled() else link.exception()
        with self._changed:
            self._running -= 1
            self._error = self._error or error
            self._changed.notify_all()

    def _send_forgotten(self, now_ms: int) -> None:
        """Send again what was sent and has not begun while nothing runs here: the process that had it is gone."""
        for model in self._slots:
            members = care.queued_before(self._store, self._run, model, now_ms)
            send_from(self._store, self.send, self._run, members)


def _slots(endpoints: list[ModelEndpoint], *, parallel: bool) -> Mapping[str, ThreadPoolExecutor]:
    if not parallel:
        one = ThreadPoolExecutor(1, thread_name_prefix="fill")
        return {endpoint.name: one for endpoint in endpoints}
    return {
        endpoint.name: ThreadPoolExecutor(endpoint.max_concurrency, thread_name_prefix=f"fill.{endpoint.name}")
        for endpoint in endpoints
    }
