"""A run that is killed three times with SIGKILL and goes on, beside the same run left alone.

    python -m benchmarks.interrupted [--limit N] [--latency MS] [--seed N] [--json]

The holes are those of HumanEval with SIMULATED endpoints, as in `benchmarks.humaneval`, verified by their tests. When a
quarter of the calls are made the command is killed and the run resumed; at a half all worker processes are killed; at
three quarters the keeper of the private Redis, and Redis with it. Then holes, fills and models must be those of the run
that was left alone, and by the log of the simulator no call may have been made again but those whose attempt a kill
cut short, ahead of its reply or between the reply and its commit: every call that arrived twice has an attempt on
record that was lost, and there are at most as many as there are slots for calls, at each kill.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import psutil

from benchmarks.filling import REFINE, RUN, Problem, prepare, require_sandbox, say, settings
from benchmarks.humaneval import models, problems
from benchmarks.options import ended, parser
from benchmarks.project import DEADLINE_S, Model, Project, opened, workplace
from benchmarks.pythons import chosen_python

RATES = [0.6, 0.3, 0.0]
SLOTS = 4  # calls of each model in flight
# What calls of dead workers hold is free when their leases have run out. No hole goes to another model meanwhile, or
# which one fills it would depend on when the kill comes.
SPILL_AFTER_S = 120
TRIES = 5  # of `maze resume`, should a command give up because its server was killed
WORKER, KEEPER = "workers.app", "embedded_keeper"
STEPS = ("command", "workers", "keeper")


@dataclass
class Kill:
    """One kill.

    Args:
        what: was killed.
        processes: how many.
        in_flight: calls without a reply, by the simulator's log; others may have been answered and not yet committed.
        at: seconds since 1970.
    """

    what: str
    processes: int
    in_flight: int = 0
    at: float = 0.0


@dataclass
class Came:
    """What it came to.

    Args:
        holes: how many.
        filled: in both runs.
        calls: requests that the simulator logged of the run left alone, and of the one killed.
        kills: in their order.
        slots: calls that can be in flight.
        twice: calls that arrived more than once.
        repeated: attempts that the run has marked as possibly made before.
        lost: attempts on record whose worker never came back.
        unexplained: calls that arrived more than once though nothing was lost of them.
        different: holes whose end is not the same, and both ends.
        elapsed_s: of both runs.
    """

    holes: int
    filled: int = 0
    calls: list[int] = field(default_factory=list)
    kills: list[Kill] = field(default_factory=list)
    slots: int = 0
    twice: int = 0
    repeated: int = 0
    lost: int = 0
    unexplained: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    elapsed_s: list[float] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """The same result, and nothing paid twice but what was in flight."""
        few = self.twice <= self.slots * len(self.kills)
        return len(self.kills) == len(STEPS) and few and not self.unexplained and not self.different


class Killing:
    """A run with its kills.

    Args:
        project: where it runs.
        expected: calls of the run left alone.
    """

    def __init__(self, project: Project, expected: int) -> None:
        self.project, self.expected = project, expected
        self.kills: list[Kill] = []

    def run(self) -> None:
        """Start it, kill it, see it to its end."""
        command = self.project.start(*REFINE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for number, what in enumerate(STEPS, 1):
            self.wait_for(self.expected * number // (len(STEPS) + 1), command)
            victims = {"command": [psutil.Process(command.pid)]}.get(what) or self.found(
                WORKER if what == "workers" else KEEPER
            )
            self.kill(what, victims)
            if what == "command":
                command.communicate()
                _until(lambda: not self.found(WORKER) and not self.found(KEEPER), "the end of all processes")
                command = self.resume()
        for _ in range(TRIES):
            _, said = command.communicate(timeout=DEADLINE_S)
            if command.returncode in (0, 1):
                return
            say(f"exit code {command.returncode}: {said.strip()[-300:]}; resuming ...")
            command = self.resume()
        raise SystemExit(f"the run does not come to its end: {said}")

    def resume(self) -> subprocess.Popen[str]:
        """`maze resume`, not waited for."""
        return self.project.start("resume", RUN, "-q", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def wait_for(self, calls: int, command: subprocess.Popen[str]) -> None:
        """Wait until so many different calls are answered."""
        _until(lambda: len(_keys(self.project.log.entries())) >= calls or command.poll() is not None, f"{calls} calls")

    def found(self, what: str) -> list[psutil.Process]:
        """Living processes of this project whose command line says `what`."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                line = " ".join(process.cmdline())
                ours = str(self.project.folder) in line or process.cwd() == str(self.project.folder)
                if what in line and ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def kill(self, what: str, victims: Sequence[psutil.Process]) -> None:
        """Kill processes, all at once."""
        if not victims:
            return  # the run was over before; what is missing is seen at the end
        self.kills.append(Kill(what, len(victims), at=time.time()))
        for one in victims:
            with suppress(ProcessLookupError):
                os.kill(one.pid, signal.SIGKILL)


