"""`maze scan`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from maze_tasks.intake import read_holes

Maze = Callable[..., Result]


@pytest.fixture(autouse=True)
def _tree(folder: Path) -> None:
    (folder / "src").mkdir()
    (folder / "src" / "a.py").write_text("def f():\n    '''Say it.'''\n    pass\n")
    (folder / "src" / "b.rs").write_text("fn f() { let x: u8 = todo!(); }\n")
    (folder / "src" / "c.tsx").write_text("const f = () => { throw new Error('TODO'); };\n// TODO: more\n")
    (folder / "src" / "bad.py").write_bytes(b"\xff")


def test_a_line_a_hole_without_a_terminal_and_a_summary_for_people(maze: Maze) -> None:
    result = maze("scan", "src")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["hole"]["origin"] for line in lines] == ["a.py:3:5", "b.rs:1:22", "c.tsx:1:19"]
    assert lines[0]["hole"].items() >= {"scale": "macro", "status": "Pending", "constraints": []}.items()
    assert lines[0]["place"].items() >= {"path": "a.py", "kind": "body", "docstring": "Say it.", "scope": ["f"]}.items()
    assert (lines[0]["prefix"], lines[0]["suffix"]) == ("def f():\n    '''Say it.'''\n", "")
    assert result.stderr.splitlines() == [
        "warning: bad.py: not utf-8: byte 0xff at offset 0; passed over",
        "4 files read, 7 lines",
        "skipped: undecodable 1",
        "3 holes: python macro 1, rust nano 1, tsx macro 1",
    ]
    assert result.exit_code == 0


def test_its_lines_are_hole_lines(maze: Maze, folder: Path) -> None:
    (folder / "holes.jsonl").write_text(maze("scan", "src", "--json").stdout)
    assert [numbered.hole.path for numbered in read_holes(folder / "holes.jsonl")] == ["a.py", "b.rs", "c.tsx"]
    assert maze("scan", "src").stdout == maze("scan", "src", "--json").stdout


def test_people_get_a_table(maze: Maze, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maze_tasks.cli.scan.ROWS_SHOWN", 1)
    monkeypatch.setattr("maze_tasks.cli.scan.streams_to_terminal", lambda: True)
    result = maze("scan", "src")
    assert "a.py:3:5" in result.stdout
    assert "b.rs" not in result.stdout
    assert "2 more holes are not shown; --json prints all" in result.stderr


def test_options_choose(maze: Maze) -> None:
    def paths(*options: str) -> list[str]:
        return [json.loads(line)["path"] for line in maze("scan", "src", *options).stdout.splitlines()]

    assert paths("--language", "typescript") == ["c.tsx"]
    assert paths("--language", "Rust", "--language", "python") == ["a.py", "b.rs"]
    assert paths("--include", "*.rs", "--include", "*.py", "--exclude", "a.*") == ["b.rs"]
    assert paths("--todo", "--include", "c.*") == ["c.tsx", "c.tsx"]
    assert paths("--max-bytes", "40") == ["a.py", "b.rs"]


def test_no_holes_are_no_error(maze: Maze) -> None:
    result = maze("scan", "src", "--include", "nothing")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines()[-1] == "no holes"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none",), "error: none: there is no such file or folder"),
        (("src", "--include", "["), "'[' is no glob"),
        (("src", "--language", "cobol"), "Invalid value for '--language'"),
    ],
)
def test_wrong_usage_is_exit_2(maze: Maze, arguments: tuple[str, ...], message: str) -> None:
    result = maze("scan", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
