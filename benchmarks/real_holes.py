"""115 functions of five packages cut out, filled, put back, and the packages' own test suites run before and after.

    python -m benchmarks.real_holes [--rates 0.8,0.4,0] [--seed N] [--limit N] [--json]

Fetches the source distributions of five packages by pip (their sha256 is recorded) into one tree and runs their test
suites. Then it cuts bodies out at the recorded lines, fills them with `maze refine --verify` and writes them back with
`maze apply`: in waves, for a test that comes to two holes says nothing of either while the other is empty, so only
holes that no test has in common are cut at the same time. A hole is verified by every test that comes to it. At the end
the suites are run again.

The endpoints are SIMULATED: each answers with the original body or, at its rate, with a mutant of it, which differs in
one place. The command ends with 1 unless every hole is filled and every test ends as it did before. Needs pytest:
pip install '.[bench]'.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.filling import account, require_sandbox, say, show_models
from benchmarks.humaneval import models, rates_of
from benchmarks.mutants import answers, drawn, mutants
from benchmarks.options import ended, parser
from benchmarks.packages import PYTEST, Hole, Suite, cut, fetch, run_suite, waves
from benchmarks.project import Model, Project, opened, workplace
from benchmarks.pythons import Python, chosen_python
from benchmarks.rows import Unusable, rows
from benchmarks.straight import SETTLED

TIMEOUT_S = 120


@dataclass
class Came:
    """What it came to.

    Args:
        holes: how many.
        waves: sizes of the waves.
        packages: a row each: tests by outcome before and after, and tests that end otherwise.
        models: a row each.
        verdicts: how many attempts ended with each kind of error, or were accepted.
        not_filled: names of holes.
        original: fills that are the original, byte for byte.
        changed: holes filled with a mutant, which no test can tell from the original.
        cost_usd: of all attempts.
        elapsed_s: of all `maze refine`.
    """

    holes: int
    waves: list[int] = field(default_factory=list)
    packages: list[dict[str, Any]] = field(default_factory=list)
    models: list[dict[str, Any]] = field(default_factory=list)
    verdicts: dict[str, int] = field(default_factory=dict)
    not_filled: list[str] = field(default_factory=list)
    original: int = 0
    changed: list[str] = field(default_factory=list)
    cost_usd: float = 0.0
    elapsed_s: float = 0.0

    @property
    def holds(self) -> bool:
        """Every hole is filled and every test ends as before."""
        return not self.not_filled and not any(one["otherwise"] for one in self.packages)


@dataclass
class Bench:
    """One run of the benchmark.

    Args:
        folder: to work in.
        holes: all of them.
        ensemble: the endpoints.
        rates: of their wrong answers.
        python: what runs tests.
        seed: of what is answered.
    """

    folder: Path
    holes: Sequence[Hole]
    ensemble: Sequence[Model]
    rates: Sequence[float]
    python: Python
    seed: int
    results: list[dict[str, Any]] = field(default_factory=list)

    @property
    def tree(self) -> Path:
        """With a folder for each package; there before anything is run."""
        return self.folder / "tree"

    def run(self) -> Came:
        """Do all of it."""
        came = Came(len(self.holes))
        for one in self.holes:
            one.require(self.tree)
        before = self.suites("before")
        deciding = self.deciding(before)
        together = [self.numbers(name, numbers) for name, suite in before.items() for numbers in suite.seen.values()]
        planned = waves(together, len(self.holes))
        came.waves = [len(one) for one in planned]
        for number, wave in enumerate(planned, 1):
            say(f"wave {number} of {len(planned)}: {len(wave)} holes ...")
            self.wave(f"wave-{number}", wave, deciding, came)
        after = self.suites("after")
        came.packages = [compared(name, before[name], after[name]) for name in before]
        account(came, self.ensemble, self.results)
        return came

    def suites(self, when: str) -> dict[str, Suite]:
        """Run the suites of all packages."""
        found = {}
        for name in dict.fromkeys(one.package for one in self.holes):
            say(f"test suite of {name}, {when} ...")
            place = self.folder / when / name
            place.mkdir(parents=True)
            found[name] = run_suite(self.tree / name, self.of(name), self.python.program, place)
        return found

    def of(self, package: str) -> list[Hole]:
        """Holes of a package."""
        return [one for one in self.holes if one.package == package]

    def numbers(self, package: str, numbers: frozenset[int]) -> frozenset[int]:
        """Numbers among all holes, from those among a package's."""
        own = [number for number, one in enumerate(self.holes) if one.package == package]
        return frozenset(own[each] for each in numbers)

    def deciding(self, suites: dict[str, Suite]) -> dict[Hole, tuple[str, ...]]:
        """The tests of each hole.

        Raises:
            Unusable: a hole has none.
        """
        found = {}
        for name, suite in suites.items():
            for number, one in enumerate(self.of(name)):
                found[one] = suite.deciding(number)
                if not found[one]:
                    raise Unusable(f"no test of {name} that passes comes to {one.name}")
        return found

    def wave(self, run: str, wave: Sequence[int], deciding: dict[Hole, tuple[str, ...]], came: Came) -> None:
        """Cut some holes, fill them, write the fills back."""
        holes = [self.holes[number] for number in wave]
        texts = {one: one.split((self.tree / one.path).read_text(encoding="utf-8")) for one in holes}
        cut(self.tree, holes)
        lines = self.scanned(holes, deciding)
        ids = {one: line["hole"]["id"] for one, line in zip(holes, lines, strict=True)}
        said = [row for one in holes for row in self.rows_of(one, ids[one], texts[one])]
        with opened(self.folder, self.ensemble, said, self.settings()) as project:
            project.write("holes.jsonl", lines)
            began = time.monotonic()
            profile = ("--verify", holes[0].package)  # each hole names its own
            project.maze("refine", "holes.jsonl", "--tree", "tree", "--run", run, *profile, "-q", codes=(0, 1))
            came.elapsed_s += time.monotonic() - began
            results = {one["hole_id"]: one for one in project.lines("results", run, "--json")}
            project.maze("apply", run, "--root", "tree", codes=(0, 1))
        self.results += results.values()
        for one in holes:
            result = results[ids[one]]
            if result["status"] != "filled":
                came.not_filled.append(f"{one.package}: {one.name}")
            elif result["code"] == texts[one][1]:
                came.original += 1
            else:
                came.changed.append(f"{one.package}: {one.name}")

    def scanned(self, holes: Sequence[Hole], deciding: dict[Hole, tuple[str, ...]]) -> list[dict[str, Any]]:
        """Lines of the holes as `maze scan` finds them, with their profile and tests.

        Raises:
            Unusable: it does not find one.
        """
        found = {}
        for line in Project(self.folder).lines("scan", "tree", "--json"):
            found.setdefault(line["place"]["path"], {})[line["place"]["line"]] = line
        lines = []
        for one in holes:
            # Where the body was, less what was cut out of the file above it.
            above = [each for each in holes if each.path == one.path and each.lines < one.lines]
            at = one.lines[1] - sum(each.lines[2] - each.lines[1] for each in above)
            line = found.get(one.path, {}).get(at)
            if line is None:
                raise Unusable(f"maze scan does not find the hole {one.name} of {one.path} at line {at}")
            lines.append(line | {"verify": {"profile": one.package, "values": {"tests": deciding[one]}}})
        return lines

    def rows_of(self, hole: Hole, identity: int, texts: tuple[str, str, str]) -> list[dict[str, Any]]:
        """What each endpoint answers."""
        wrong = mutants(*texts)
        return [
            {"hole_id": identity, "model": model.name, "code": code}
            for model, rate in zip(self.ensemble, self.rates, strict=True)
            for code in answers(texts[1], wrong, rate, drawn(self.seed, model.name, hole.package, hole.name))
        ]

    def settings(self) -> dict[str, Any]:
        """Configuration of a run, besides its endpoints: a profile for each package."""
        program = "python" if self.python.venv else self.python.program
        profiles = {
            name: {
                "command": [program, "-s", *PYTEST, "-x", "--rootdir", ".", "{tests}"],
                **({"venv": self.python.venv} if self.python.venv else {}),
                "workdir": name,
                "set_env": SETTLED | {"PYTHONPATH": self.of(name)[0].source},
                "timeout_s": TIMEOUT_S,
                "pass_pattern": r"\d+ passed",
            }
            for name in dict.fromkeys(one.package for one in self.holes)
        }
        return {"max_fallback_attempts": 100, "refinement": {"min_confidence": 0.0}, "verify": profiles}


