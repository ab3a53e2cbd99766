"""Hands holes in one at a time, each when the one before it has been filled; then as many that wait for one another."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from benchmarks.compare.job import given_job, prompt
from benchmarks.compare.steps import drive
from maze_tasks import EnsembleClient


def main() -> None:
    """Warm up, then hand them in; says when each was handed in, by the key of its request."""
    job = given_job()
    with EnsembleClient.from_config(Path(job.folder) / "maze.toml") as client:

        def single(run: str) -> float:
            began = time.time()
            client.submit([{"hole_id": 0, "prompt": prompt(run)}], run=run).wait()
            return began

        def chain(run: str, count: int) -> None:
            client.submit(
                (
                    {"hole_id": number, "prompt": prompt(f"{run} {number}"), "depends_on": [number - 1][:number]}
                    for number in range(count)
                ),
                run=run,
            ).wait()

        def work() -> dict[str, Any]:
            ready = {f"s{number}/0/0/0/0": single(f"s{number}") for number in range(job.count)}
            chain("chain", job.count)
            return {"ready": ready, "chain": [f"chain/{number}/0/0/0" for number in range(job.count)]}

        for number in range(job.warm):
            single(f"w{number}")
        drive(work)


if __name__ == "__main__":
    main()
