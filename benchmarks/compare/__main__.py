"""Ours and others that could do the same work, against one simulated endpoint, taken in turns.

    python -m benchmarks.compare [--only a,b] [--quick] [--rounds 3] [--json]

Starts an endpoint that answers what it is told to and costs little (no model is called), and for each measurement a
Redis, worker processes, and a process that hands holes in. Always there are bare Celery with a task that does nothing
and Celery with requests; others are where they are installed, in this environment or in that of `--rivals-python`: pip
install 'maze-tasks[rivals]'. Each uses both cores: two processes, as many calls at once for all.

`--json` prints everything that was measured; `--from FILE …` shows such prints again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.compare.chosen import QUICK, SIZES, Chosen
from benchmarks.compare.contenders import CONTENDERS, OURS, python_of
from benchmarks.compare.measures import MEASURES
from benchmarks.compare.page import with_tables
from benchmarks.compare.rounds import Table
from benchmarks.compare.scene import Ground, prepared

ROUNDS = 3
_VERSIONS = (
    "import importlib.metadata as m, json, sys; "
    "print(json.dumps({d.name.lower(): d.version for d in m.distributions()}))"
)
_PACKAGES = ("celery", "redis", "requests", "litellm", "tensorzero", "dramatiq", "taskiq")


def main() -> int:
    """Measure, print, and tell whether everything could be measured."""
    asked = _parser().parse_args()
    report = again(asked.sources) if asked.sources else compared(asked)
    if asked.json:
        print(json.dumps(report))
    else:
        print("\n".join(shown(report)))
    if asked.into:
        asked.into.write_text(paged(asked.into.read_text(encoding="utf-8"), report), encoding="utf-8")
    return int(any("failed" in table for tables in report["measures"].values() for table in tables))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    named = "; ".join(f"{letter}: {measure.TITLE}" for letter, measure in MEASURES.items())
    parser.add_argument(
        "--only", type=_letters, default=list(MEASURES), metavar="A,B", help=f"what to measure: {named}"
    )
    parser.add_argument("--contenders", type=_names, metavar="A,B", help="parts of names; ours is always there")
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK} times fewer holes, one round: does it run at all?"
    )
    parser.add_argument("--scale", type=float, help="what numbers of holes are multiplied with, 1 if not --quick")
    parser.add_argument("--sizes", type=_numbers, default=SIZES, metavar="N,N", help="holes of the runs of (e)")
    parser.add_argument("--rounds", type=int, help=f"how often each is measured, by default {ROUNDS}")
    parser.add_argument("--rivals-python", default=sys.executable, metavar="PYTHON", help="where rivals are installed")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--from", dest="sources", nargs="+", type=Path, metavar="FILE", help="show what --json printed")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="put the tables into this page, behind their marks")
    return parser


def again(paths: list[Path]) -> dict[str, Any]:
    """The reports that were printed, as one; of two tables of the same cases the later."""
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    found: dict[str, dict[tuple[str, ...], Table]] = {}
    for report in reports:
        for letter, tables in report["measures"].items():
            found.setdefault(letter, {}).update({(one["title"], *one.get("samples", ())): one for one in tables})
    measures = {letter: list(tables.values()) for letter, tables in found.items()}
    versions = {name: version for report in reports for name, version in report["versions"].items()}
    pythons = " and ".join(sorted({report["python"] for report in reports}))
    return reports[-1] | {"python": pythons, "versions": versions, "measures": dict(sorted(measures.items()))}


def _letters(text: str) -> list[str]:
    wrong = [one for one in text.split(",") if one not in MEASURES]
    if wrong:
        raise argparse.ArgumentTypeError(f"there is no measure {wrong[0]!r}, only {', '.join(MEASURES)}")
    return text.split(",")


def _numbers(text: str) -> list[int]:
    return [int(one) for one in text.split(",")]


def _names(text: str) -> list[str]:
    return text.lower().split(",")


def compared(asked: argparse.Namespace) -> dict[str, Any]:
    """The report of a run."""
    there = [
        one
        for one in CONTENDERS
        if one is OURS or (_wanted(one.name, asked.contenders) and one.there(python_of(one, asked.rivals_python)))
    ]
    rounds, scale = (1, 1 / QUICK) if asked.quick else (ROUNDS, 1)
    chosen = Chosen(tuple(there), asked.rounds or rounds, asked.scale or scale, tuple(asked.sizes))
    with prepared(asked.rivals_python) as ground:
        measures = {letter: _measured(letter, ground, chosen) for letter in asked.only}
    return {
        "simulated": True,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": _versions(sys.executable) | _versions(asked.rivals_python),
        "durable": {one.name: one.durable for one in there},
        "measures": measures,
    }


def _measured(letter: str, ground: Ground, chosen: Chosen) -> list[Table]:
    """The tables of one measure; what has been measured besides is not lost with it."""
    try:
        found: list[Table] = MEASURES[letter].run(ground, chosen)
    except SystemExit as failed:
        return [{"title": MEASURES[letter].TITLE, "failed": str(failed)}]
    return found


def _wanted(name: str, parts: list[str] | None) -> bool:
    return parts is None or any(part in name.lower() for part in parts)


def _versions(python: str) -> dict[str, str]:
    found = json.loads(subprocess.run([python, "-c", _VERSIONS], check=True, capture_output=True, text=True).stdout)
    return {name: found[name] for name in _PACKAGES if name in found}


def shown(report: dict[str, Any]) -> Iterator[str]:
    """The report for people."""
    yield from machine(report)
    for letter, tables in report["measures"].items():
        for lines in drawn(letter, tables):
            yield f"\n({letter}) {lines[0]}"
            yield from lines[1:]


def machine(report: dict[str, Any]) -> list[str]:
    """What it was measured on and with."""
    versions = ", ".join(f"{name} {version}" for name, version in sorted(report["versions"].items()))
    return [f"SIMULATED endpoints, {report['cores']} cores, Python {report['python']}", versions]


def drawn(letter: str, tables: list[Table]) -> list[list[str]]:
    """The lines of each table of a measure."""
    return [
        [f"{table['title']}: {table['failed']}"] if "failed" in table else MEASURES[letter].lines(table)
        for table in tables
    ]


def paged(page: str, report: dict[str, Any]) -> str:
    """A page with the report's tables in it; several of one measure with a line between them."""
    tables = {"machine": machine(report)}
    for letter, measured in report["measures"].items():
        tables[letter] = [line for lines in drawn(letter, measured) for line in ("", *lines)][1:]
    return with_tables(page, tables)


if __name__ == "__main__":
    sys.exit(main())
