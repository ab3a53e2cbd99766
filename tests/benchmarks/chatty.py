"""A contender whose processes log more than a pipe holds, and wait for one another: run by the tests."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.compare.job import given_job
from benchmarks.compare.steps import drive, part

LOG = "a line of a log\n" * 20_000
WAITS_S = 30.0


def work() -> dict[str, Any]:
    """Log; the first process ends only once the last one has logged."""
    logged = Path(given_job().folder) / "logged"
    if part() > 0:
        sys.stdout.write(LOG)
        sys.stdout.flush()
        logged.touch()
    end = time.monotonic() + WAITS_S
    while not logged.exists():
        if time.monotonic() > end:
            raise SystemExit("the other process stands still")
        time.sleep(0.01)
    return {"filled": 1}


if __name__ == "__main__":
    drive(work)