def measure(folder: Path, holes: Sequence[Problem], ensemble: Sequence[Model], said: Mapping[str, Any]) -> Came:
    """Run both, and hold them against each other.

    Args:
        folder: to work in.
        holes: what is filled.
        ensemble: the endpoints.
        said: the configuration besides.
    """
    came = Came(len(holes), slots=SLOTS * len(ensemble))
    lines, answers, _ = prepare(folder, holes)
    found, logs, status = [], [], {}
    for name, kills in (("left alone", False), ("killed", True)):
        say(f"{len(holes)} holes, {name} ...")
        own = folder / name.replace(" ", "-")
        own.mkdir()
        (own / "tree").symlink_to(folder / "tree")
        with opened(own, ensemble, answers, said) as project:
            project.write("holes.jsonl", lines)
            began = time.monotonic()
            if kills:
                killing = Killing(project, came.calls[0])
                killing.run()
                came.kills = killing.kills
            else:
                project.maze(*REFINE, codes=(0, 1))
            came.elapsed_s.append(time.monotonic() - began)
            found.append(project.lines("results", RUN, "--json"))
            status = project.lines("status", RUN, "--json")[0]
        logs.append(project.log.entries())
        came.calls.append(len(logs[-1]))
    came.filled, came.repeated = status["filled"], status["repeated"]
    hold_against(came, found, logs[1])
    return came


def hold_against(came: Came, found: Sequence[Sequence[dict[str, Any]]], log: Sequence[dict[str, Any]]) -> None:
    """Note what differs, and which calls were made again.

    Args:
        came: where it is noted.
        found: results of the run left alone and of the one killed.
        log: of the requests of the latter.
    """
    alone, killed = ({one["hole_id"]: one for one in each} for each in found)
    for hole, result in alone.items():
        other = killed.get(hole, {})
        if any(result[name] != other.get(name) for name in ("status", "model", "code")):
            came.different.append(f"{hole}: {_told(result)} | {_told(other)}")
    losses = Counter(
        (str(one["hole_id"]), attempt["round"], attempt["candidate"], str(attempt["sample"]))
        for one in killed.values()
        for attempt in one["attempts"]
        if attempt["outcome"] == "lost"
    )
    came.lost = losses.total()
    for key, count in Counter(entry["key"] for entry in log).items():
        came.twice += count - 1
        _, hole, round_no, candidate, sample = (unquote(part) for part in key.split("/"))
        if count - 1 > losses[hole, int(round_no), int(candidate), sample]:
            came.unexplained.append(f"{key}: {count} times")
    for kill in came.kills:
        kill.in_flight = sum(e["time"] <= kill.at < e["time"] + e["latency_ms"] / 1000 for e in log)


def _told(result: Mapping[str, Any]) -> str:
    """How a hole ended, and by which attempts, in one line."""
    attempts = [
        f"{one['model']} {one['error']['kind'] if one['error'] else one['outcome']}"
        for one in result.get("attempts", ())
    ]
    return f"{result.get('status', 'missing')} after {', '.join(attempts) or 'no attempt'}"


def _keys(entries: Sequence[dict[str, Any]]) -> set[str]:
    return {entry["key"] for entry in entries}


def _until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + DEADLINE_S
    while not holds():
        if time.monotonic() > end:
            raise SystemExit(f"gave up waiting for {what}")
        time.sleep(0.02)


def show(came: Came) -> None:
    """Print what it came to."""
    print(f"{came.holes} holes, SIMULATED endpoints, fills verified; {came.slots} slots for calls")
    print(f"left alone: {came.calls[0]} calls, {came.elapsed_s[0]:.0f} s")
    print(f"killed {len(came.kills)} times: {came.calls[1]} calls, {came.elapsed_s[1]:.0f} s")
    for kill in came.kills:
        print(f"  SIGKILL to {kill.what} ({kill.processes}): {kill.in_flight} calls had no reply yet")
    print(f"calls that arrived again, by the simulator's log: {came.twice}")
    print(f"attempts on record as lost: {came.lost}; marked as perhaps made before: {came.repeated}")
    for text in came.unexplained:
        print(f"MADE AGAIN, AND NOT LOST: {text}")
    for hole in came.different:
        print(f"DIFFERENT: hole {hole}")
    if came.holds:
        print(f"the same {came.filled} holes are filled with the same code by the same models;")
        print("no call was made again but those whose attempt a kill cut short")


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; its exit code."""
    options = parser(__doc__)
    options.add_argument("--latency", type=float, default=300, help="of the simulated endpoints, in ms")
    options.add_argument("--lease", type=float, default=15, help="lease_s of the run, in seconds")
    options.add_argument("--seed", type=int, default=0, help="of what is answered")
    chosen = options.parse_args(arguments)

    def run() -> tuple[dict[str, Any], Any]:
        behaviour, limits = {"latency": chosen.latency}, {"max_concurrency": SLOTS, "spill_after_s": SPILL_AFTER_S}
        ensemble = [
            Model(one.name, one.input_usd, one.output_usd, {**one.behaviour, **behaviour}, limits)
            for one in models(RATES)
        ]
        said = settings(1, chosen_python(chosen.venv)) | {"lease_s": chosen.lease}
        require_sandbox()
        holes = problems(chosen.data, chosen.limit, RATES, 1, chosen.seed)
        with workplace(chosen.keep) as folder:
            came = measure(folder, holes, ensemble, said)
        return {"benchmark": "interrupted", "holds": came.holds} | asdict(came), partial(show, came)

    return ended(run, as_json=chosen.json)


if __name__ == "__main__":
    sys.exit(main())
