"""Hands holes to `EnsembleClient.submit`, and waits for the end of the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.compare.job import given_job, prompt
from benchmarks.compare.steps import drive
from maze_tasks import EnsembleClient


def main() -> None:
    """Warm up, then submit and wait."""
    job = given_job()
    wanted = job.samples if job.samples > 1 else None
    with EnsembleClient.from_config(Path(job.folder) / "maze.toml") as client:

        def fill(run: str, count: int) -> dict[str, Any]:
            holes = ({"hole_id": number, "prompt": prompt(f"{run} {number}")} for number in range(count))
            handle = client.submit(holes, run=run, best_of_n=wanted)
            if job.only_send:
                return {"filled": 0}
            status = handle.wait()
            if status.filled != count:
                raise SystemExit(f"{status.filled} of {count} holes were filled")
            return {"filled": status.filled, "attempts": status.attempts}

        fill("warm", job.warm)
        drive(lambda: fill("run", job.count))


if __name__ == "__main__":
    main()
