"""One port of the simulator: finds the endpoint that a request is for, and carries out what it plans."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TextIO

from maze_tasks.names import IDEMPOTENCY_HEADER
from maze_tasks.simulate.addresses import ROUTES, Route
from maze_tasks.simulate.faults import Delivery, refusal
from maze_tasks.simulate.live import Arrival, LiveEndpoint, Planned
from maze_tasks.simulate.replies import FINGERPRINT, Operation, dump
from maze_tasks.simulate.stats import ANSWERED, LogEntry
from maze_tasks.simulate.wire import deliver, response, web

STATS_PATH = "/__simulator__/stats"
DISCONNECTED = "disconnected"  # the sender of a request that would have been answered went away

_Route = tuple[Route, tuple[LiveEndpoint, ...]]


class Port:
    """One port and the endpoints behind it.

    Args:
        members: each endpoint with the path of its URL; those of one path are told apart by the model of a request.
        stats: the counts of the whole simulator, for its own path.
        log: gets a line of JSON for each request.
    """

    def __init__(
        self,
        members: Iterable[tuple[LiveEndpoint, str]],
        *,
        stats: Callable[[], Mapping[str, Any]],
        log: TextIO | None,
    ) -> None:
        self._routes = _routes(members)
        self._stats, self._log = stats, log
        self.unrouted = 0

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer one request; a path or model that nobody serves gets 404."""
        path = request.path
        if path == STATS_PATH:
            return response(Delivery(body=dump(self._stats())))
        route, lives = self._routes.get((request.method, path), (None, ()))
        if route is None:
            self.unrouted += 1
            return response(refusal("openai", 404, f"nothing is simulated at {request.method} {path}"))
        if route == "models":
            return response(_models(lives))
        if route == "health":
            return response(_health(lives[0]))
        return await self._fill(route, lives, request)

    async def _fill(
        self, operation: Operation, lives: tuple[LiveEndpoint, ...], request: web.BaseRequest
    ) -> web.Response:
        raw, now = await request.read(), time.monotonic()
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError):
            body = None
        live = _meant(lives, body)
        if live is None:
            self.unrouted += 1
            return response(refusal(lives[0].endpoint.protocol, 404, "no endpoint of this path has that model"))
        key, authorization = request.headers.get(IDEMPOTENCY_HEADER), request.headers.get("Authorization")
        arrival = Arrival(operation, body, raw, key, authorization, now, time.time())
        planned = live.plan(arrival)
        try:
            await asyncio.sleep(planned.delay_s)
            sent = await deliver(planned.delivery, request)
        except asyncio.CancelledError:
            # the client of a hang or a trickle goes away because of it: the fault has done its work
            outcome = DISCONNECTED if planned.outcome == ANSWERED else planned.outcome
            live.abandoned(outcome)
            self._write(live, arrival, outcome, None)
            raise
        live.finished(planned)
        self._write(live, arrival, planned.outcome, planned)
        return sent

    def _write(self, live: LiveEndpoint, arrival: Arrival, outcome: str, planned: Planned | None) -> None:
        if self._log is None:
            return
        latency_ms = (time.monotonic() - arrival.now) * 1000
        status = planned.delivery.status_sent if planned else None
        tokens = (planned.prompt_tokens, planned.generated_tokens) if planned else (0, 0)
        entry = LogEntry(arrival.wall, live.endpoint.name, arrival.key, outcome, status, latency_ms, *tokens)
        self._log.write(entry.line())


def _routes(members: Iterable[tuple[LiveEndpoint, str]]) -> dict[tuple[str, str], _Route]:
    """Method and path of everything served, with the endpoints it may be meant for."""
    routes: dict[tuple[str, str], _Route] = {}
    for live, prefix in members:
        for route, method in ROUTES[live.endpoint.protocol].items():
            place = (method, f"{prefix}/{route}")
            _, others = routes.get(place, (route, ()))
            routes[place] = (route, (*others, live))
    return routes


def _meant(lives: tuple[LiveEndpoint, ...], body: object) -> LiveEndpoint | None:
    """The only endpoint of a path whatever model is asked for, else the one of that model."""
    if len(lives) == 1 or not isinstance(body, Mapping):
        return lives[0]
    return next((live for live in lives if live.endpoint.model == body.get("model")), None)


def _models(lives: tuple[LiveEndpoint, ...]) -> Delivery:
    names = [live.endpoint.model for live in lives]
    if lives[0].endpoint.protocol == "ananke":
        return Delivery(body=dump(names))
    data = [{"id": name, "object": "model", "created": 0, "owned_by": FINGERPRINT} for name in names]
    return Delivery(body=dump({"object": "list", "data": data}))


def _health(live: LiveEndpoint) -> Delivery:
    status = live.settings.health_status
    return Delivery(status, dump({"status": "healthy" if status < 400 else "unhealthy", "simulated": True}))  # noqa: PLR2004
