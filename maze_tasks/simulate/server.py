"""The simulator as a context manager, for tests and benchmarks: it runs in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO, TypeVar

from maze_tasks.models import ModelEndpoint
from maze_tasks.simulate.settings import SimulatedEndpoint
from maze_tasks.simulate.simulator import Simulator

Result = TypeVar("Result")


class SimulatedServer:
    """Simulated endpoints while the ``with`` block lasts.

    ::

        with SimulatedServer(endpoints, {"fast": SimulatedEndpoint(seed=1)}) as server:
            client = EndpointClient(server.endpoint("fast"), ...)
            ...
            assert server.stats()["endpoints"]["fast"]["requests"] == 3

    Args:
        endpoints: to choose from.
        simulations: settings by endpoint name; only these are simulated, or all with defaults if there are none.
        folder: what files of answers are relative to.
        env: where keys named by ``api_key_env`` are looked up.
        free_ports: take any free ports of this machine, whatever the URLs say; endpoints that share a port there share
            one here.
        log: gets a line of JSON for each request.

    Raises:
        Refused: if the settings are wrong or a port cannot be opened.
    """

    def __init__(
        self,
        endpoints: Iterable[ModelEndpoint],
        simulations: Mapping[str, SimulatedEndpoint] | None = None,
        *,
        folder: Path = Path(),
        env: Mapping[str, str] = os.environ,
        free_ports: bool = True,
        log: TextIO | None = None,
    ) -> None:
        self._simulator = Simulator(
            endpoints, simulations or {}, folder=folder, env=env, free_ports=free_ports, log=log
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Start listening."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="simulator", daemon=True)
        self._thread.start()
        try:
            self._run(self._simulator.start())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and drop what is under way."""
        self._run(self._simulator.stop())
        self._end()

    @property
    def endpoints(self) -> tuple[ModelEndpoint, ...]:
        """The simulated endpoints with their real URLs."""
        urls = self._simulator.urls
        return tuple(one.model_copy(update={"endpoint_url": urls[one.name]}) for one in self._simulator.endpoints)

    def endpoint(self, name: str) -> ModelEndpoint:
        """One of `endpoints`.

        Raises:
            KeyError: if none has that name.
        """
        return {one.name: one for one in self.endpoints}[name]

    def url(self, name: str) -> str:
        """Real URL of one endpoint.

        Raises:
            KeyError: if none has that name.
        """
        return self._simulator.urls[name]

    def stats(self) -> dict[str, Any]:
        """The counts now, or at the end once it is over."""
        return self._simulator.stats() if self._loop is None else self._run(self._counts())

    async def _counts(self) -> dict[str, Any]:
        # in the loop's own thread, where nothing else changes them meanwhile
        return self._simulator.stats()

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _end(self) -> None:
        assert self._loop is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = None
