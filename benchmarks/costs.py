"""What a hole costs in counts that do not depend on the machine: commands, round trips, messages, bytes, calls.

    python -m benchmarks.costs [--holes 400] [--json]

A producer submits holes to a private Redis, and one thread of this process fills them at a simulated endpoint, as a
worker's slot does. `LIMITS` are what a change may not exceed; the tests hold the counts against them, and so does the
exit code. Nothing is timed.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import redis

from benchmarks.servers import redis_binary
from maze_tasks.clients import ClientPool
from maze_tasks.config import Settings
from maze_tasks.dispatch import Dispatcher, make_celery
from maze_tasks.fill import Filler
from maze_tasks.leases import LeaseKeeper
from maze_tasks.messages import FillMessage, Message
from maze_tasks.models import Hole, ModelEndpoint, read_hole
from maze_tasks.names import HoleId
from maze_tasks.producer import Producer, hole_text
from maze_tasks.project import run_options
from maze_tasks.simulate.server import SimulatedServer
from maze_tasks.simulate.settings import SimulatedEndpoint
from maze_tasks.store import RunStore, connect
from maze_tasks.store.cache import FillCache
from maze_tasks.store.gauges import Gates

HOLES = 400
SAMPLES = 4  # asked of each hole where the best of several answers is chosen
SLOTS = 8  # threads that fill side by side
WARM_UP = 20  # holes that are filled before anything is counted

# What each count may be at most, a hole. Those of Python calls leave room for other releases of the libraries.
LIMITS: Mapping[str, float] = {
    "messages": 0.15,
    "message_bytes": 150,
    "bytes_in_a_message": 2_500,
    "producer_round_trips": 0.15,
    "producer_redis_commands": 4,
    "producer_calls": 170,
    "worker_round_trips": 2.1,
    "worker_round_trips_side_by_side": 1.8,
    "worker_redis_commands": 54,
    "worker_calls": 1_225,
    "redis_bytes": 2_048,
    "best_of_four_messages": 0.1,
    "best_of_four_round_trips": 9.5,
    "best_of_four_redis_commands": 245,
    "best_of_four_calls": 5_200,
}


@dataclass
class Trips:
    """Requests that went to Redis, however many commands each held."""

    count: int = 0


def counting(trips: Trips) -> type[redis.UnixDomainSocketConnection]:
    """A kind of connection that counts what it sends."""

    class Counting(redis.UnixDomainSocketConnection):
        def send_packed_command(self, *args: Any, **kwargs: Any) -> None:
            trips.count += 1
            super().send_packed_command(*args, **kwargs)

    return Counting


@contextmanager
def private_redis() -> Iterator[Path]:
    """A Redis on a unix socket, for the block."""
    with tempfile.TemporaryDirectory(prefix="mb-") as folder:
        socket = Path(folder) / "r.sock"
        server = subprocess.Popen(
            [redis_binary(), "--port", "0", "--unixsocket", str(socket), "--dir", folder, "--save", ""],
            stdout=subprocess.DEVNULL,
        )
        try:
            while not socket.exists():
                time.sleep(0.01)
            yield socket
        finally:
            server.kill()
            server.wait()


def commands(client: redis.Redis) -> int:
    """Commands that Redis has run, those of scripts too; not those that ask for it."""
    stats = client.info("commandstats")
    return sum(one["calls"] for name, one in stats.items() if name not in ("cmdstat_info", "cmdstat_client|setinfo"))


def used(client: redis.Redis) -> int:
    """Bytes of memory that Redis has in use."""
    return int(client.info("memory")["used_memory"])


def measure(count: int = HOLES) -> dict[str, float]:
    """Each count of `LIMITS`, a hole.

    Args:
        count: holes to submit and fill.
    """
    endpoint = ModelEndpoint(name="fast", endpoint_url="http://127.0.0.1:1/v1", cost_per_1k_tokens=0.001)
    plays = {"fast": SimulatedEndpoint.model_validate({"latency": 0})}
    with private_redis() as socket, SimulatedServer([endpoint], plays) as server:
        trips = Trips()
        pool = redis.ConnectionPool(connection_class=counting(trips), path=str(socket), decode_responses=True)
        store = RunStore(redis.Redis(connection_pool=pool))
        settings = Settings(endpoints=server.endpoints, redis_url=f"unix://{socket}?db=0")
        broker = redis.Redis(unix_socket_path=str(socket), db=1)
        found = submitted(store, settings, broker, f"redis+socket://{socket}?virtual_host=1", trips, count)
        return found | filled(store, settings, trips, count) | best_filled(store, settings, trips, count)


def holes(count: int, ask: str = "return") -> list[Hole]:
    """Small holes; the fill cache knows nothing of those that ask in other words."""
    return [read_hole({"hole_id": number, "prompt": f"{ask} {number}"}) for number in range(count)]


def submitted(
    store: RunStore, settings: Settings, broker: redis.Redis, broker_url: str, trips: Trips, count: int
) -> dict[str, float]:
    """What submitting costs."""
    sender = Dispatcher(make_celery(broker_url))
    producer = Producer(store, sender.send, settings.endpoints, run_options(settings))
    producer.submit("warm", holes(1), input_digest="w", config_digest="c", expected=1)
    broker.flushdb()
    batch = holes(count)
    before, trips.count = commands(broker), 0
    profile = cProfile.Profile()
    profile.runcall(producer.submit, "run", batch, input_digest="r", config_digest="c", expected=count)
    sender.close()
    sent = broker.lrange("fill.fast", 0, -1)
    return {
        "messages": len(sent) / count,
        "message_bytes": sum(map(len, sent)) / count,
        "bytes_in_a_message": max(map(len, sent)),
        "producer_round_trips": trips.count / count,
        "producer_redis_commands": (commands(broker) - before) / count,
        "producer_calls": pstats.Stats(profile).total_calls / count,
    }


def filled(store: RunStore, settings: Settings, trips: Trips, count: int) -> dict[str, float]:
    """What one slot of a worker does for a hole."""
    sent: list[Message] = []
    memory = used(store.client)
    batch = holes(count + WARM_UP)
    Producer(store, sent.extend, settings.endpoints, run_options(settings)).submit(
        "fill", batch, input_digest="f", config_digest="c", expected=count
    )
    worker = Worker.beside(store, settings)
    todo = fills(worker, sent)
    try:
        for fill, hole_id in todo[:WARM_UP]:
            fill(hole_id)
        alone = todo[WARM_UP : WARM_UP + count // 2]
        before, trips.count = commands(store.client), 0
        profile = cProfile.Profile()
        profile.enable()
        for fill, hole_id in alone:
            fill(hole_id)
        profile.disable()
        one_by_one, ran = trips.count, commands(store.client) - before
        rest = todo[WARM_UP + count // 2 :]
        trips.count = 0
        with ThreadPoolExecutor(SLOTS) as messages:
            list(messages.map(run, [rest[start::SLOTS] for start in range(SLOTS)]))
        text = sum(len(hole_text(one)) for one in batch)
        return {
            "worker_round_trips": one_by_one / len(alone),
            "worker_round_trips_side_by_side": trips.count / len(rest),
            "worker_redis_commands": ran / len(alone),
            "worker_calls": pstats.Stats(profile).total_calls / len(alone),
            "redis_bytes": (used(store.client) - memory - text) / len(batch),
        }
    finally:
        worker.close()


def best_filled(store: RunStore, settings: Settings, trips: Trips, count: int) -> dict[str, float]:
    """What one slot of a worker does for the best of several answers to a hole."""
    sent: list[Message] = []
    options = replace(run_options(settings), best_of_n=SAMPLES)
    Producer(store, sent.extend, settings.endpoints, options).submit(
        "best", holes(count, "give back"), input_digest="b", config_digest="c", expected=count
    )
    worker = Worker.beside(store, settings)
    todo = fills(worker, sent)
    try:
        before, trips.count = commands(store.client), 0
        profile = cProfile.Profile()
        profile.runcall(run, todo)
        return {
            "best_of_four_messages": len(sent) / count,
            "best_of_four_round_trips": trips.count / count,
            "best_of_four_redis_commands": (commands(store.client) - before) / count,
            "best_of_four_calls": pstats.Stats(profile).total_calls / count,
        }
    finally:
        worker.close()


def fills(worker: Worker, sent: Sequence[Message]) -> list[tuple[Callable[[HoleId], bool], HoleId]]:
    """What messages ask for, attempt by attempt."""
    parcels = [message for message in sent if isinstance(message, FillMessage)]
    both = [(worker.filler.parcel(message), message.holes) for message in parcels]
    return [(fill, hole_id) for fill, holes in both for hole_id in holes]


def run(holes: list[tuple[Callable[[HoleId], bool], HoleId]]) -> None:
    """Fill holes one after the other."""
    for fill, hole_id in holes:
        fill(hole_id)


@dataclass
class Worker:
    """What a worker process holds, as `workers.bootstrap` builds it."""

    filler: Filler
    leases: LeaseKeeper
    clients: ClientPool

    @classmethod
    def beside(cls, store: RunStore, settings: Settings) -> Worker:
        """A worker on a store."""
        cache, gates = FillCache.beside(store), Gates.beside(store, settings.endpoints)
        # Renewals depend on how long everything takes: they have a connection that is not counted.
        own = RunStore(connect(settings.require_redis_url()))
        leases = LeaseKeeper(own, cache=FillCache.beside(own), gates=Gates.beside(own, settings.endpoints))
        clients = ClientPool(settings, pool_size=SLOTS)
        endpoints = {one.name: one for one in settings.endpoints}
        return cls(Filler(store, leases, list, endpoints, clients.get, cache, gates), leases, clients)

    def close(self) -> None:
        """Give back what it holds."""
        self.leases.close()
        self.clients.close()


def main() -> int:
    """Measure, print, and tell whether every count is within its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--holes", type=int, default=HOLES)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    found = measure(chosen.holes)
    if chosen.json:
        print(json.dumps({"holes": chosen.holes, "counts": found, "limits": dict(LIMITS)}))
    else:
        print(f"{'a hole':26} {'count':>10} {'at most':>10}")
        for name, value in found.items():
            print(f"{name:26} {value:10.2f} {LIMITS[name]:10.2f}{'   EXCEEDED' if value > LIMITS[name] else ''}")
    return int(any(value > LIMITS[name] for name, value in found.items()))


if __name__ == "__main__":
    sys.exit(main())
