"""The example batch: complete, licensed, and filled from end to end by simulated endpoints."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from maze_tasks.config import load_settings
from maze_tasks.decide.router import ModelRouter
from maze_tasks.intake import read_holes
from maze_tasks.models import Hole

EXAMPLE = Path(__file__).parent.parent / "examples" / "humaneval"
MAZE = str(Path(sys.executable).parent / "maze")
START_S = 30.0


def holes() -> list[Hole]:
    return [one.hole for one in read_holes(EXAMPLE / "holes.jsonl")]


def ids_of(name: str) -> list[str]:
    return [json.loads(line)["hole_id"] for line in (EXAMPLE / name).read_text().splitlines()]


def test_every_hole_has_an_answer_and_tests() -> None:
    ids = [hole.id for hole in holes()]
    assert len(ids) == 12
    assert ids_of("answers.jsonl") == ids
    assert ids_of("tests.jsonl") == ids


def test_the_licence_of_the_holes_is_with_them() -> None:
    text = (EXAMPLE / "LICENSE").read_text()
    assert "The MIT License" in text
    assert "OpenAI" in text


def test_each_endpoint_and_each_rule_of_the_router_has_a_hole() -> None:
    router = ModelRouter(load_settings(EXAMPLE / "maze.toml", {}).endpoints)
    decisions = [router.route(hole.spec, hole.constraints) for hole in holes()]
    assert Counter(decision.primary_model for decision in decisions) == {"fast": 8, "quality": 2, "constrained": 2}
    assert len({decision.reason for decision in decisions}) == 5
    assert not [decision for decision in decisions if "using default" in decision.reason]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A copy of the example whose simulated endpoints listen at free ports."""
    folder = tmp_path / "humaneval"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".maze"))
    ready = tmp_path / "urls.json"
    command = [MAZE, "simulate", "--free-ports", "--ready-file", str(ready), "--quiet"]
    simulator = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL)
    try:
        end = time.monotonic() + START_S
        while not ready.exists():
            assert simulator.poll() is None, "the simulator ended"
            assert time.monotonic() < end, "the simulator did not start"
            time.sleep(0.02)
        config = folder / "maze.toml"
        text = config.read_text()
        for number, url in enumerate(json.loads(ready.read_text())["endpoints"].values(), 1):
            text = text.replace(f"http://127.0.0.1:810{number}/v1", url)
        config.write_text(text)
        yield folder
    finally:
        simulator.terminate()
        simulator.wait()


def maze(folder: Path, *arguments: str) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAZE_")}
    done = subprocess.run(
        [MAZE, *arguments], cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.integration
def test_the_example_fills_every_hole_and_every_fill_passes_its_tests(project: Path) -> None:
    report = json.loads(maze(project, "refine", "holes.jsonl", "--run", "example", "--json"))
    assert (report["holes"], report["filled"], report["simulated"]) == (12, 12, 12)
    # Errors are drawn from the seed: fast fails two holes and does not know two, constrained fails one.
    assert (report["attempts"], report["fallbacks"]) == (17, 5)
    results = maze(project, "results", "example", "--json")
    checked = subprocess.run(
        [sys.executable, "check.py"], cwd=project, input=results, capture_output=True, text=True, check=False
    )
    assert checked.stdout == "12 of 12 holes have a fill that passes HumanEval's tests\n"
    assert checked.returncode == 0


def test_the_script_that_people_run_says_that_it_is_simulated() -> None:
    said = [line for line in (EXAMPLE.parent / "try.sh").read_text().splitlines() if line.startswith("echo")]
    assert len(said) == 1
    assert "SIMULATED" in said[0]
