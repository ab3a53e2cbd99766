"""A tree whose fills are verified, from the command line: by real workers, one of them killed in the middle."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from maze_tasks.errors import Refused
from maze_tasks.verification import open_sandbox
from tests.answering import Answering, Asked
from tests.integration.stage import Stage, ended, endpoint, staged, until

FUNCTIONS = 3
CODE = "\n\n".join(
    f'def f{number}(a):\n    """Adds {number}."""\n    raise NotImplementedError\n' for number in range(FUNCTIONS)
)
JUDGE = """
import sys, time
sys.path.insert(0, "")
import m
name = sys.argv[1]
time.sleep(0.3)
assert getattr(m, name)(1) == 1 + int(name[1:]), f"{name} is wrong"
"""


def answer(asked: Asked) -> str:
    """Nothing is added by the cheap model: that is right once."""
    number = next(number for number in range(FUNCTIONS) if f"body of: def f{number}(" in asked.prompt)
    return f"    return a + {number}" if asked.model == "good" else "    return a"


def sandbox(folder: Path) -> str:
    """The sandbox of this machine, none where it can make none."""
    try:
        open_sandbox("bubblewrap", folder)
    except Refused:
        return "none"
    return "bubblewrap"


@pytest.fixture
def scene() -> Iterator[tuple[Stage, Answering]]:
    """An embedded project with a tree and two models, the cheap one ahead."""
    with ExitStack() as stack:
        server = stack.enter_context(Answering(answer))
        stage = stack.enter_context(staged([endpoint("unused")]))
        copies = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp", prefix="maze-test-")))
        copies.chmod(0o711)
        stage.endpoints = (server.endpoint("cheap"), server.endpoint("good"))
        stage.settings = {
            "lease_s": 1,
            "verify_with": "unit",
            "verify_sandbox": sandbox(copies),
            "verify_folder": str(copies),
            "verify": {"unit": {"command": "python3 judge.py {name}", "timeout_s": 30}},
        }
        stage.configure()
        (stage.folder / "src").mkdir()
        (stage.folder / "src" / "m.py").write_text(CODE)
        (stage.folder / "src" / "judge.py").write_text(JUDGE)
        yield stage, server
        stage.nothing_runs()
        left = [path for path in copies.glob("slots/*/*") if path.name != "clock"]
        assert left == []


def test_fills_are_judged_by_their_tests_and_a_verifier_that_is_killed_costs_no_call(
    scene: tuple[Stage, Answering],
) -> None:
    stage, server = scene
    refining = stage.start("refine", "src", "--run", "r", "--json")
    (victim,) = until(lambda: server.asked and stage.alive("celery", "-Q verify "), "a verifier")
    until(lambda: list(Path(str(stage.settings["verify_folder"])).glob("slots/*/tree")), "a verification")
    os.kill(victim, signal.SIGKILL)
    refined = ended(refining)
    assert (refined.code, refined.json["filled"], refined.json["repeated"]) == (0, FUNCTIONS, 0), refined.err
    for row in stage.maze("results", "r", "--json").lines:
        *wrong, last = row["attempts"]
        assert (last["outcome"], last["verified"]) == ("accepted", True)
        assert [(one["model"], one["error"]["kind"]) for one in wrong] in ([], [("cheap", "verify_failed")])
    asked = [one.model for one in server.asked]
    assert (asked.count("cheap"), asked.count("good")) == (FUNCTIONS, FUNCTIONS - 1)
    for one in server.asked:
        assert ("is wrong" in one.prompt) is (one.model == "good"), "the next candidate knows what the test said"


def test_a_run_that_verifies_nothing_needs_no_sandbox(scene: tuple[Stage, Answering]) -> None:
    stage, _ = scene
    programs = stage.folder / "programs"
    programs.mkdir()
    (programs / "bwrap").write_text("#!/bin/sh\nexit 1\n")
    (programs / "bwrap").chmod(0o755)
    stage.configure(verify_sandbox="bubblewrap")
    path = f"{programs}:{os.environ['PATH']}"
    refused = stage.maze("refine", "src", "--run", "r", "--json", PATH=path)
    assert (refused.code, "verifying needs a sandbox" in refused.err) == (2, True)
    refined = stage.maze("refine", "src", "--run", "r", "--json", "--no-verify", PATH=path)
    assert (refined.code, refined.json["filled"]) == (0, FUNCTIONS)
    assert "sandbox" not in (stage.folder / ".maze" / "worker.log").read_text()
