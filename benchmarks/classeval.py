"""The 184 holes of ClassEval, filled with what four models once answered, cheap models first, verified by the tests.

    python -m benchmarks.classeval [--best-of] [--data FOLDER] [--limit N] [--json]

The endpoints are SIMULATED: each answers with the fills that its model gave when ClassEval's authors asked it, up to
two a hole, the second in the second round, or both at once with --best-of. A fill is accepted if the hole's test class
passes in the sandbox. Before and after, all of it is run straight, without maze_tasks, and the command ends with 1
unless every hole that any answer fills is filled, and no accepted fill fails its tests.

Models' answers are run on this machine, the straight runs without a sandbox (as nobody where root calls). Needs the
libraries that the programs use: pip install '.[bench]'.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.filling import Answer, Problem, fill, indent_of, show
from benchmarks.options import ended, parser
from benchmarks.project import Model, workplace
from benchmarks.pythons import Python, chosen_python
from benchmarks.rows import Unusable, rows

# Prices in USD per thousand tokens of prompt and answer: given for this benchmark, of the order of public price lists.
NEXT = {"next_round": "next_answer", "imports_field": "imports"}
MODELS = (
    Model("deepseek-coder-6.7b-instruct", 0.0002, 0.0002, NEXT),
    Model("Magicoder-S-DS-6.7B", 0.0002, 0.0002, NEXT),
    Model("GPT-3.5-Turbo", 0.0005, 0.0015, NEXT),
    Model("GPT-4-Turbo", 0.01, 0.03, NEXT),
)
ANSWERS = 2  # as many as a model gave, at most
IMPORT = re.compile(r"^(?:import|from) +(\w+)", re.MULTILINE)
LIBRARIES = {"bs4": "beautifulsoup4", "PIL": "pillow"}  # what a module's package is called, where it differs
PARSER = "lxml"  # what the programs ask BeautifulSoup for


def problems(data: Path | None, limit: int | None, python: Python) -> list[Problem]:
    """The holes with their tests and the answers of the four models.

    Raises:
        Unusable: the data is not there, or a library that a program needs.
    """
    chosen = rows("classeval_holes", data)[:limit]
    tests = {row["task_id"]: row["tests"] for row in rows("classeval_tests", data)}
    answers = answers_of(rows("classeval_fills", data))
    require(chosen, python)
    return [
        Problem(
            name=row["hole_id"],
            prefix=row["prefix"],
            suffix=row["suffix"],
            indent=indent_of(row["body"]),
            tests=tests[row["hole_id"].partition(".")[0]],
            case=row["test_class"],
            answers=answers.get(row["hole_id"], {}),
        )
        for row in chosen
    ]


def answers_of(fills: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, list[Answer]]]:
    """Answers by hole and model, in the order of the rows."""
    found: dict[str, dict[str, list[Answer]]] = {}
    wanted = {model.name for model in MODELS}
    for row in fills:
        if row["model"] in wanted:
            said = found.setdefault(row["hole_id"], {}).setdefault(row["model"], [])
            said.append(Answer(row["body"], tuple(row["imports"])))
    return found


def require(chosen: Iterable[Mapping[str, Any]], python: Python) -> None:
    """See that the libraries of the programs are installed.

    Raises:
        Unusable: some are not.
    """
    modules = {name for row in chosen for name in IMPORT.findall(row["prefix"])}
    if "bs4" in modules:
        modules.add(PARSER)
    missing = [LIBRARIES.get(name, name) for name in python.missing(modules)]
    if missing:
        raise Unusable(
            f"the programs need {', '.join(missing)}, and {python.program} has not got it: pip install '.[bench]', or "
            "name an environment with --venv"
        )


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; its exit code."""
    options = parser(__doc__)
    options.add_argument("--best-of", action="store_true", help="ask each model for all its answers, in one round")
    chosen = options.parse_args(arguments)

    def run() -> tuple[dict[str, Any], Any]:
        python = chosen_python(chosen.venv)
        holes = problems(chosen.data, chosen.limit, python)
        with workplace(chosen.keep) as folder:
            times = {"best_of": ANSWERS} if chosen.best_of else {"rounds": ANSWERS}
            outcome = fill(holes, MODELS, folder, python, **times)
        return {"benchmark": "classeval"} | outcome.report(), partial(show, outcome, "ClassEval")

    return ended(run, as_json=chosen.json)


if __name__ == "__main__":
    sys.exit(main())
