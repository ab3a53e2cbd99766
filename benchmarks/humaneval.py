"""The 164 holes of HumanEval, filled by endpoints that are wrong at set rates, verified by HumanEval's tests.

    python -m benchmarks.humaneval [--rates 0.9,0.6,0.3] [--rounds N] [--seed N] [--limit N] [--json]

The endpoints are SIMULATED, cheap and often wrong first: each answers with HumanEval's own solution or, at its rate,
with a mutant of it, which differs in one place. Some mutants are as good as the original; which ones is found by
running every answer straight, without maze_tasks. The command ends with 1 unless every hole that any answer fills is
filled, and no accepted fill fails its tests.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.filling import Answer, Problem, fill, indent_of, show
from benchmarks.mutants import answers, drawn, mutants
from benchmarks.options import ended, parser
from benchmarks.project import Model, workplace
from benchmarks.pythons import chosen_python
from benchmarks.rows import Unusable, rows

MARKER = "# HOLE: scale=macro"  # one of the functions has statements ahead of its hole, where no `raise` is one
CHEAPEST_USD, DEARER = 0.0002, 5.0  # a thousand tokens of the first endpoint; each next one costs so many times more


def models(rates: list[float]) -> list[Model]:
    """An endpoint for each rate."""
    prices = [CHEAPEST_USD * DEARER**place for place in range(len(rates))]
    return [
        Model(f"wrong-{rate:.0%}-{place}", price, price, {"next_round": "next_answer"})
        for place, (rate, price) in enumerate(zip(rates, prices, strict=True), 1)
    ]


def problems(data: Path | None, limit: int | None, rates: list[float], rounds: int, seed: int) -> list[Problem]:
    """The holes with their tests and what each endpoint answers in each round.

    Raises:
        Unusable: the data is not there.
    """
    ensemble = models(rates)
    found = []
    for row in rows("humaneval", data)[:limit]:
        wrong = mutants(row["prefix"], row["body"], row["suffix"])
        said = {
            model.name: [
                Answer(body)
                for body in answers(row["body"], wrong, rate, drawn(seed, model.name, row["hole_id"]), rounds)
            ]
            for model, rate in zip(ensemble, rates, strict=True)
        }
        around = (row["prefix"], row["suffix"], indent_of(row["body"]))
        found.append(Problem(row["hole_id"], *around, row["tests"], None, said, MARKER))
    return found


def rates_of(text: str) -> list[float]:
    """Rates as the command line gives them.

    Raises:
        Unusable: they are no numbers from 0 to 1.
    """
    try:
        rates = [float(part) for part in text.split(",")]
    except ValueError:
        rates = [-1.0]
    if not all(0 <= rate <= 1 for rate in rates):
        raise Unusable(f"--rates: numbers from 0 to 1 with commas between, such as 0.9,0.6,0.3; not {text!r}")
    return rates


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; its exit code."""
    options = parser(__doc__)
    options.add_argument("--rates", default="0.9,0.6,0.3", help="share of wrong answers of each endpoint")
    options.add_argument("--rounds", type=int, default=1, help="of the run; each has answers of its own")
    options.add_argument("--seed", type=int, default=0, help="of what is answered")
    chosen = options.parse_args(arguments)

    def run() -> tuple[dict[str, Any], Any]:
        rates = rates_of(chosen.rates)
        holes = problems(chosen.data, chosen.limit, rates, chosen.rounds, chosen.seed)
        python = chosen_python(chosen.venv)
        with workplace(chosen.keep) as folder:
            outcome = fill(holes, models(rates), folder, python, rounds=chosen.rounds)
        return {"benchmark": "humaneval", "seed": chosen.seed} | outcome.report(), partial(show, outcome, "HumanEval")

    return ended(run, as_json=chosen.json)


if __name__ == "__main__":
    sys.exit(main())
