"""Sends a message a hole to dramatiq's actor, and waits until all are done."""

from __future__ import annotations

from benchmarks.compare.apps.dramatiq_app import call
from benchmarks.compare.job import given_job
from benchmarks.compare.steps import drive
from benchmarks.compare.tally import Watch


def main() -> None:
    """Warm up, then send and wait."""
    job = given_job()
    watch = Watch(job.redis_url)

    def fill(count: int) -> dict[str, int]:
        for number in range(count):
            call.send(number)
        if not job.only_send:
            watch.wait(count)
        return {"filled": count}

    fill(job.warm)
    drive(lambda: fill(job.count))


if __name__ == "__main__":
    main()
