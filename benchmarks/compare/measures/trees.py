"""(h) A million lines: scanned, and patched with the fills of 5,000 holes; `benchmarks.large_tree` does it."""

from __future__ import annotations

import json
import subprocess

from benchmarks.compare.chosen import Chosen
from benchmarks.compare.rounds import Table
from benchmarks.compare.scene import Ground
from benchmarks.compare.summary import columns

TITLE = "scan and patch of a million lines"
FILES, HOLES, LINES = 20_000, 5_000, 1_000_000
STEPS = ("scan", "diff", "apply", "reverse")

__all__ = ["TITLE", "lines", "run"]


def run(ground: Ground, chosen: Chosen) -> list[Table]:
    """One table, measured once.

    Raises:
        SystemExit: something came out wrong; why is on standard error.
    """
    sizes = {"--files": FILES, "--holes": HOLES, "--lines": LINES}
    said = [text for name, size in sizes.items() for text in (name, str(chosen.size(size)))]
    command = ground.command("benchmarks.large_tree", *said, "--whole-only", "--verify", "0", "--json")
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise SystemExit(f"benchmarks.large_tree: exit code {done.returncode}")
    (size,) = json.loads(done.stdout)["sizes"]
    return [{"title": "a large tree", **{name: size[name] for name in ("files", "holes", "lines", "seconds", "peaks")}}]


def lines(table: Table) -> list[str]:
    """The table for people."""
    rows = [["", "seconds", "lines/s", "holes/s", "MiB"]]
    for step in STEPS:
        seconds = table["seconds"][step]
        rates = (table["lines"] / seconds, table["holes"] / seconds)
        memory = table["peaks"].get(f"{step}: command", 0) / 2**20
        rows.append([step, f"{seconds:.1f}", *(f"{rate:.0f}" for rate in rates), f"{memory:.0f}"])
    return [f"{table['title']}: {table['files']} files, {table['lines']} lines, {table['holes']} holes", *columns(rows)]
