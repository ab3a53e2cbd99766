"""Hands holes in as a file, with `maze refine`; with `--detach` where nobody is to fill them."""

from __future__ import annotations

import json
import resource
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.compare.job import Job, given_job, prompt
from benchmarks.compare.steps import drive
from benchmarks.project import MAZE
from maze_tasks.models import read_hole
from maze_tasks.producer import hole_text


def refine(job: Job, run: str, count: int) -> dict[str, Any]:
    """Run the command over so many holes; its report, and what it used."""
    path = Path(job.folder) / f"{run}.jsonl"
    if not path.exists():
        write(path, run, count)
    before = used_s()
    options = ["--detach"] if job.only_send else []
    done = subprocess.run(
        [*MAZE, "refine", str(path), "--run", run, "--quiet", "--json", *options], check=True, capture_output=True
    )
    report = json.loads(done.stdout)
    if not job.only_send and report["filled"] != count:
        raise SystemExit(f"{report['filled']} of {count} holes were filled")
    return {"filled": report["filled"], "cpu_s": used_s() - before}


def write(path: Path, run: str, count: int) -> int:
    """A file of hole lines; bytes of the holes as the store keeps them."""
    size = 0
    with path.open("w", encoding="utf-8") as out:
        for number in range(count):
            line = {"hole_id": number, "prompt": prompt(f"{run} {number}")}
            size += len(hole_text(read_hole(line)))
            out.write(json.dumps(line) + "\n")
    return size


def used_s() -> float:
    """Seconds of processor time of all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Warm up, see what the command costs for one hole, then hand in all of them."""
    job = given_job()
    refine(job, "warm", job.warm)
    start_s = refine(job, "one", 1)["cpu_s"]
    text = write(Path(job.folder) / "run.jsonl", "run", job.count)

    def work() -> dict[str, Any]:
        report = refine(job, "run", job.count)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        return report | {"start_s": start_s, "command_mib": peak / 2**20, "text_bytes": text / job.count}

    drive(work)


if __name__ == "__main__":
    main()
