"""Fill the holes of programs with simulated endpoints, verified by their tests, and hold the outcome against the truth.

The truth is found without maze_tasks: every answer that an endpoint may give is put into its program and run straight
(`benchmarks.straight`). Then the holes go the way of a user's: a source tree, `maze scan`, `maze refine --verify` with
embedded Redis, real workers and the sandbox, `maze results`; and every fill that came back is run straight as well.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from benchmarks.project import Model, Project, opened
from benchmarks.pythons import Python
from benchmarks.rows import Unusable
from benchmarks.run_tests import DONE
from benchmarks.straight import SETTLED, judged, program
from maze_tasks.errors import Refused
from maze_tasks.verification import default_folder, open_sandbox

MARKER = "raise NotImplementedError"
PROFILE = "tests"
RUN = "bench"
REFINE = ("refine", "holes.jsonl", "--tree", "tree", "--run", RUN, "--verify", PROFILE, "-q")
RUNNER = Path(__file__).with_name("run_tests.py")


@dataclass(frozen=True)
class Answer:
    """What an endpoint says of a hole.

    Args:
        body: the code.
        imports: lines that it needs besides.
    """

    body: str
    imports: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """A program with a hole, and its tests.

    Args:
        name: of the hole.
        prefix, suffix: code around it.
        indent: what its lines begin with.
        tests: source of the tests.
        case: class of the tests that count, None where running `tests` is the test.
        answers: by model, what it says to the first sample, the second, and so on.
        marker: what stands in the hole.
    """

    name: str
    prefix: str
    suffix: str
    indent: str
    tests: str
    case: str | None
    answers: Mapping[str, Sequence[Answer]]
    marker: str = MARKER

    @property
    def file(self) -> str:
        """Name of its files in the tree."""
        return re.sub(r"\W", "_", self.name) + ".py"

    def filled(self, answer: Answer) -> str:
        """The program and its tests with an answer in the hole."""
        imports = "".join(f"{line}\n" for line in answer.imports)
        return program(f"{imports}{self.prefix}{answer.body}{self.suffix}", self.tests, self.case)


def indent_of(body: str) -> str:
    """What the first line of a body that is not blank begins with."""
    first = next(line for line in body.splitlines() if line.strip())
    return first[: len(first) - len(first.lstrip())]


@dataclass
class Outcome:
    """What came of it.

    Args:
        holes: how many there are.
        fillable: those for which an endpoint has an answer that passes.
        filled: those with an accepted fill.
        not_filled: holes that are fillable and not filled, each with what became of its attempts.
        wrong: holes whose accepted fill fails when it is run straight.
        models: a row each.
        cost_usd: of all attempts.
        elapsed_s: of `maze refine`.
        verdicts: how many attempts ended with each kind of error, or were accepted.
    """

    holes: int
    fillable: int = 0
    filled: int = 0
    not_filled: dict[str, list[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    models: list[dict[str, Any]] = field(default_factory=list)
    cost_usd: float = 0.0
    elapsed_s: float = 0.0
    verdicts: dict[str, int] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Every hole that can be filled is, and no accepted fill fails its tests."""
        return not self.not_filled and not self.wrong

    def report(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return asdict(self) | {"holds": self.holds}


def fill(
    problems: Sequence[Problem],
    models: Sequence[Model],
    folder: Path,
    python: Python,
    *,
    rounds: int = 1,
    best_of: int = 1,
) -> Outcome:
    """Fill the holes, and hold the outcome against the truth.

    Args:
        problems: the holes.
        models: in the order in which they are asked.
        folder: to work in.
        python: what runs the programs.
        rounds: of the run; a model's next answer is given in the next one.
        best_of: answers asked of each candidate in a round, one after the other of those that it has.

    Raises:
        Unusable: there is no sandbox on this machine, or a hole was not found by `maze scan`.
    """
    require_sandbox()
    say(f"running every answer to {len(problems)} holes straight ...")
    good = truth(problems, python.program)
    outcome = Outcome(len(problems), fillable=len(good))
    lines, answers, ids = prepare(folder, problems)
    say(f"{len(problems)} holes, {len(answers)} answers: maze refine ...")
    with opened(folder, models, answers, settings(rounds, python)) as project:
        project.write("holes.jsonl", lines)
        began = time.monotonic()
        project.maze(*REFINE, "--best-of", best_of, codes=(0, 1))
        outcome.elapsed_s = time.monotonic() - began
        results = {one["hole_id"]: one for one in project.lines("results", RUN, "--json")}
    audit(outcome, [(one, results[ids[one.name]]) for one in problems], good, python.program)
    account(outcome, models, list(results.values()))
    return outcome


def require_sandbox() -> None:
    """See that fills can be verified here: a run would wait for a worker that can.

    Raises:
        Unusable: they cannot, with the reason.
    """
    place = default_folder()
    place.mkdir(parents=True, exist_ok=True)
    try:
        open_sandbox("bubblewrap", place)
    except Refused as refused:
        raise Unusable(str(refused)) from None


def truth(problems: Sequence[Problem], python: str) -> set[str]:
    """Names of the holes for which at least one answer passes when it is run straight."""
    programs = {
        problem.name: [problem.filled(answer) for said in problem.answers.values() for answer in said]
        for problem in problems
    }
    passing = judged((each for some in programs.values() for each in some), python)
    return {name for name, some in programs.items() if any(passing[each] for each in some)}


def prepare(
    folder: Path, problems: Sequence[Problem]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, int]]:
    """Make the tree of the programs.

    Returns:
        The lines of the holes, what the endpoints answer, and the id of each hole by name.

    Raises:
        Unusable: a hole was not found by `maze scan`.
    """
    make_tree(folder / "tree", problems)
    lines, ids = hole_lines(Project(folder), problems)
    return lines, [row for one in problems for row in rows_of(one, ids[one.name])], ids


