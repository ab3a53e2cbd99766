"""The simulator: every endpoint behind its own URL, in one event loop."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

from maze_tasks.errors import ConfigError, Refused
from maze_tasks.models import ModelEndpoint
from maze_tasks.simulate.addresses import Listener, listeners
from maze_tasks.simulate.answers import load_answers
from maze_tasks.simulate.live import LiveEndpoint
from maze_tasks.simulate.port import Port
from maze_tasks.simulate.settings import SimulatedEndpoint
from maze_tasks.simulate.wire import web

_BACKLOG = 1024  # connections that may wait to be accepted: a worker opens its pool at once
_LARGEST_BODY = 64 * 2**20  # bytes
_GOODBYE_S = 0.1  # at the end, replies under way get this long, then they are dropped


class Simulator:
    """Simulated endpoints.

    Args:
        endpoints: of the configuration.
        simulations: settings by endpoint name; only these are simulated, or all with defaults if there are none.
        folder: what files of answers are relative to.
        env: where keys named by ``api_key_env`` are looked up.
        host: address to listen at; by default each URL's own, which must be this machine's.
        free_ports: take any free ports of this machine, whatever the URLs say.
        log: gets a line of JSON for each request.

    Raises:
        ConfigError: if the settings do not fit the endpoints, or a file of answers cannot be read.
        InputError: if a line of such a file is wrong.
    """

    def __init__(
        self,
        endpoints: Iterable[ModelEndpoint],
        simulations: Mapping[str, SimulatedEndpoint],
        *,
        folder: Path,
        env: Mapping[str, str] = os.environ,
        host: str | None = None,
        free_ports: bool = False,
        log: TextIO | None = None,
    ) -> None:
        self.endpoints = chosen_endpoints(endpoints, simulations)
        self._listeners = listeners(self.endpoints, host=host, free_ports=free_ports)
        self._live = {}
        for endpoint in self.endpoints:
            settings = simulations.get(endpoint.name, SimulatedEndpoint())
            answers = load_answers(settings, folder, endpoint.name)
            self._live[endpoint.name] = LiveEndpoint(endpoint, settings, answers, _api_key(endpoint, env))
        self._log = log
        self._ports: list[Port] = []
        self._runners: list[web.ServerRunner] = []
        self.urls: dict[str, str] = {}

    async def start(self) -> None:
        """Listen at every port; `urls` then holds each endpoint's real URL.

        Raises:
            Refused: if a port cannot be opened; none is open then.
        """
        try:
            for listener in self._listeners:
                await self._open(listener)
        except Refused:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close every port and drop what is still under way."""
        await asyncio.gather(*(runner.cleanup() for runner in self._runners))
        self._runners.clear()

    def settings(self, name: str) -> SimulatedEndpoint:
        """How an endpoint is simulated.

        Raises:
            KeyError: if none of that name is.
        """
        return self._live[name].settings

    def stats(self) -> dict[str, Any]:
        """Counts of every endpoint, as ``GET /__simulator__/stats`` gives them on each port."""
        counts = {name: live.stats.snapshot() for name, live in self._live.items()}
        return {"simulated": True, "unrouted": sum(port.unrouted for port in self._ports), "endpoints": counts}

    async def _open(self, listener: Listener) -> None:
        own = _socket(listener)
        port = Port([(self._live[name], prefix) for name, prefix in listener.members], stats=self.stats, log=self._log)
        self._ports.append(port)
        server = web.Server(port.handle, request_factory=_request, handler_cancellation=True, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=_GOODBYE_S)
        self._runners.append(runner)
        await runner.setup()
        await web.SockSite(runner, own, backlog=_BACKLOG).start()
        self.urls |= listener.urls(own.getsockname()[1])


def chosen_endpoints(
    endpoints: Iterable[ModelEndpoint], simulations: Mapping[str, SimulatedEndpoint]
) -> tuple[ModelEndpoint, ...]:
    """The endpoints to simulate: those with settings, or all where there are no settings.

    Raises:
        ConfigError: if settings name an endpoint that is not there, or there is nothing to simulate.
    """
    by_name = {endpoint.name: endpoint for endpoint in endpoints}
    for name in simulations:
        if name not in by_name:
            known = ", ".join(sorted(by_name)) or "none"
            raise ConfigError(f"no endpoint has that name; there are: {known}", field=f"simulate.{name}")
    chosen = tuple(endpoint for name, endpoint in by_name.items() if not simulations or name in simulations)
    if not chosen:
        raise ConfigError("there are no endpoints to simulate", field="endpoints")
    return chosen


def _api_key(endpoint: ModelEndpoint, env: Mapping[str, str]) -> str | None:
    """The key that requests must carry: asked for only where this process has it."""
    return env.get(endpoint.api_key_env) or None if endpoint.api_key_env else None


def _socket(listener: Listener) -> socket.socket:
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    try:
        return socket.create_server((listener.host, listener.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        names = ", ".join(name for name, _ in listener.members)
        place = f"{listener.host} port {listener.port}"
        raise Refused(f"cannot listen at {place} for {names}: {error.strerror or error}") from error


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: asyncio.Task[None]) -> web.BaseRequest:
    """A request whose body may be as large as real servers take; aiohttp's own limit is 1 MiB."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=_LARGEST_BODY)
