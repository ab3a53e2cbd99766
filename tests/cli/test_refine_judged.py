"""What `maze refine` finds out of its verifications before anything is spent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Maze

CODE = "def one():\n    raise NotImplementedError\n"
CONFIG = """
{head}
[[endpoints]]
endpoint_url = "http://127.0.0.1:1/v1"

[verify.unit]
command = "grep -q {{name}} {{file}} {{tests}}"
[verify.other]
command = "true"
"""


def configure(folder: Path, head: str = "") -> None:
    (folder / "maze.toml").write_text(CONFIG.format(head=head))


@pytest.fixture
def lines(folder: Path, maze: Maze) -> list[dict[str, Any]]:
    """The hole lines of a tree with one hole, in a project with two profiles."""
    configure(folder)
    (folder / "tree").mkdir()
    (folder / "tree" / "a.py").write_text(CODE)
    return [json.loads(line) for line in maze("scan", "tree").stdout.splitlines()]


def asked(folder: Path, maze: Maze, lines: list[dict[str, Any]], *arguments: str) -> tuple[int, str]:
    (folder / "holes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = maze("refine", "holes.jsonl", *arguments)
    return found.exit_code, found.stderr


def test_a_value_that_the_command_needs_and_no_hole_gives_is_named_with_its_line(
    folder: Path, maze: Maze, lines: list[dict[str, Any]]
) -> None:
    code, said = asked(folder, maze, lines, "--verify", "unit", "--tree", "tree", "--dry-run")
    assert (code, "holes.jsonl:1: verify.values.tests: the command needs a value" in said) == (2, True), said
    lines[0]["verify"] = {"values": {"tests": ["t.py"]}}
    assert asked(folder, maze, lines, "--verify", "unit", "--tree", "tree", "--dry-run")[0] == 0


def test_a_hole_that_names_a_profile_is_verified_where_the_run_names_none(
    folder: Path, maze: Maze, lines: list[dict[str, Any]]
) -> None:
    lines[0]["verify"] = {"profile": "othr"}
    code, said = asked(folder, maze, lines, "--tree", "tree", "--dry-run")
    assert (code, "holes.jsonl:1: verify.profile: no profile is named 'othr'; did you mean 'other'?" in said) == (
        2,
        True,
    )
    lines[0]["verify"] = {"profile": "other"}
    code, said = asked(folder, maze, lines, "--dry-run")
    assert (code, "--tree" in said and "--no-verify" in said) == (2, True)
    assert asked(folder, maze, lines, "--dry-run", "--no-verify")[0] == 0
    assert asked(folder, maze, lines, "--dry-run", "--tree", "tree")[0] == 0


def test_holes_without_a_place_are_counted_for_nothing_judges_their_fills(
    folder: Path, maze: Maze, lines: list[dict[str, Any]]
) -> None:
    placeless = [{"hole_id": 1, "prompt": "x"}, {"hole_id": 2, "prompt": "y"}]
    code, said = asked(folder, maze, [*lines, *placeless], "--verify", "other", "--tree", "tree", "--dry-run")
    assert (code, "2 holes have no place in a tree" in said) == (0, True)


def test_a_file_that_changed_since_the_scan_is_refused_before_a_call_is_paid_for(
    folder: Path, maze: Maze, lines: list[dict[str, Any]]
) -> None:
    (folder / "tree" / "a.py").write_text(f"# new\n{CODE}")
    code, said = asked(folder, maze, lines, "--verify", "other", "--tree", "tree", "-q")
    assert (code, "holes.jsonl:1: place.path: 'a.py' has changed since the hole was found" in said) == (2, True), said


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("b.py", "is not in the tree"),
        ("../tree/a.py", "is a link or lies behind one"),
        ("linked/a.py", "is a link or lies behind one"),
        ("link.py", "is a link or lies behind one"),
        ("build/a.py", "is left out of what is verified"),
    ],
)
def test_a_file_that_no_fill_could_be_put_into_is_refused_before_a_call_is_paid_for(
    folder: Path, maze: Maze, lines: list[dict[str, Any]], path: str, reason: str
) -> None:
    configure(folder, 'verify_sandbox = "none"\nsnapshot_exclude = ["/build"]\n')
    (folder / "tree" / "link.py").symlink_to("a.py")
    (folder / "tree" / "linked").symlink_to(".")
    (folder / "tree" / "build").mkdir()
    (folder / "tree" / "build" / "a.py").write_text(CODE)
    lines[0]["path"] = lines[0]["place"]["path"] = path
    code, said = asked(folder, maze, lines, "--verify", "other", "--tree", "tree", "-q")
    assert (code, reason in said) == (2, True), said


def test_a_profile_that_cannot_run_here_is_refused_before_a_call_is_paid_for(
    folder: Path, maze: Maze, lines: list[dict[str, Any]]
) -> None:
    configure(folder, 'verify_sandbox = "none"\n')
    text = (folder / "maze.toml").read_text()
    (folder / "maze.toml").write_text(text.replace('"true"', '"no-such-program"'))
    code, said = asked(folder, maze, lines, "--verify", "other", "--tree", "tree", "-q")
    assert (code, "verify.other.command: no-such-program: no such program" in said) == (2, True), said


def test_a_verification_can_be_tried_with_the_hole_open(folder: Path, maze: Maze, lines: list[dict[str, Any]]) -> None:
    configure(folder, 'verify_sandbox = "none"\nverify_with = "unit"\n')
    text = (folder / "maze.toml").read_text()
    (folder / "maze.toml").write_text(
        text.replace("grep -q {name} {file} {tests}", "sh -c 'echo no {name} yet; exit 3'")
    )
    tried = maze("check", "tree", "--json")
    found = json.loads(tried.stdout)["verification"]
    assert (found["profile"], found["reason"], found["exit_code"]) == ("unit", "failed", 3)
    assert (found["file"], found["output"]) == ("a.py", "no one yet\n")
    shown = maze("check", "tree", "--verify", "other")
    assert "verify.other for the hole" in shown.stdout
    assert "passes with the hole open" in shown.stderr
    refused = maze("check", "--verify", "other")
    assert (refused.exit_code, "say on which HOLES" in refused.stderr) == (2, True)
    (folder / "tree" / "a.py").write_text("x = 1\n")
    refused = maze("check", "tree")
    assert (refused.exit_code, "nothing to verify" in refused.stderr) == (2, True)


def test_a_tree_that_is_not_there_is_refused_whether_or_not_fills_are_verified(
    folder: Path, maze: Maze, lines: list[dict[str, Any]]
) -> None:
    code, said = asked(folder, maze, lines, "--no-verify", "--tree", "nowhere", "--dry-run")
    assert code == 2
    assert "--tree: nowhere: there is no such folder" in said
