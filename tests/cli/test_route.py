"""`maze route`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Maze = Callable[..., Result]

CONFIG = """
[[endpoints]]
name = "medium"
endpoint_url = "http://localhost:1"

[[endpoints]]
name = "fast"
endpoint_url = "http://localhost:2"
capabilities = ["FastInference"]
priority = 1
"""

FIVE = [{"kind": "style", "value": str(number)} for number in range(5)]


@pytest.fixture(autouse=True)
def _project(folder: Path) -> None:
    (folder / "maze.toml").write_text(CONFIG)
    lines = [{"hole_id": 2**64 - 1}, {"hole_id": "m", "fill_constraints": FIVE}]
    (folder / "holes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_json_gives_a_line_a_hole(maze: Maze) -> None:
    result = maze("route", "holes.jsonl", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {
            "hole_id": 2**64 - 1,
            "primary_model": "fast",
            "fallback_models": ["medium"],
            "reason": "simple hole, using fast inference",
            "complexity": 0.0,
        },
        {
            "hole_id": "m",
            "primary_model": "medium",
            "fallback_models": ["fast"],
            "reason": "default selection for medium complexity",
            "complexity": 0.5,
        },
    ]


def test_people_get_a_table_and_the_shares(maze: Maze) -> None:
    shown = maze("route", "holes.jsonl").stdout
    assert "18446744073709551615" in shown
    assert "default selection for medium complexity" in shown
    assert shown.splitlines()[-1] == "2 holes: fast 1, medium 1"


def test_a_long_table_is_cut_and_says_so(maze: Maze, folder: Path) -> None:
    (folder / "many").write_text("".join(f'{{"hole_id": {number}}}\n' for number in range(203)))
    result = maze("route", "many")
    assert "203 holes: fast 203" in result.stdout
    assert "3 more holes are not shown" in result.stderr


def test_no_holes_are_no_error(maze: Maze) -> None:
    assert maze("route", "-", stdin="").stdout.splitlines()[-1] == "no holes"
    assert maze("route", "-", "--json", stdin="\n").stdout == ""


def test_holes_come_from_standard_input_as_well(maze: Maze) -> None:
    result = maze("route", "-", "--json", "--limit", "1", stdin='{"hole_id": 1}\n{"hole_id": 2}\n')
    assert [json.loads(line)["hole_id"] for line in result.stdout.splitlines()] == [1]


def test_a_wrong_line_is_exit_2_with_its_place(maze: Maze) -> None:
    result = maze("route", "-", "--json", stdin=b'{"hole_id": 1}\n{"hole_id": 1.5}\n')
    assert result.exit_code == 2
    assert result.stderr.startswith("error: -:2: hole_id: should be a whole number")


def test_wrong_lines_may_be_left_out_with_a_warning_each(maze: Maze) -> None:
    result = maze("route", "-", "--json", "--skip-invalid", stdin='x\n{"hole_id": 1}\n{}\n')
    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    assert [line.split(": ")[:3] for line in result.stderr.splitlines()] == [
        ["warning", "left out", "-:1"],
        ["warning", "left out", "-:3"],
        ["warning", "2 lines left out (2 wrong), 1 holes taken"],
    ]


def test_what_can_never_be_ordered_is_told_as_refine_would(maze: Maze) -> None:
    lines = '{"hole_id": 1, "depends_on": [2]}\n{"hole_id": 2, "depends_on": [1]}\n{"hole_id": 3}\n'
    result = maze("route", "-", "--json", stdin=lines)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "error: -:1: depends_on: holes depend on one another: 1 → 2 → 1\n"
    result = maze("route", "-", "--json", "--skip-invalid", stdin=lines)
    assert [json.loads(line)["hole_id"] for line in result.stdout.splitlines()] == [3]
    last = "warning: 2 lines left out (2 depending on what is not there or left out), 1 holes taken"
    assert result.stderr.splitlines()[-1] == last
    assert "'x', which is not among" in maze("route", "-", stdin='{"hole_id": 1, "depends_on": ["x"]}').stderr


def test_a_folder_is_scanned(maze: Maze, folder: Path) -> None:
    (folder / "src").mkdir()
    (folder / "src" / "a.py").write_text("def f():\n    raise NotImplementedError\n")
    result = maze("route", "src", "--json")
    (decision,) = [json.loads(line) for line in result.stdout.splitlines()]
    assert decision["primary_model"] == "fast"
    assert result.stderr == "1 files read, 2 lines\n1 holes: python macro 1\n"
    assert maze("route", "src/a.py", "--json").stdout == maze("route", "src", "--json").stdout


@pytest.mark.parametrize("command", ["route", "refine", "scan"])
def test_a_name_that_a_variable_left_empty_is_not_this_folder(maze: Maze, folder: Path, command: str) -> None:
    result = maze(command, "")
    assert (result.exit_code, result.stdout) == (2, "")
    assert " is empty; " in result.stderr


def test_a_wrong_configuration_is_exit_2_before_any_hole_is_read(maze: Maze, folder: Path) -> None:
    (folder / "maze.toml").write_text("endpoints = []")
    result = maze("route", "none.jsonl")
    assert result.exit_code == 2
    assert "maze.toml:1: endpoints: no endpoint is configured" in result.stderr
