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
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.faults import schedule
from benchmarks.faults.audit import Facts, audit
from benchmarks.faults.hostile import CANDIDATES, holes, hostile
from benchmarks.faults.playing import Play
from benchmarks.faults.scene import RUN, Scene, opened
from benchmarks.faults.striking import Striker
from benchmarks.faults.telling import Outcome, show
from benchmarks.faults.watching import Watch
from maze_tasks.store import reading

LAST_CALLS_S = 6.0  # in which calls of workers that woke up too late have come to their end


@dataclass(frozen=True)
class Size:
    """How much is asked of a run.

    Args:
        holes: how many.
        lease_s: of the run.
        latency_ms: of a good reply.
        supervisors: how many `maze worker` there are.
        submission_kills: how often the producer is killed.
        events: faults beside the kills.
    """

    holes: int
    lease_s: float
    latency_ms: float
    supervisors: int
    submission_kills: int
    events: Any


WHOLE = Size(2000, 15.0, 150.0, 2, 2, schedule.WHOLE)
SHORT = Size(240, 3.0, 100.0, 1, 1, schedule.SHORT)


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--holes", type=int, metavar="N", help=f"default {WHOLE.holes}; with --short {SHORT.holes}")
    parser.add_argument("--kill-every", type=float, default=5.0, metavar="S", help="seconds from one kill to the next")
    parser.add_argument("--appendfsync", choices=("always", "everysec"), default="always", help="of Redis")
    parser.add_argument("--seed", type=int, default=0, metavar="K", help="of the schedule and of what endpoints do")
    parser.add_argument("--short", action="store_true", help="fewer holes and faults, and shorter leases: about 40 s")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="work in this new folder, and leave it there")
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    return parser


def measure(folder: Path, chosen: argparse.Namespace) -> Outcome:
    """Play a run, and hold the store against the logs."""
    size = SHORT if chosen.short else WHOLE
    count = chosen.holes or size.holes
    (folder / "holes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in holes(count)))
    settings = {"lease_s": size.lease_s, "max_fallback_attempts": CANDIDATES, "max_retries": 5, "cache": False}
    ensemble = hostile(chosen.seed, size.latency_ms)
    with (
        opened(folder, ensemble, settings, appendfsync=chosen.appendfsync, supervisors=size.supervisors) as scene,
        Watch(scene.store.client) as watch,
    ):
        events = schedule.events(chosen.seed, size.events)
        striker = Striker(scene, watch, size.lease_s)
        play = Play(scene, striker, count, chosen.seed, chosen.kill_every, events, size.submission_kills)
        began = time.monotonic()
        ended = play.run()
        elapsed = time.monotonic() - began
        time.sleep(LAST_CALLS_S)
        return outcome(scene, play, chosen, size, count, ended=ended, elapsed_s=elapsed)


def outcome(
    scene: Scene, play: Play, chosen: argparse.Namespace, size: Size, count: int, *, ended: bool, elapsed_s: float
) -> Outcome:
    """The audit of what was played."""
    client = scene.store.client
    status = reading.read_status(client, "maze", RUN)
    assert status is not None
    requests = scene.requests()
    facts = Facts(
        RUN,
        range(count),
        status,
        reading.read_accounts(client, "maze", RUN),
        list(reading.iter_results(client, "maze", RUN)),
        requests,
        in_flight=sum(one.in_flight or 0 for one in play.faults),
    )
    kinds: dict[str, Counter[str]] = {}
    for entry in requests:
        kinds.setdefault(entry["endpoint"], Counter())[entry["outcome"]] += 1
    return Outcome(
        audit(facts),
        sorted(play.faults, key=lambda one: one.at),
        ended,
        {name: dict(counts) for name, counts in kinds.items()},
        elapsed_s,
        chosen.appendfsync,
        chosen.kill_every,
        size.lease_s,
        chosen.seed,
        status.late,
        sum(one.lost for one in facts.accounts.values()),
        status.cost_nano / 1e9,
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; its exit code."""
    chosen = options().parse_args(arguments)
    if chosen.keep is not None:
        chosen.keep.mkdir(parents=True)
        came = measure(chosen.keep.resolve(), chosen)
        (chosen.keep / "report.json").write_text(json.dumps(came.report(), indent=2) + "\n")
    else:
        with tempfile.TemporaryDirectory(prefix="maze-faults-") as name:
            came = measure(Path(name), chosen)
    if chosen.json:
        print(json.dumps(came.report()))
    else:
        show(came)
    return 0 if came.holds else 1


if __name__ == "__main__":
    sys.exit(main())
