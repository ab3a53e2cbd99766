"""`maze diff` and `maze apply`, on a run that is in the store."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from maze_tasks.models import read_hole
from maze_tasks.models.runs import Attempt, Cursor, Plan, RunRules
from maze_tasks.producer import hole_text
from maze_tasks.store import Commit, NewHole, RunStore, Ticket, connect

Maze = Callable[..., Result]

RUN = "night"
PLAN = Plan(("a",))
MAZE = [sys.executable, "-c", "from maze_tasks.cli import main; main()"]
FILES = {"src/a.py": b"def f():\n    HOLE\n", "b c.py": b"x = HOLE\r\n", "ü.py": "ä = HOLE".encode("latin-1")}
DONE = {"src/a.py": b"def f():\n    return 1\n", "b c.py": b"x = 2\r\n", "ü.py": "ä = ö".encode("latin-1")}
FILLS = {"src/a.py": ("return 1", {}), "b c.py": ("2", {"newline": "\r\n"}), "ü.py": ("ö", {"encoding": "latin-1"})}

Row = tuple[dict[str, Any], str | None]


def row(path: str, data: bytes, code: str | None, **more: Any) -> Row:
    """A hole line with a place, and its fill."""
    start = data.index(b"HOLE")
    place = {"path": path, "start": start, "end": start + 4, "sha256": hashlib.sha256(data).hexdigest()}
    return {"hole_id": f"hole of {path}", "place": place | {"line": 1, "column": 1} | more}, code


@pytest.fixture
def tree(folder: Path) -> Path:
    """The files, in the folder of the command."""
    for name, data in FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    return folder


Keep = Callable[..., None]


@pytest.fixture
def keep(folder: Path, redis_url: str, broker_url: str) -> Keep:
    """Keeps a run in the store: filled where there is code, else open."""
    endpoint = '[[endpoints]]\nname = "a"\nendpoint_url = "http://localhost:1"\n'
    (folder / "maze.toml").write_text(f'redis_url = "{redis_url}"\nbroker_url = "{broker_url}"\n{endpoint}')

    def kept(rows: Sequence[Row], run: str = RUN) -> None:
        with closing(connect(redis_url)) as client:
            store = RunStore(client)
            store.create(run, [PLAN], input_digest="in", config_digest="conf", rules=RunRules())
            holes = [read_hole(line) for line, _ in rows]
            store.submit(run, [NewHole(hole.id, hole_text(hole), 0, PLAN, 1, 1) for hole in holes])
            store.seal(run)
            for hole, (_, code) in zip(holes, rows, strict=True):
                if code is not None:
                    ticket = Ticket(run, hole.id, Cursor(), 1, "a")
                    won = Attempt(candidate=0, model="a", outcome="accepted", code=code)
                    assert store.begin(ticket, "one", won, (0, 0)).verdict == "go"
                    commit = Commit(won, "accept", {})
                    assert store.finish(ticket, "one", commit, next_model=None).what == "filled"

    return kept


@pytest.fixture
def kept(keep: Keep, tree: Path) -> Path:
    """A run that fills every file of the tree."""
    keep([row(path, FILES[path], code, **more) for path, (code, more) in FILLS.items()])
    return tree


def files(tree: Path) -> dict[str, bytes]:
    return {name: (tree / name).read_bytes() for name in FILES}


def test_git_takes_the_patch_and_writes_what_apply_writes(maze: Maze, kept: Path) -> None:
    shown = maze("diff", RUN)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert files(kept) == FILES
    subprocess.run(["git", "apply"], cwd=kept, input=shown.stdout_bytes, check=True, capture_output=True)
    assert files(kept) == DONE
    for name, data in FILES.items():
        (kept / name).write_bytes(data)
    assert maze("apply", RUN).exit_code == 0
    assert files(kept) == DONE


def test_apply_says_what_it_did_and_reverse_undoes_it(maze: Maze, kept: Path) -> None:
    applied = maze("apply", RUN)
    assert (applied.exit_code, applied.stderr) == (0, "")
    assert applied.stdout.splitlines() == [
        "applied: b c.py",
        "applied: src/a.py",
        "applied: ü.py",
        "files: 3 applied",
    ]
    assert maze("apply", RUN).stdout.splitlines()[-1] == "files: 3 left as it is"
    assert maze("diff", RUN).stdout_bytes == b""
    restored = maze("apply", RUN, "--reverse")
    assert restored.exit_code == 0
    assert restored.stdout.splitlines()[-1] == "files: 3 restored"
    assert files(kept) == FILES


def test_check_says_what_would_happen(maze: Maze, kept: Path) -> None:
    checked = maze("apply", RUN, "--check")
    assert checked.exit_code == 0
    assert checked.stdout.splitlines()[-1] == "files: 3 would apply"
    assert files(kept) == FILES
    maze("apply", RUN)
    assert maze("apply", RUN, "--check", "--reverse").stdout.splitlines()[-1] == "files: 3 would restore"
    assert files(kept) == DONE


def test_json_gives_a_line_a_file_and_messages_stay_on_stderr(maze: Maze, kept: Path) -> None:
    (kept / "src/a.py").write_bytes(b"edited")
    found = maze("apply", RUN, "--json")
    assert found.exit_code == 1
    lines = [json.loads(line) for line in found.stdout.splitlines()]
    assert [(one["path"], one["status"], one["kind"]) for one in lines] == [
        ("b c.py", "applied", None),
        ("src/a.py", "refused", "changed"),
        ("ü.py", "applied", None),
    ]
    assert lines[1]["holes"] == ["hole of src/a.py"]
    assert found.stderr.splitlines() == [
        "error: src/a.py: is not as it was when it was scanned",
        "files: 2 applied, 1 refused",
    ]


def test_a_patch_without_what_changed_is_exit_1(maze: Maze, kept: Path) -> None:
    (kept / "src/a.py").unlink()
    found = maze("diff", RUN)
    assert (found.exit_code, found.stderr) == (1, "error: src/a.py: is not there\n")
    assert b"a/src/a.py" not in found.stdout_bytes
    assert b"a/b c.py" in found.stdout_bytes


def test_the_root_may_be_elsewhere(maze: Maze, kept: Path) -> None:
    (kept / "src" / "a.py").rename(kept / "a.py")
    (kept / "tree").mkdir()
    (kept / "src").rename(kept / "tree" / "src")
    (kept / "a.py").rename(kept / "tree" / "src" / "a.py")
    for name in ("b c.py", "ü.py"):
        (kept / name).rename(kept / "tree" / name)
    assert maze("apply", RUN, "--root", "tree").exit_code == 0
    assert files(kept / "tree") == DONE
    assert maze("apply", RUN, "--root", "tree", "--reverse").exit_code == 0
    missing = maze("diff", RUN, "--root", "nowhere")
    assert (missing.exit_code, missing.stderr) == (2, "error: --root: nowhere: No such file or directory\n")


def test_holes_without_a_place_or_a_fill_are_told_and_passed_over(maze: Maze, keep: Keep, tree: Path) -> None:
    keep(
        [
            row("src/a.py", FILES["src/a.py"], "return 1"),
            row("b c.py", FILES["b c.py"], None),
            *(({"hole_id": number}, "code") for number in range(7)),
        ]
    )
    found = maze("apply", RUN)
    assert found.exit_code == 0
    assert found.stdout.splitlines() == ["applied: src/a.py", "files: 1 applied"]
    assert found.stderr.splitlines() == [
        "run night is running: what is filled later is for another time",
        "warning: fills without a place in a source tree, passed over: 7 (0, 1, 2, 3, 4, ...)",
        "holes that are not filled: 1",
    ]


def test_a_run_of_holes_that_have_no_place_at_all_is_refused(maze: Maze, keep: Keep) -> None:
    keep([({"hole_id": 1}, "code")])
    for command in ("apply", "diff"):
        found = maze(command, RUN)
        assert (found.exit_code, found.stdout) == (2, "")
        assert "no fill of run night has a place in a source tree" in found.stderr


def test_a_run_without_fills_has_an_empty_patch(maze: Maze, keep: Keep) -> None:
    keep([row("src/a.py", FILES["src/a.py"], None)])
    found = maze("apply", RUN)
    assert (found.exit_code, found.stdout) == (0, "files: none\n")
    assert maze("diff", RUN).stdout_bytes == b""


@pytest.mark.parametrize("arguments", [("diff", "none"), ("apply", "none"), ("apply", "none", "--check")])
def test_an_unknown_run_is_exit_2(maze: Maze, kept: Path, arguments: tuple[str, ...]) -> None:
    found = maze(*arguments)
    assert found.exit_code == 2
    assert "no run named 'none'" in found.stderr


def test_what_was_never_applied_cannot_be_undone(maze: Maze, kept: Path) -> None:
    found = maze("apply", RUN, "--reverse")
    assert found.exit_code == 2
    assert "nothing of a run 'night' has been applied" in found.stderr


def test_undoing_needs_neither_run_nor_server(maze: Maze, kept: Path) -> None:
    maze("apply", RUN)
    config = (kept / "maze.toml").read_text().replace("r.sock", "gone.sock")
    (kept / "maze.toml").write_text(config)
    assert maze("apply", RUN, "--reverse").exit_code == 0
    assert files(kept) == FILES


def test_a_killed_command_is_made_good_by_the_next(maze: Maze, keep: Keep, folder: Path) -> None:
    names = [f"f{number:02}" for number in range(40)]
    for name in names:
        (folder / name).write_bytes(b"HOLE\n")
    keep([row(name, b"HOLE\n", "x") for name in names])
    with subprocess.Popen([*MAZE, "apply", RUN], stdout=subprocess.PIPE, text=True) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == "applied: f00\n"
        command.kill()
    assert maze("apply", RUN).exit_code == 0
    assert {(folder / name).read_bytes() for name in names} == {b"x\n"}
    assert maze("apply", RUN, "--reverse").exit_code == 0
    assert {(folder / name).read_bytes() for name in names} == {b"HOLE\n"}
    assert sorted(path.name for path in folder.iterdir()) == [".maze", *names, "maze.toml"]


def test_links_of_a_file_are_warned_of(maze: Maze, kept: Path) -> None:
    os.link(kept / "b c.py", kept / "other")
    assert maze("apply", RUN).stderr.startswith("warning: b c.py: the file has 2 names")


def test_a_terminal_is_shown_no_control_characters(maze: Maze, keep: Keep, tree: Path) -> None:
    keep([row("src/a.py", FILES["src/a.py"], "\x1b]0;owned\x07\treturn")])
    terminal, other_side = os.openpty()
    with subprocess.Popen([*MAZE, "diff", RUN], stdout=other_side) as command:
        os.close(other_side)
        shown = b""
        while chunk := read(terminal):
            shown += chunk
    os.close(terminal)
    assert command.returncode == 0
    assert b"+    \\x1b]0;owned\\x07\treturn" in shown


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other side has closed
        return b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_told(kept: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*MAZE, "diff", RUN], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: cannot write the output: No space left on device\n"


def test_a_name_of_two_lines_is_told_on_one(maze: Maze, keep: Keep, tree: Path) -> None:
    keep([row("a\nerror: b", b"HOLE", "x"), row("c\nd", b"HOLE", "x")])
    (tree / "c\nd").write_bytes(b"HOLE")
    done = maze("apply", RUN)
    assert done.stdout.splitlines()[0] == "applied: c\\nd"
    assert done.stderr == "error: a\\nerror: b: is not there\n"


@pytest.mark.parametrize("here", [".", "src", "src/deep"])
def test_git_takes_the_patch_of_a_folder_of_a_checkout_anywhere_in_it(
    maze: Maze, keep: Keep, folder: Path, here: str
) -> None:
    (folder / "src" / "deep").mkdir(parents=True)
    (folder / "src" / "deep" / "a.py").write_bytes(b"HOLE\n")
    keep([row("deep/a.py", b"HOLE\n", "x")])
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    shown = maze("diff", RUN, "--root", "src")
    assert shown.stderr == f"paths are relative to {folder}\n"
    subprocess.run(["git", "apply"], cwd=folder / here, input=shown.stdout_bytes, check=True)
    assert (folder / "src" / "deep" / "a.py").read_bytes() == b"x\n"


def test_a_submodule_is_a_checkout_of_its_own(maze: Maze, keep: Keep, folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "a.py").write_bytes(b"HOLE\n")
    (folder / "sub" / ".git").write_text("gitdir: ../.git/modules/sub\n")
    (folder / ".git").mkdir()
    keep([row("a.py", b"HOLE\n", "x")])
    shown = maze("diff", RUN, "--root", "sub")
    assert (shown.stderr, shown.stdout.splitlines()[0]) == ("", "diff --git a/a.py b/a.py")
