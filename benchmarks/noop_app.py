"""A bare Celery app whose task does nothing: the floor that fills are compared with."""

from __future__ import annotations

import os

from maze_tasks.dispatch import make_celery

app = make_celery(os.environ["BENCH_BROKER_URL"])


@app.task(name="bench.noop", ignore_result=True)
def noop(number: int) -> None:
    """Do nothing, but say so when the last one is done."""
    if number == 0:
        from redis import Redis

        Redis.from_url(os.environ["BENCH_REDIS_URL"]).rpush("bench:done", 1)
