"""A long queue in front of a slow worker is no loss: nothing of it is sent again, and looking after it is cheap."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import redis

from maze_tasks.control import Sweeper
from maze_tasks.dispatch import Dispatcher, make_celery
from maze_tasks.models import ModelEndpoint, read_hole
from maze_tasks.producer import Producer, RunOptions
from maze_tasks.store import RunStore, connect
from tests.integration.servers import own_redis
from tests.integration.stage import endpoint, staged, until

HOLES = 5_000
SWEEPS = 4  # each of which looks at the queue
MANY = 100_000
SLOTS, LATENCY_MS, CALLS = 2, 500, 40  # no fewer than 10 s: three looks at the queues, ten leases


def test_holes_that_wait_in_a_long_queue_are_not_sent_again(addresses: Callable[[], dict[str, str]]) -> None:
    urls = addresses()
    slow = ModelEndpoint(name="slow", endpoint_url="http://127.0.0.1:1/v1")
    with closing(connect(urls["redis_url"])) as client, make_celery(urls["broker_url"]) as app:
        store, dispatcher = RunStore(client, lease_ms=1), Dispatcher(app)
        submit(store, dispatcher, slow, HOLES)
        with closing(connect(urls["broker_url"])) as broker:
            waiting = broker.llen("fill.slow")
            assert broker.rpop("fill.slow"), "what the slow worker has in hand"
            sent: list[object] = []
            sweeper = Sweeper(store, sent.extend, dispatcher.queue_length, "one")
            for _ in range(SWEEPS):
                assert sweeper.sweep()
            assert sent == []
            assert broker.llen("fill.slow") == waiting - 1
        # Once the queue is gone, all that it held is sent again, and nothing else.
        dispatcher.purge(["slow"])
        for _ in range(SWEEPS):
            assert sweeper.sweep()
        assert sent


def test_a_hundred_thousand_holes_wait_for_one_slow_worker_and_none_is_sent_again() -> None:
    slow = endpoint("slow", max_concurrency=SLOTS)
    with own_redis(appendonly="no") as server, staged([slow], {"slow": {"latency": LATENCY_MS}}) as stage:
        stage.settings = server.address | {"lease_s": 1}
        stage.configure()
        with closing(server.client()) as client, make_celery(stage.settings["broker_url"]) as app:
            submit(RunStore(client), Dispatcher(app), stage.endpoints[0], MANY, expected=MANY)
            messages = stage.waiting("slow")
            stage.celery(["slow"], concurrency=SLOTS)
            until(lambda: stage.status("r").filled, "the first fill")
            client.config_resetstat()
            until(lambda: stage.status("r").filled >= CALLS, "calls for longer than anybody is patient")
            # Messages are told apart by a number; it was drawn once, by the producer: nothing was sent a second time.
            assert client.hget("maze:{r:r}:meta", "sn") == "1"
            assert stage.waiting("slow") < messages
            assert max(stage.log.places("r").values()) == 1
            # Reading each hole once would take as many commands as there are holes.
            assert commands(client) < MANY / 2


def submit(
    store: RunStore, dispatcher: Dispatcher, asked: ModelEndpoint, count: int, expected: int | None = None
) -> None:
    """Submit holes that are all different, as run ``r``."""
    holes = (read_hole({"hole_id": number, "prompt": f"x{number}"}) for number in range(count))
    producer = Producer(store, dispatcher.send, [asked], RunOptions())
    producer.submit("r", holes, input_digest="in", config_digest="conf", expected=expected)


def commands(client: redis.Redis) -> int:
    """Commands that a server has run since its statistics were reset, those within scripts too."""
    stats: dict[str, dict[str, Any]] = client.info("commandstats")
    return sum(int(row["calls"]) for row in stats.values())
