"""Taskiq: a task that makes a call with aiohttp, on a Redis stream, which gives back what nobody confirmed."""

from __future__ import annotations

from typing import Any

import aiohttp
from taskiq import TaskiqEvents, TaskiqState
from taskiq_redis import RedisStreamBroker

from benchmarks.compare.calls import body, content
from benchmarks.compare.job import given_job, prompt
from benchmarks.compare.tally import Tally

job = given_job()
tally = Tally(job.redis_url)
broker = RedisStreamBroker(url=job.redis_url, queue_name="bench")
_shared: dict[str, Any] = {}


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def begin(state: TaskiqState) -> None:  # noqa: ARG001
    """Open the connections of this process."""
    _shared["session"] = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    tally.ready()


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def end(state: TaskiqState) -> None:  # noqa: ARG001
    """Close them."""
    await _shared["session"].close()


@broker.task(task_name="bench:call")
async def call(number: int) -> None:
    """Ask the candidates in order, and look for text in the answer."""
    for base in job.candidates:
        async with _shared["session"].post(f"{base}/chat/completions", json=body(prompt(number))) as reply:
            if reply.ok and content(await reply.json()):
                tally.add()
                return
    tally.add(failed=1)