def compared(package: str, before: Suite, after: Suite) -> dict[str, Any]:
    """A row: how the tests of a package ended before and after."""
    tests = {**before.outcomes, **after.outcomes}
    otherwise = [test for test in tests if before.outcomes.get(test) != after.outcomes.get(test)]
    counts = [
        {outcome: list(suite.outcomes.values()).count(outcome) for outcome in ("passed", "failed", "skipped")}
        for suite in (before, after)
    ]
    return {"package": package, "before": counts[0], "after": counts[1], "otherwise": otherwise}


def show(came: Came) -> None:
    """Print the tables and what they say."""
    print(
        f"{came.holes} holes cut in {len(came.waves)} waves of {', '.join(map(str, came.waves))}; SIMULATED endpoints"
    )
    print(f"{'package':16}{'passed':>8}{'failed':>8}{'skipped':>8}   before | after")
    for one in came.packages:
        counts = ["".join(f"{count:8}" for count in one[when].values()) for when in ("before", "after")]
        print(f"{one['package']:16}{counts[0]} |{counts[1]}")
    show_models(came)
    print(
        f"{came.original} fills are the original, byte for byte; {len(came.changed)} are mutants that pass all tests:"
    )
    print("\n".join(f"  {name}" for name in came.changed) or "  none")
    for name in came.not_filled:
        print(f"NOT FILLED: {name}")
    for one in came.packages:
        for test in one["otherwise"]:
            print(f"OTHERWISE: {one['package']}: {test}")
    if came.holds:
        print("every hole is filled; every test ends as it did before")


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; its exit code."""
    options = parser(__doc__)
    options.add_argument("--rates", default="0.8,0.4,0", help="share of wrong answers of each endpoint")
    options.add_argument("--seed", type=int, default=0, help="of what is answered")
    options.add_argument("--package", action="append", help="only holes of this package; may be repeated")
    chosen = options.parse_args(arguments)

    def run() -> tuple[dict[str, Any], Any]:
        rates = rates_of(chosen.rates)
        holes = [Hole.of(row) for row in rows("real_holes", chosen.data)]
        wanted = [one for one in holes if not chosen.package or one.package in chosen.package][: chosen.limit]
        if not wanted:
            raise Unusable("no hole is left: --package names none of the packages")
        python = chosen_python(chosen.venv)
        if missing := python.missing(["pytest"]):
            raise Unusable(f"{python.program} has no {missing[0]}: pip install '.[bench]', or name a --venv")
        require_sandbox()
        with workplace(chosen.keep) as folder:
            bench = Bench(folder, wanted, models(rates), rates, python, chosen.seed)
            bench.tree.mkdir()
            fetch(wanted, bench.tree, folder / "fetched")
            came = bench.run()
        return {"benchmark": "real_holes", "holds": came.holds} | asdict(came), partial(show, came)

    return ended(run, as_json=chosen.json)


if __name__ == "__main__":
    sys.exit(main())
