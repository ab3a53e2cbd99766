"""Holes filled while processes are killed, servers go away and endpoints misbehave; then nothing may be missing.

    python -m benchmarks.faults [--holes N] [--kill-every S] [--appendfsync always|everysec] [--seed K] [--short]
                               [--json]

Starts Redis with an append-only file behind a proxy that can drop connections, a broker of its own, workers, and
endpoints that throttle, hang, trickle and lie. All endpoints are SIMULATED. While a run of N holes is submitted and
filled, a schedule drawn from the seed is played: SIGKILL of supervisors, worker processes, the producer, the client
that follows, and Redis; SIGSTOP of a worker for longer than a lease; a flushed broker; a network that is cut. Then the
store is held against the endpoints' own logs of requests.

Exit code 0: every guarantee held. 1: one was broken, and the table says which.
"""

from __future__ import annotations

import argparse
import sys


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--holes", type=int, default=None, metavar="N", help="default 2000; with --short 200")
    parser.add_argument("--kill-every", type=float, default=5.0, metavar="S", help="seconds from one kill to the next")
    parser.add_argument("--appendfsync", choices=("always", "everysec"), default="always", help="of Redis")
    parser.add_argument("--seed", type=int, default=0, metavar="K", help="of the schedule and of what endpoints do")
    parser.add_argument("--short", action="store_true", help="fewer holes and one fault of each kind, about 40 s")
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; its exit code."""
    options().parse_args(arguments)
    print("benchmarks.faults is being built", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
