"""Publishes the tasks of bare Celery, in batches, and waits until all are done: `noop` or `call` by its argument."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from celery import chord, group

from benchmarks.compare.apps import celery_app
from benchmarks.compare.job import given_job
from benchmarks.compare.steps import drive
from benchmarks.compare.tally import Watch

QUEUE = "bench"
BATCH = 1000


def publish(task: str, numbers: Iterable[int]) -> None:
    """Publish one task a hole, as fast as Celery's own interface can."""
    app = celery_app.app
    with app.producer_pool.acquire(block=True) as producer, producer.batch(BATCH):
        for number in numbers:
            message = app.amqp.as_task_v2(f"id-{number}", task, args=(number,), ignore_result=True)
            app.amqp.send_task_message(producer, task, message, queue=QUEUE)


def publish_chords(samples: int, numbers: Iterable[int]) -> None:
    """Publish a chord a hole: some samples, and what chooses among them."""
    for number in numbers:
        members = group(celery_app.sample.s(number).set(queue=QUEUE) for _ in range(samples))
        chord(members)(celery_app.choose.s().set(queue=QUEUE))


def main() -> None:
    """Warm up, then publish and wait."""
    job, task = given_job(), f"bench.{sys.argv[1]}"
    watch = Watch(job.redis_url)

    def fill(numbers: range) -> None:
        if job.samples > 1:
            publish_chords(job.samples, numbers)
        else:
            publish(task, numbers)
        if not job.only_send:
            watch.wait(len(numbers))

    def work() -> dict[str, int]:
        fill(range(job.count))
        return {"filled": job.count}

    fill(range(job.warm))
    drive(work)


if __name__ == "__main__":
    main()
