"""A large source tree scanned, filled, interrupted, resumed and patched: time and peak memory of every step.

    python -m benchmarks.large_tree --files 20000 --holes 5000 --lines 1000000

Makes a tree of a tenth of that size and one of the whole, and does with each: `maze scan`; `maze refine` with
SIMULATED endpoints, killed (SIGKILL) when half of the answers are given, then `maze resume`; `maze results`; `maze
diff`, whose patch `git apply --check` must take; `maze apply`; `maze apply --reverse`, after which every file must be
as it was; and a second run of some holes whose fills a command judges in a copy of the tree, without a sandbox.
Prints for each process the most memory it had in use, at both sizes, and by how much it grew; times, and their ratio.
Exits with 1 where a process other than the store grew by more than `--most-mib`, or something came out wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.memory import watched
from benchmarks.tree_maker import LANGUAGES, make_tree
from maze_tasks.tether import spawn

MAZE = [sys.executable, "-m", "maze_tasks.cli"]
SMALLER = 10  # times smaller is the tree that the whole one is held against
RUN = "large"
DEADLINE_S = 7200.0
MIB = 1024 * 1024
STORE = "redis"  # holds all holes, on purpose

CONFIG = """
verify_sandbox = "none"
[verify.look]
command = "test -s {{file}}"
[[endpoints]]
name = "cheap"
endpoint_url = "http://127.0.0.1:{cheap}/v1"
capabilities = ["FastInference"]
priority = 1
cost_per_1k_tokens = 0.0001
[[endpoints]]
name = "dear"
endpoint_url = "http://127.0.0.1:{dear}/v1"
capabilities = ["HighQuality"]
priority = 2
cost_per_1k_tokens = 0.001
[simulate.cheap]
latency = {latency}
answers = "answers.jsonl"
errors = [{{ kind = 500, rate = 0.05 }}]
[simulate.dear]
latency = {latency}
answers = "answers.jsonl"
"""


@dataclass
class Measured:
    """What one size came to.

    Args:
        files: in the tree.
        holes: in the tree.
        lines: in the tree.
        seconds: of each step.
        peaks: bytes of each process in each step, ``step: role``.
        notes: what a run came to.
        wrong: what came out wrong.
    """

    files: int
    holes: int
    lines: int
    seconds: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def require(self, holds: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence
        """Note what came out wrong."""
        if not holds:
            self.wrong.append(what)


class Stage:
    """A folder with a tree in it, a configuration, and a simulator.

    Args:
        folder: made by the caller.
        measured: where what is seen goes.
        latency_ms: of the simulated endpoints.
    """

    def __init__(self, folder: Path, measured: Measured, latency_ms: float) -> None:
        self.folder, self.measured = folder, measured
        self.tree = folder / "tree"
        self.ports = _free_ports(2)
        config = CONFIG.format(cheap=self.ports[0], dear=self.ports[1], latency=latency_ms)
        (folder / "maze.toml").write_text(config)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure the time and the memory of a step."""
        print(f"  {name} ...", file=sys.stderr, flush=True)
        began = time.monotonic()
        with watched(self.folder) as peaks:
            yield
        self.measured.seconds[name] = time.monotonic() - began
        for role, size in sorted(peaks.by_role.items()):
            if role not in ("other", "keeper", "simulator"):
                self.measured.peaks[f"{name}: {role}"] = size

    def maze(self, *arguments: str, out: Path | None = None, ok: tuple[int, ...] = (0,)) -> str:
        """Run a command to its end; what it wrote, unless that went to `out`."""
        with (out or self.folder / "out").open("wb") as stream:
            code = self.start(*arguments, stdout=stream).wait(timeout=DEADLINE_S)
        if code not in ok:
            raise SystemExit(f"maze {' '.join(arguments)}: exit code {code}")
        return "" if out else (self.folder / "out").read_text()

    def start(self, *arguments: str, stdout: Any = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start a command, which ends with this program however that ends."""
        return spawn([*MAZE, *arguments], cwd=self.folder, stdout=stdout, env=self.env())

    def env(self) -> dict[str, str]:
        """Its environment: the package that this program is part of."""
        return os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1]), "NO_COLOR": "1"}

    @contextmanager
    def simulator(self) -> Iterator[None]:
        """The endpoints, for as long as the block lasts."""
        ready = self.folder / "ready"
        process = self.start("simulate", "--quiet", "--ready-file", str(ready))
        try:
            _wait_until(lambda: ready.exists() or process.poll() is not None)
            yield
        finally:
            process.terminate()
            process.wait()

    def answered(self) -> dict[str, int]:
        """How often the endpoints were asked, and how often with a key that they knew already."""
        url = f"http://127.0.0.1:{self.ports[0]}/__simulator__/stats"
        with urllib.request.urlopen(url) as reply:
            every = json.load(reply)["endpoints"].values()
        return {name: sum(one[name] for one in every) for name in ("requests", "answered", "repeated_keys")}


def measure(folder: Path, files: int, holes: int, lines: int, chosen: argparse.Namespace) -> Measured:
    """Make a tree of some size and do everything with it."""
    measured = Measured(files, holes, 0)
    stage = Stage(folder, measured, chosen.latency)
    measured.lines = make_tree(stage.tree, files=files, holes=holes, lines=lines)
    before = digest_of(stage.tree)
    print(f"{files} files, {measured.lines} lines, {holes} holes", file=sys.stderr)
    with stage.step("scan"):
        stage.maze("scan", "tree", out=folder / "holes.jsonl")
    found = write_answers(folder)
    measured.require(found == holes, f"{found} of {holes} holes found")
    with stage.simulator():
        refine(stage, holes)
        patch(stage, holes)
        if chosen.verify:
            verify(stage, min(chosen.verify, holes))
    measured.require(digest_of(stage.tree) == before, "not every file is as it was after --reverse")
    return measured


def refine(stage: Stage, holes: int) -> None:
    """Fill all holes, killed when half are answered, and resumed."""
    with stage.step("refine, killed"):
        process = stage.start("refine", "tree", "--run", RUN, "--quiet")
        _wait_until(lambda: process.poll() is not None or stage.answered()["answered"] >= holes // 2)
        process.send_signal(signal.SIGKILL)
        process.wait()
    before = stage.answered()
    with stage.step("resume"):
        stage.maze("resume", RUN, "--quiet", ok=(0, 1, 2))
        # Killed while it was still submitting, only the same command can go on.
        report = json.loads(stage.maze("refine", "tree", "--run", RUN, "--quiet", "--json", ok=(0, 1)))
    measured = stage.measured
    measured.require(report["filled"] == holes, f"{report['filled']} of {holes} holes filled")
    counts = stage.answered()
    measured.notes = {"answered_before_kill": before["answered"], **counts, "fallbacks": report["fallbacks"]}


def patch(stage: Stage, holes: int) -> None:
    """The fills as a patch, into the tree, and out of it again."""
    made = stage.folder / "fills.patch"
    with stage.step("results"):
        stage.maze("results", RUN)
    with stage.step("diff"):
        stage.maze("diff", RUN, out=made)
    taken = subprocess.run(["git", "apply", "--check", str(made)], cwd=stage.tree, check=False, env=stage.env())
    stage.measured.require(taken.returncode == 0, "git apply does not take the patch")
    with stage.step("apply"):
        applied = stage.maze("apply", RUN, "--json")
    count = sum(json.loads(line)["status"] == "applied" for line in applied.splitlines())
    stage.measured.require(count == holes, f"{count} of {holes} files written")
    with stage.step("reverse"):
        stage.maze("apply", RUN, "--reverse", "--json")


def verify(stage: Stage, holes: int) -> None:
    """Some of the holes once more, their fills judged by a command in a copy of the tree; without a sandbox."""
    wanted = ("--run", "verified", "--verify", "look", "--limit", str(holes))
    with stage.step("verify"):
        report = json.loads(stage.maze("refine", "tree", *wanted, "--quiet", "--json", ok=(0, 1)))
    stage.measured.require(report["filled"] == holes, f"{report['filled']} of {holes} fills verified")


def write_answers(folder: Path) -> int:
    """What the simulated endpoints answer: for each hole the fill of its language; the number of holes."""
    count = 0
    with (folder / "holes.jsonl").open() as lines, (folder / "answers.jsonl").open("w") as answers:
        for line in lines:
            hole = json.loads(line)
            code = LANGUAGES[hole["language"]].fill
            answers.write(json.dumps({"hole_id": hole["hole"]["id"], "code": code}) + "\n")
            count += 1
    return count


def digest_of(tree: Path) -> str:
    """Digest of all files of a tree, with their names."""
    digest = hashlib.sha256()
    for path in sorted(one for one in tree.rglob("*") if one.is_file()):
        digest.update(f"{path.relative_to(tree)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _wait_until(done: Any) -> None:
    end = time.monotonic() + DEADLINE_S
    while not done():
        if time.monotonic() > end:
            raise SystemExit("gave up waiting")
        time.sleep(0.02)


def show(sizes: list[Measured]) -> None:
    """Print what was measured, sizes beside one another."""
    whole = sizes[-1]
    print("SIMULATED endpoints; peak of resident memory in MiB, of several processes of a kind the largest")
    print(f"{'':28}" + "".join(f"{one.files:>8} files" for one in sizes) + f"{'grew by':>12}")
    for name in whole.peaks:
        sides = [one.peaks.get(name, 0) / MIB for one in sizes]
        print(f"{name:28}" + "".join(f"{side:14.1f}" for side in sides) + f"{sides[-1] - sides[0]:12.1f}")
    print(f"{'seconds':28}" + "".join(f"{one.holes:>8} holes" for one in sizes) + f"{'ratio':>12}")
    for name in whole.seconds:
        times = [one.seconds[name] for one in sizes]
        print(f"{name:28}" + "".join(f"{side:14.1f}" for side in times) + f"{times[-1] / times[0]:12.1f}")
    for one in sizes:
        notes = ", ".join(f"{name} {value}" for name, value in one.notes.items())
        print(f"{one.files} files, {one.lines} lines: {notes}")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--holes", type=int, default=5_000, help="at most one a file")
    parser.add_argument("--lines", type=int, default=1_000_000, help="of the whole tree, about")
    parser.add_argument("--latency", type=float, default=5, help="of the simulated endpoints, in ms")
    parser.add_argument("--verify", type=int, default=20, help="holes of a second run whose fills a command judges")
    parser.add_argument("--most-mib", type=float, default=24, help="by which a process may grow")
    parser.add_argument("--whole-only", action="store_true", help="leave out the smaller tree")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    sizes = []
    for share in (1,) if chosen.whole_only else (SMALLER, 1):
        with tempfile.TemporaryDirectory(prefix="large-tree-") as folder:
            numbers = (chosen.files // share, chosen.holes // share, chosen.lines // share)
            sizes.append(measure(Path(folder), *numbers, chosen))
    grown = {name: size - sizes[0].peaks.get(name, 0) for name, size in sizes[-1].peaks.items()}
    too_much = [name for name, by in grown.items() if by > chosen.most_mib * MIB and not name.endswith(STORE)]
    wrong = [f"{one.files} files: {what}" for one in sizes for what in one.wrong]
    wrong += [f"{name} grew by {grown[name] / MIB:.0f} MiB" for name in too_much]
    if chosen.json:
        print(json.dumps({"sizes": [vars(one) for one in sizes], "wrong": wrong}))
    else:
        show(sizes)
    for what in wrong:
        print(f"WRONG: {what}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
