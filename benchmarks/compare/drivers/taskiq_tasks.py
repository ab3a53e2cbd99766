"""Sends a message a hole to taskiq's task, and waits until all are done."""

from __future__ import annotations

import asyncio

from benchmarks.compare.apps.taskiq_app import broker, call
from benchmarks.compare.job import given_job
from benchmarks.compare.steps import drive
from benchmarks.compare.tally import Watch


def main() -> None:
    """Warm up, then send and wait."""
    job = given_job()
    watch = Watch(job.redis_url)
    loop = asyncio.new_event_loop()

    async def send(count: int) -> None:
        for number in range(count):
            await call.kiq(number)

    def fill(count: int) -> dict[str, int]:
        loop.run_until_complete(send(count))
        if not job.only_send:
            watch.wait(count)
        return {"filled": count}

    loop.run_until_complete(broker.startup())
    fill(job.warm)
    drive(lambda: fill(job.count))


if __name__ == "__main__":
    main()
