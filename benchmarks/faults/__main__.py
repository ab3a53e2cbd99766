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
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.faults import schedule
from benchmarks.faults.audit import Facts, audit
from benchmarks.faults.hostile import CANDIDATES, Hostile, holes, hostile
from benchmarks.faults.playing import Play
from benchmarks.faults.scene import LOST_S, RUN, TIGHT, Scene, opened
from benchmarks.faults.setting import SHORT, WHOLE, Setting
from benchmarks.faults.striking import Striker
from benchmarks.faults.telling import Outcome, show
from benchmarks.faults.watching import Watch
from maze_tasks.store import reading

UNSURE_S = 0.3  # by which it is not known when Redis lost what
LAST_CALLS_S = 6.0  # in which calls of workers that woke up too late have come to their end


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


def measure(folder: Path, setting: Setting) -> Outcome:
    """Play a run, and hold the store against the logs.

    Args:
        folder: to work in, empty.
        setting: what the run is made with.
    """
    for run, count in ((RUN, setting.holes), (TIGHT, setting.tight)):
        lines = "".join(json.dumps(line) + "\n" for line in holes(count))
        (folder / f"{run}.jsonl").write_text(lines, encoding="utf-8")
    said = {"lease_s": setting.lease_s, "max_fallback_attempts": CANDIDATES, "max_retries": 5, "cache": False}
    ensemble = hostile(setting.seed, setting.latency_ms, setting.a_minute)
    with (
        opened(folder, ensemble, said, appendfsync=setting.appendfsync, supervisors=setting.supervisors) as scene,
        Watch(scene.store.client) as watch,
    ):
        play = Play(
            scene, Striker(scene, watch, setting.lease_s), setting, schedule.planned(setting.seed, setting.events)
        )
        began = time.monotonic()
        ended = play.run()
        elapsed_s = time.monotonic() - began
        time.sleep(LAST_CALLS_S)
        return outcome(scene, play, ensemble, ended=ended, elapsed_s=elapsed_s)


def outcome(scene: Scene, play: Play, ensemble: Sequence[Hostile], *, ended: bool, elapsed_s: float) -> Outcome:
    """What the audit of the runs that were played says."""
    requests, setting = scene.requests(), play.setting
    limits = {one.name: one.a_minute for one in ensemble if one.a_minute}
    prices = {one.name: one.prices for one in ensemble}
    kills = [one.at for one in play.faults if one.what == "kill redis" and setting.appendfsync != "always"]
    forgotten = [(at - LOST_S - UNSURE_S, at + UNSURE_S) for at in kills]
    found = []
    for run, count in ((RUN, setting.holes), (TIGHT, setting.tight)):
        facts = replace(facts_of(scene, run, range(count)), requests=requests, prices=prices, forgotten=forgotten)
        own = {"limits": limits} if run == RUN else {"budget_usd": setting.budget_usd}
        found.append(audit(replace(facts, **own)))
    kinds: dict[str, Counter[str]] = {}
    for entry in requests:
        kinds.setdefault(entry["endpoint"], Counter())[entry["outcome"]] += 1
    whole = found[0] + found[1]
    whole.in_flight = sum(one.in_flight or 0 for one in play.faults)
    return Outcome(
        setting,
        whole,
        found[1],
        sorted(play.faults, key=lambda one: one.at),
        ended,
        {name: dict(counts) for name, counts in kinds.items()},
        elapsed_s,
    )


def facts_of(scene: Scene, run: str, holes: Sequence[int]) -> Facts:
    """What the store knows of a run."""
    client = scene.store.client
    status = reading.read_status(client, "maze", run)
    assert status is not None, "a run that was submitted has a status"
    accounts = reading.read_accounts(client, "maze", run)
    return Facts(run, holes, status, accounts, list(reading.iter_results(client, "maze", run)), ())


def _leave(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; its exit code."""
    chosen = options().parse_args(arguments)
    base = SHORT if chosen.short else WHOLE
    setting = replace(
        base,
        holes=chosen.holes or base.holes,
        kill_every_s=chosen.kill_every,
        appendfsync=chosen.appendfsync,
        seed=chosen.seed,
    )
    if chosen.keep is not None:
        chosen.keep.mkdir(parents=True)
        came = measure(chosen.keep.resolve(), setting)
        (chosen.keep / "report.json").write_text(json.dumps(came.report(), indent=2) + "\n", encoding="utf-8")
    else:
        with tempfile.TemporaryDirectory(prefix="maze-faults-") as name:
            came = measure(Path(name), setting)
    if chosen.json:
        print(json.dumps(came.report()))
    else:
        show(came)
    return 0 if came.holds else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _leave)  # an end that leaves nothing running behind
    sys.exit(main())
