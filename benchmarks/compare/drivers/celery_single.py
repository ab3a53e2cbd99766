"""Hands tasks in one at a time with `apply_async`, each when the one before it is done, or all without waiting."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.compare.apps.celery_app import call
from benchmarks.compare.drivers.celery_tasks import QUEUE
from benchmarks.compare.job import given_job
from benchmarks.compare.steps import drive
from benchmarks.compare.tally import Watch


def main() -> None:
    """Warm up, then hand them in; says when each was handed in, by the key of its request."""
    job = given_job()
    watch = Watch(job.redis_url)

    def send(count: int) -> dict[str, float]:
        ready = {}
        for number in range(count):
            ready[str(number)] = time.time()
            call.apply_async((number,), queue=QUEUE)
            if not job.only_send:
                watch.wait(1)
        return {} if job.only_send else ready

    def work() -> dict[str, Any]:
        return {"ready": send(job.count)}

    send(job.warm)
    drive(work)


if __name__ == "__main__":
    main()
