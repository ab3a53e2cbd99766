"""The page of the benchmarks: each command has its section, with its options, and figures that say that they hold."""

from __future__ import annotations

import argparse
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks import classeval, humaneval, interrupted, options, real_holes

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "benchmarks.md").read_text()
COMMANDS = {"classeval": classeval, "humaneval": humaneval, "interrupted": interrupted, "real_holes": real_holes}
OPTION = re.compile(r"^\| `(--[a-z]+)", re.MULTILINE)


def section(name: str) -> str:
    return PAGE.split(f"## python -m benchmarks.{name}\n")[1].split("\n## ")[0]


def options_of(name: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    with pytest.raises(SystemExit):
        COMMANDS[name].main(["--help"])
    return set(re.findall(r"^  (--[a-z]+)", capsys.readouterr().out, re.MULTILINE))


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_described_with_the_options_it_has(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    common = set(OPTION.findall(PAGE.split("\n## ")[0]))
    made = options.parser(None)._actions
    assert common == {one.option_strings[-1] for one in made if not isinstance(one, argparse._HelpAction)}
    assert common | set(OPTION.findall(section(name))) == options_of(name, capsys)


def test_every_benchmark_named_is_there() -> None:
    for name in re.findall(r"python -m benchmarks\.(\w+)", PAGE):
        assert find_spec(f"benchmarks.{name}"), name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("classeval", "every hole that an answer fills is filled; every accepted fill passes its tests"),
        ("humaneval", "every hole that an answer fills is filled; every accepted fill passes its tests"),
        ("real_holes", "every hole is filled; every test ends as it did before"),
        ("interrupted", "no call was made again but those whose attempt a kill cut short"),
    ],
)
def test_the_output_shown_is_that_of_a_run_that_held(name: str, said: str) -> None:
    (output,) = re.findall(r"```text\n(.*?)```", section(name), re.DOTALL)
    assert said in output
    assert "SIMULATED" in output
    assert said in Path(COMMANDS[name].__file__ or "").read_text() + Path("benchmarks/filling.py").read_text()
