"""The benchmark of large trees, in a small form: every step of it works, whatever the size."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.timeout(300)  # a dozen commands, each with processes of its own
def test_a_tree_is_scanned_filled_killed_resumed_patched_and_restored() -> None:
    command = [sys.executable, "-m", "benchmarks.large_tree", "--whole-only", "--json"]
    size = ["--files", "100", "--holes", "20", "--lines", "3000", "--verify", "2"]
    done = subprocess.run([*command, *size], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["wrong"] == []
    (measured,) = report["sizes"]
    assert measured["notes"]["answered"] >= 20
    assert {"scan: command", "resume: worker", "resume: redis"} <= measured["peaks"].keys()
