"""A long queue in front of a slow worker is no loss: nothing of it is sent again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from maze_tasks.control import Sweeper
from maze_tasks.dispatch import Dispatcher, make_celery
from maze_tasks.models import ModelEndpoint, read_hole
from maze_tasks.producer import Producer, RunOptions
from maze_tasks.store import RunStore, connect

HOLES = 5_000
SWEEPS = 4  # each of which looks at the queue


def test_holes_that_wait_in_a_long_queue_are_not_sent_again(addresses: Callable[[], dict[str, str]]) -> None:
    urls = addresses()
    endpoint = ModelEndpoint(name="slow", endpoint_url="http://127.0.0.1:1/v1")
    with closing(connect(urls["redis_url"])) as client, make_celery(urls["broker_url"]) as app:
        store, dispatcher = RunStore(client, lease_ms=1), Dispatcher(app)
        producer = Producer(store, dispatcher.send, [endpoint], RunOptions())
        holes = (read_hole({"hole_id": number, "prompt": "x"}) for number in range(HOLES))
        producer.submit("r", holes, input_digest="in", config_digest="conf")
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
