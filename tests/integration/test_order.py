"""What has waited before goes ahead of what waits in a queue."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import closing

import redis

from maze_tasks.dispatch import Dispatcher, make_celery
from maze_tasks.messages import FillMessage
from maze_tasks.models.runs import Cursor
from workers.channel import tolerant


def message(hole_id: int, *, ahead: bool = False) -> FillMessage:
    return FillMessage("r", "a", (hole_id,), Cursor(), 1, ahead=ahead)


def test_a_hole_that_was_interrupted_is_taken_first(addresses: Callable[[], dict[str, str]]) -> None:
    tolerant()
    url = addresses()["broker_url"]
    with make_celery(url) as app, closing(redis.Redis.from_url(url)) as client:
        dispatcher = Dispatcher(app)
        dispatcher.send([message(1), message(2)])
        dispatcher.send([message(3, ahead=True)])
        dispatcher.send([message(4)])
        taken = []
        while entry := client.rpop("fill.a"):
            body = json.loads(base64.b64decode(json.loads(entry)["body"]))
            taken += body[1]["holes"]
    assert taken == [3, 1, 2, 4]
