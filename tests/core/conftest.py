"""An ensemble of simulated endpoints, and what fills holes with it in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import fakeredis
import pytest

from maze_tasks.clients import ClientPool
from maze_tasks.config import Settings
from maze_tasks.fill import Filler
from maze_tasks.leases import LeaseKeeper
from maze_tasks.messages import FillMessage
from maze_tasks.models import Hole, ModelEndpoint, read_hole
from maze_tasks.models.runs import HoleResult, RunRules, RunStatus
from maze_tasks.producer import Producer, RunOptions
from maze_tasks.simulate.server import SimulatedServer
from maze_tasks.simulate.settings import SimulatedEndpoint
from maze_tasks.store import RunStore, reading
from maze_tasks.store.cancelled import needless

RUN = "run"


def holes(*numbers: int) -> list[Hole]:
    return [read_hole({"hole_id": number, "prompt": f"hole {number}"}) for number in numbers]


@dataclass
class Bench:
    """A store, an ensemble, and the messages that would be on the queues.

    Args:
        store: the store.
        filler: makes attempts; what it sends lands in `sent`.
        settings: the configuration.
        server: the simulated endpoints.
        sent: messages published, oldest first.
    """

    store: RunStore
    settings: Settings
    server: SimulatedServer
    sent: list[Any] = field(default_factory=list)
    filler: Filler = field(init=False)

    def submit(self, *numbers: int, **options: Any) -> None:
        ours = {name: options.pop(name) for name in list(options) if name in RunRules.model_fields}
        given = RunOptions(rules=RunRules(**{"max_retries": 1, **ours}), **options)
        producer = Producer(self.store, self.sent.extend, self.settings.endpoints, given)
        producer.submit(RUN, holes(*numbers), input_digest="in", config_digest="conf")

    def run_link(self, message: FillMessage) -> FillMessage | None:
        """Run one message as a worker would; the link that would follow."""
        went = list(map(self.filler.parcel(message), message.holes))
        return message.following() if any(went) else None

    def run_all(self) -> None:
        """Run every message, and every link that follows, until none is left."""
        while self.sent:
            message: FillMessage | None = self.sent.pop(0)
            while message is not None:
                message = self.run_link(message)

    def status(self) -> RunStatus:
        found = reading.read_status(self.store.client, self.store.namespace, RUN)
        assert found is not None
        assert found.pending + found.in_progress + found.closed == found.holes
        return found

    def results(self) -> list[HoleResult]:
        return list(reading.iter_results(self.store.client, self.store.namespace, RUN))

    def counted(self, name: str) -> dict[str, Any]:
        counts: dict[str, Any] = self.server.stats()["endpoints"][name]
        return counts


MakeBench = Callable[..., Bench]


@pytest.fixture
def make_bench() -> Iterator[MakeBench]:
    """Makes a bench of endpoints ``a``, ``b`` ... simulated as the keyword arguments say."""
    opened: list[Callable[[], object]] = []

    def make(**simulated: Mapping[str, Any]) -> Bench:
        endpoints = [
            ModelEndpoint(
                name=name,
                endpoint_url=f"http://127.0.0.1:1/{name}",
                priority=number,
                timeout_secs=2,
                cost_per_1k_tokens=0.01,
            )
            for number, name in enumerate(simulated)
        ]
        plays = {name: SimulatedEndpoint.model_validate({"latency": 0, **how}) for name, how in simulated.items()}
        server = SimulatedServer(endpoints, plays)
        server.__enter__()
        opened.append(lambda: server.__exit__(None, None, None))
        settings = Settings(endpoints=tuple(server.endpoints), redis_url="redis://unused")
        store = RunStore(fakeredis.FakeRedis(decode_responses=True))
        opened.append(store.client.close)
        bench = Bench(store, settings, server)
        clients, leases = (
            ClientPool(settings, pool_size=4),
            LeaseKeeper(store, needless=partial(needless, store), tick_s=0.02),
        )
        opened.extend([clients.close, leases.close])
        known = {endpoint.name: endpoint for endpoint in settings.endpoints}
        bench.filler = Filler(store, leases, bench.sent.extend, known, clients.get, draw=lambda: 0.5)
        return bench

    yield make
    for close in reversed(opened):
        close()
