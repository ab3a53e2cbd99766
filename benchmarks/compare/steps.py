"""How a driver and the comparison take turns, over the driver's standard streams.

The driver gets ready and says so; at ``go`` it works, and says what came of it; then it waits for the end of its
input, so that what it used can be read while it is still there.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

MARK = "bench "  # what begins a line that is meant; libraries write others
PART = "BENCH_PART"


def part() -> int:
    """Which of several like processes this is, from 0."""
    return int(os.environ.get(PART, "0"))


def share(count: int, processes: int) -> range:
    """The numbers of this process's part of `count` holes."""
    return range(part(), count, processes)


def say(value: Any) -> None:
    """Tell the comparison something."""
    sys.stdout.write(f"{MARK}{json.dumps(value)}\n")
    sys.stdout.flush()


def drive(work: Callable[[], dict[str, Any]]) -> None:
    """Take turns; everything that comes before work must have been done.

    Args:
        work: does what is measured; gives what there is to say of it.
    """
    say("ready")
    sys.stdin.readline()
    say(work())
    sys.stdin.read()
