"""What goes to stdout, and what becomes of it where nobody can take it."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st

from maze_tasks.cli import output
from maze_tasks.errors import MazeError
from maze_tasks.models import ModelMetrics

Maze = Callable[..., Result]

ENDPOINT = '[[endpoints]]\nname = "a"\nendpoint_url = "http://localhost:1"\n'
MAZE = [sys.executable, "-c", "from maze_tasks.cli import main; main()"]


def test_json_is_one_line_of_ascii_a_value(capsys: pytest.CaptureFixture[str]) -> None:
    output.emit({"id": 2**64 - 1, "text": "é\u2028\ud800\n"})
    output.emit_each(iter([1, None]))
    lines = capsys.readouterr().out.splitlines()
    assert all(line.isascii() for line in lines)
    assert [json.loads(line) for line in lines] == [{"id": 2**64 - 1, "text": "é\u2028\ud800\n"}, 1, None]


def test_models_are_written_with_their_fields(capsys: pytest.CaptureFixture[str]) -> None:
    output.emit({"m": ModelMetrics(requests=3)})
    assert json.loads(capsys.readouterr().out)["m"]["requests"] == 3


def test_what_is_no_json_is_a_mistake_of_the_program() -> None:
    with pytest.raises(TypeError, match="object is no JSON value"):
        output.emit(object())
    with pytest.raises(ValueError, match="not JSON compliant"):
        output.emit(float("nan"))


def test_a_table_shows_its_cells_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("id", "count"), [("[red]x[/red] :smile:", 1), ("a\x1b[0mb", None)], numbers=("count",))
    shown = capsys.readouterr().out
    assert "[red]x[/red] :smile:       1" in shown
    assert "a\\x1b[0mb" in shown
    assert "\x1b" not in shown


def test_a_long_cell_of_a_table_is_not_cut_off(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("id",), [("x" * 400,)])
    assert capsys.readouterr().out.count("x") == 400


@settings(deadline=None)
@given(st.text())
def test_whatever_is_shown_is_printable_and_nothing_printable_is_changed(text: str) -> None:
    shown = output.shown(text)
    assert all(character.isprintable() or character == "\n" for character in shown)
    if text.isprintable():
        assert shown == text


def test_messages_for_people_are_shown_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    output.say("hello")
    output.warn("careful")
    output.tell("data")
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("data\n", "hello\nwarning: careful\n")


class FullDisk(io.StringIO):
    """A stream that takes nothing."""

    def write(self, _text: str) -> int:
        raise OSError(28, "No space left on device")


def test_output_that_cannot_be_written_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", FullDisk())
    with pytest.raises(MazeError, match="cannot write the output: No space left on device"):
        output.emit(1)


def test_a_message_that_cannot_be_shown_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", FullDisk())
    output.say("hello")


@pytest.fixture
def many(folder: Path) -> Path:
    """A folder with a configuration and more holes than a pipe holds."""
    (folder / "maze.toml").write_text(ENDPOINT)
    (folder / "holes").write_text("".join(f'{{"hole_id": {number}}}\n' for number in range(3000)))
    return folder


def test_a_reader_that_goes_away_is_no_error(many: Path) -> None:
    process = subprocess.Popen(
        [*MAZE, "route", "holes", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=many
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", 0)


def test_an_interrupt_is_130_without_a_traceback(many: Path) -> None:
    pipe = many / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen([*MAZE, "route", str(pipe)], stderr=subprocess.PIPE, cwd=many) as process:
        with pipe.open("wb"):  # opens when the other end does, which then waits for a first line
            process.send_signal(signal.SIGINT)
            assert process.wait() == 130
        assert process.stderr is not None
        assert process.stderr.read() == b"error: interrupted\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("limit", ["1", "3000"])
def test_a_full_disk_is_told_without_a_traceback(many: Path, limit: str) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [*MAZE, "route", "holes", "--json", "--limit", limit],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=many,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr == b"error: cannot write the output: No space left on device\n"


def test_a_locale_that_cannot_show_a_text_gets_it_spelt_out(many: Path) -> None:
    (many / "holes").write_text(json.dumps({"hole_id": "é"}))
    ended = subprocess.run(
        [*MAZE, "route", "holes"],
        capture_output=True,
        cwd=many,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=True,
    )
    assert b"\\xe9" in ended.stdout


def test_a_long_table_is_drawn_in_blocks_while_its_rows_come(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[int] = []

    def rows() -> Iterator[tuple[object, ...]]:
        for number in range(output.BLOCK_ROWS * 3):
            asked.append(len(capsys.readouterr().out.splitlines()))
            yield (number,)

    output.table(("number",), rows())
    assert sum(count > 0 for count in asked) == 2, "each block is out before the next is read"
    assert "number" in capsys.readouterr().out