def make_tree(tree: Path, problems: Sequence[Problem]) -> None:
    """A tree with a file and its tests for each hole."""
    (tree / "holes").mkdir(parents=True)
    (tree / "tests").mkdir()
    shutil.copyfile(RUNNER, tree / RUNNER.name)
    for one in problems:
        cut = f"{one.prefix}{one.indent}{one.marker}\n{one.suffix}"
        (tree / "holes" / one.file).write_text(cut, encoding="utf-8")
        (tree / "tests" / one.file).write_text(one.tests, encoding="utf-8")


def settings(rounds: int, python: Python) -> dict[str, Any]:
    """Configuration of the run, besides its endpoints."""
    profile = {
        "command": ["python" if python.venv else python.program, "-s", RUNNER.name, "{file}", "{suite}", "{case}"],
        "defaults": {"suite": "", "case": ""},
        **({"venv": python.venv} if python.venv else {}),
        "timeout_s": 30,
        "pass_pattern": f"(?m)^{DONE}$",
        "set_env": SETTLED,
    }
    return {
        "max_fallback_attempts": 100,
        "refinement": {"max_iterations": rounds, "min_confidence": 0.0},
        "verify": {PROFILE: profile},
    }


def hole_lines(project: Project, problems: Sequence[Problem]) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The lines of the holes with their tests, and the id of each by name; other stubs of the programs are left out."""
    found = {}
    for line in project.lines("scan", "tree", "--include", "holes/", "--json"):
        place = line["place"]
        found[place["path"], place["line"]] = line
    lines, ids = [], {}
    for one in problems:
        line = found.get((f"holes/{one.file}", one.prefix.count("\n") + 1))
        if line is None:
            raise Unusable(f"maze scan does not find the hole {one.name}")
        values = {"suite": f"tests/{one.file}", **({"case": one.case} if one.case else {})}
        lines.append(line | {"verify": {"values": values}})
        ids[one.name] = line["hole"]["id"]
    return lines, ids


def rows_of(problem: Problem, hole: int) -> list[dict[str, Any]]:
    """What the simulated endpoints answer."""
    return [
        {"hole_id": hole, "model": model, "code": answer.body, "imports": list(answer.imports)}
        for model, said in problem.answers.items()
        for answer in said
    ]


def audit(outcome: Outcome, results: Sequence[tuple[Problem, Mapping[str, Any]]], good: set[str], python: str) -> None:
    """Note what is not as the truth says."""
    programs = {one.name: one.filled(Answer(result["code"])) for one, result in results if result["status"] == "filled"}
    passing = judged(programs.values(), python)
    outcome.filled = len(programs)
    outcome.wrong = [name for name, text in programs.items() if not passing[text]]
    for one, result in results:
        if one.name in good and one.name not in programs:
            outcome.not_filled[one.name] = [_told(attempt) for attempt in result["attempts"]]


def _told(attempt: Mapping[str, Any]) -> str:
    error = attempt["error"] or {"kind": attempt["outcome"], "message": ""}
    return f"{attempt['model']}: {error['kind']}: {error['message'][:200]}"


class Accounts(Protocol):
    """Where `account` writes."""

    models: list[dict[str, Any]]
    verdicts: dict[str, int]
    cost_usd: float


def account(outcome: Accounts, models: Sequence[Model], results: Sequence[Mapping[str, Any]]) -> None:
    """The row of each model, and the sums."""
    attempts = [one for result in results for one in result["attempts"]]
    for model in models:
        own = [one for one in attempts if one["model"] == model.name]
        counts = Counter(one["outcome"] for one in own)
        row = {"model": model.name, "attempts": len(own), **{name: counts[name] for name in OUTCOMES}}
        outcome.models.append(row | {"cost_usd": sum(one["cost_usd"] for one in own)})
    outcome.cost_usd = sum(row["cost_usd"] for row in outcome.models)
    kinds = Counter(one["error"]["kind"] if one["error"] else one["outcome"] for one in attempts)
    outcome.verdicts = dict(kinds.most_common())


OUTCOMES = ("accepted", "rejected", "failed", "lost", "cancelled")


def show_models(outcome: Accounts) -> None:
    """Print the table of models."""
    head = ("model", "attempts", *OUTCOMES, "cost USD")
    table = [(*(str(row[name]) for name in head[:-1]), f"{row['cost_usd']:.6f}") for row in outcome.models]
    sums = [str(sum(row[name] for row in outcome.models)) for name in head[1:-1]]
    table.append(("all", *sums, f"{outcome.cost_usd:.6f}"))
    widths = [max(map(len, column)) for column in zip(head, *table, strict=True)]
    for row in (head, *table):
        print("  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip())
    print(
        "attempts by what became of them: " + ", ".join(f"{name} {count}" for name, count in outcome.verdicts.items())
    )


def show(outcome: Outcome, title: str) -> None:
    """Print the table and what it says."""
    print(f"{title}: {outcome.holes} holes, SIMULATED endpoints, fills verified in the sandbox")
    show_models(outcome)
    print(f"{outcome.fillable} holes have an answer that passes when run straight; {outcome.filled} were filled")
    for name, attempts in outcome.not_filled.items():
        print(f"NOT FILLED: {name}: {'; '.join(attempts)}")
    for name in outcome.wrong:
        print(f"WRONG: {name}: the accepted fill fails its tests when run straight")
    if outcome.holds:
        print("every hole that an answer fills is filled; every accepted fill passes its tests when run straight")


def say(text: str) -> None:
    """Tell of progress."""
    print(text, file=sys.stderr, flush=True)
