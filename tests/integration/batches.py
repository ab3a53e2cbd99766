"""Batches of holes with recorded answers: those that the benchmarks use, and small ones of our own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from benchmarks.rows import rows as recorded

Row = dict[str, Any]
FILLED_BY = ("GPT-4-Turbo", "GPT-3.5-Turbo", "deepseek-coder-6.7b-instruct", "Gemini-Pro")
_BIG = 2**64 - 1

# Traits that send a hole to one of four models; the constraints keep CONTRACTS section 2.
FAST: Row = {}
DEFAULT: Row = {"fill_constraints": [{"kind": "must_terminate", "value": str(number)} for number in range(5)]}
QUALITY: Row = {"fill_constraints": [{"kind": "style", "value": str(number)} for number in range(9)]}
MANY: Row = {"fill_constraints": [{"kind": "style", "value": str(number)} for number in range(15)]}
SECURE: Row = {"fill_constraints": [{"kind": "security", "value": "no eval"}]}
GRAMMAR: Row = {
    "constraints": [{"name": "g", "grammar": {"rules": [{"lhs": "S", "rhs": ["pass"]}], "start_symbol": "S"}}]
}


def small_batch(count: int = 60) -> list[Row]:
    """Holes with a recorded body each; ids are numbers (the largest there is among them) and odd texts."""
    rows = []
    for number in range(count):
        hole_id = _BIG - number if number % 2 else f"small/{number} ä|%"
        prefix = f'def f{number}(x: int) -> int:\n    """Add {number}, naïvely."""\n'
        rows.append({"hole_id": hole_id, "prefix": prefix, "suffix": "\n", "body": f"    return x + {number}  # ü\n"})
    return rows


def humaneval() -> list[Row]:
    """The 164 holes of HumanEval."""
    return recorded("humaneval")


def spread(rows: list[Row]) -> list[Row]:
    """The same holes with traits that send them to four models in turn."""
    traits = (FAST, DEFAULT, QUALITY, SECURE)
    return [row | traits[number % len(traits)] for number, row in enumerate(rows)]


def small_fills() -> tuple[list[Row], list[Row]]:
    """Holes, and the fills that four models gave for most of them."""
    holes = [{"hole_id": f"Small_{number}.run", "prefix": "def run():\n", "suffix": ""} for number in range(24)]
    fills = [
        {"hole_id": hole["hole_id"], "model": model, "strategy": "H", "sample": 0, "imports": [], "body": body}
        for number, hole in enumerate(holes)
        for at, model in enumerate(FILLED_BY)
        if (number + at) % 5  # a model knows nothing of every fifth
        for body in [f"    return {number}, {model!r}\n"]
    ]
    return spread(holes), fills


def classeval_fills() -> tuple[list[Row], list[Row]]:
    """The 184 holes of ClassEval, and the fills that four models really gave for them."""
    holes = [{name: row[name] for name in ("hole_id", "prefix", "suffix")} for row in recorded("classeval_holes")]
    fills = [row for row in recorded("classeval_fills") if row["strategy"] == "H"]
    return spread(holes), [row for row in fills if row["model"] in FILLED_BY]


def fill_texts(fills: list[Row]) -> Mapping[str, Mapping[str, str]]:
    """What each model gave: model → hole → text, the imports ahead of the body at its indentation."""
    texts: dict[str, dict[str, str]] = defaultdict(dict)
    for row in fills:
        indent = row["body"][: len(row["body"]) - len(row["body"].lstrip(" \t"))]
        lines = "".join(f"{indent}{one}\n" for one in row["imports"])
        texts[row["model"]][row["hole_id"]] = lines + row["body"]
    return texts
