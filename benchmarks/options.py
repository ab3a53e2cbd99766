"""What the commands of the benchmarks have in common: options, exit codes, and how they end."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.rows import Unusable

HOLDS, FAILS, UNUSABLE = 0, 1, 2  # exit codes


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that every command has."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--data", type=Path, metavar="FOLDER", help="recorded data; by default the repository's own")
    made.add_argument("--limit", type=int, metavar="N", help="take the first N holes only")
    made.add_argument("--venv", type=Path, metavar="FOLDER", help="environment that runs the programs; by default this")
    made.add_argument("--keep", type=Path, metavar="FOLDER", help="work in this new folder, and leave it there")
    made.add_argument("--json", action="store_true", help="print one JSON object")
    return made


def ended(make: Callable[[], tuple[dict[str, Any], Callable[[], None]]], *, as_json: bool) -> int:
    """Run a benchmark, print what it came to, and tell the exit code.

    Args:
        make: runs it; gives the report, whose ``holds`` says whether the claim does, and what prints it for people.
        as_json: print the report instead.
    """
    try:
        report, show = make()
    except Unusable as error:
        print(error, file=sys.stderr)
        return UNUSABLE
    if as_json:
        print(json.dumps(report))
    else:
        show()
    return HOLDS if report["holds"] else FAILS
