"""Run HumanEval's own tests over the fills of a run: ``maze results RUN --json | python check.py``.

Every fill is executed on this machine, without a sandbox: do that only with answers you trust, such as the recorded
ones of this example.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
TIMEOUT_S = 10.0


def rows(name: str) -> list[dict[str, Any]]:
    """The JSON lines of a file beside this one."""
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


def passes(program: str) -> bool:
    """Whether a program ends by itself and without an error."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", program], capture_output=True, check=False, timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def main() -> int:
    """Check the results on standard input; 0 if every hole is filled and every fill passes."""
    holes = {(row.get("hole") or row).get("hole_id") or row["hole"]["id"]: row for row in rows("holes.jsonl")}
    tests = {row["hole_id"]: row["tests"] for row in rows("tests.jsonl")}
    good = seen = 0
    for line in sys.stdin:
        result = json.loads(line)
        hole, seen = holes[result["hole_id"]], seen + 1
        program = f"{hole['prefix']}{result['code']}{hole['suffix']}{tests[result['hole_id']]}"
        if result["status"] == "filled" and passes(program):
            good += 1
        else:
            sys.stdout.write(f"{result['hole_id']}: {result['status']}, does not pass\n")
    sys.stdout.write(f"{good} of {seen} holes have a fill that passes HumanEval's tests\n")
    return 0 if good == seen == len(holes) else 1


if __name__ == "__main__":
    sys.exit(main())
