"""What a process remembers of the runs whose messages it meets."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from maze_tasks.messages import FillMessage
from maze_tasks.models import ModelEndpoint
from maze_tasks.store.runs import RunInfo, RunStore
from maze_tasks.unfit import plans_for, unfit

logger = logging.getLogger(__name__)

_MOST = 256  # runs


class KnownRuns:
    """Plans and options of runs, read once a process.

    Args:
        read: reads those of a run, None where there is no such run.
        store: is told why messages are left to others.
    """

    def __init__(self, read: Callable[[str], RunInfo | None], store: RunStore) -> None:
        self._read, self._store = read, store
        self._known: dict[str, RunInfo] = {}

    def info(self, run: str, *, anew: bool = False) -> RunInfo | None:
        """What is known of a run; None where it does not exist.

        Args:
            run: its name.
            anew: read it, whatever is remembered: plans may be added while a run goes on.
        """
        found = None if anew else self._known.get(run)
        if found is None:
            found = self._read(run)
            if found is None:
                logger.warning("message for a run that does not exist dropped")
                return None
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[run] = found
        return found

    def forget(self, run: str) -> None:
        """Read a run's plans anew when it is met next."""
        self._known.pop(run, None)

    def fitting(
        self,
        info: RunInfo,
        message: FillMessage,
        endpoints: Mapping[str, ModelEndpoint],
        client: Callable[[str], object],
    ) -> list[int]:
        """Numbers of the plans a message may belong to; none where this worker may not run it.

        Args:
            info: what never changes in its run.
            message: the message.
            endpoints: the worker's own endpoints by name.
            client: the HTTP client of an endpoint.
        """
        plans = plans_for(info, message)
        if not plans:
            logger.warning("message for model %r does not fit a plan of run %r: dropped", message.model, message.run)
            return []
        why = unfit(info, message.model, endpoints, client)
        if why and self._store.note(message.run, why):
            logger.warning("%s", why)
        return [] if why else plans
