"""The group: what it knows without importing, and how a command leaves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
from click.testing import Result

from maze_tasks import cli
from maze_tasks.cli import COMMANDS, main
from maze_tasks.cli.output import exit_code_of
from maze_tasks.errors import ConfigError, MazeError, ServiceUnavailable, UnknownRun

Maze = Callable[..., Result]

HEAVY = ("pydantic", "rich", "redis", "celery", "kombu", "requests", "aiohttp", "importlib.metadata")
ENDPOINT = '[[endpoints]]\nname = "a"\nendpoint_url = "http://localhost:1"\n'


def test_help_lists_every_command_and_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom maze_tasks.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stderr == "[]\n"
    assert [line.split()[0] for line in shown.stdout.partition("Commands:")[2].splitlines() if line[2:3].strip()][
        : len(COMMANDS)
    ] == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_under_its_name_and_takes_the_configuration(name: str) -> None:
    if find_spec(f"{cli.__name__}.{name}") is None:
        pytest.skip("not built yet")
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name
    assert command.help
    assert any("--config" in parameter.opts for parameter in command.params)


def test_the_version_is_that_of_the_package(maze: Maze) -> None:
    assert maze("--version").stdout == "maze 0.1.0\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rout",), "No such command 'rout'. Did you mean 'route'?"),
        (("zzz",), "No such command 'zzz'."),
        (("route",), "Missing argument 'HOLES'"),
        (("route", "--bogus", "x"), "No such option"),
        (("route", "x", "--limit", "0"), "0 is not in the range"),
    ],
)
def test_wrong_usage_is_exit_2_on_stderr(maze: Maze, arguments: tuple[str, ...], said: str) -> None:
    result = maze(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--config", "x.toml", "route", "holes"),
        ("route", "--config", "x.toml", "holes"),
        ("--config", "y.toml", "route", "holes", "--config", "x.toml"),
    ],
)
def test_the_configuration_is_named_ahead_of_the_command_or_behind_it(
    maze: Maze, folder: Path, arguments: tuple[str, ...]
) -> None:
    (folder / "x.toml").write_text(ENDPOINT)
    (folder / "holes").write_text('{"hole_id": 1}')
    assert maze(*arguments).exit_code == 0


def test_warnings_of_the_configuration_go_to_stderr(maze: Maze, folder: Path) -> None:
    (folder / "e.json").write_text('{"endpoints": [{"endpoint_url": "http://h"}], "color": 1}')
    (folder / "holes").write_text('{"hole_id": 1}')
    result = maze("route", "--config", "e.json", "holes", "--json")
    assert result.exit_code == 0
    assert "warning: e.json:1: color: unknown key" in result.stderr
    assert result.stdout.count("\n") == 1


class TestHowACommandLeaves:
    def leave(self, error: BaseException) -> int:
        def command() -> None:
            raise error

        return exit_code_of(command)

    @pytest.mark.parametrize(
        ("error", "code", "said"),
        [
            (ConfigError("is wrong", file="m.toml", line=3, field="a.b"), 2, "error: m.toml:3: a.b: is wrong\n"),
            (UnknownRun("x"), 2, "error: no run named 'x'; `maze status` lists the runs\n"),
            (ServiceUnavailable("Redis", "refused"), 3, "error: cannot reach Redis: refused\n"),
            (MazeError("[bold]failed[/bold] :smile:"), 1, "error: [bold]failed[/bold] :smile:\n"),
            (MazeError("x" * 300), 1, "error: " + "x" * 300 + "\n"),
            (MazeError("a\x1b[31mb\rc\nd"), 1, "error: a\\x1b[31mb\\rc\nd\n"),
            (KeyboardInterrupt(), 130, "error: interrupted\n"),
            (click.Abort(), 130, "error: interrupted\n"),
            (click.exceptions.Exit(1), 1, ""),
            (BrokenPipeError(), 0, ""),
        ],
    )
    def test_errors_become_exit_codes_with_one_message_and_no_traceback(
        self, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, said: str
    ) -> None:
        assert self.leave(error) == code
        assert capsys.readouterr().err == said

    def test_an_error_of_ours_in_a_bug_is_not_hidden(self) -> None:
        with pytest.raises(ZeroDivisionError):
            self.leave(ZeroDivisionError())

    def test_done_is_0(self) -> None:
        assert exit_code_of(lambda: None) == 0
