"""`maze init`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
from click.testing import Result

from maze_tasks.config import load_settings

Maze = Callable[..., Result]

TEMPLATE = files("maze_tasks.cli").joinpath("template.toml").read_text(encoding="utf-8")


def test_what_it_writes_loads_without_a_word(maze: Maze, folder: Path) -> None:
    result = maze("init")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "wrote maze.toml" in result.stderr
    settings = load_settings(folder / "maze.toml", {})
    assert settings.embedded
    assert settings.warnings == ()
    assert len(settings.endpoints) == 2


def test_what_stands_in_its_comments_is_right_as_well(folder: Path) -> None:
    text = re.sub(r"^# (?=(?:\[|[a-z0-9_]+ = ))", "", TEMPLATE, flags=re.MULTILINE)
    path = folder / "maze.toml"
    path.write_text(text, encoding="utf-8")
    (folder / "prompts").mkdir()
    (folder / "prompts" / "system.txt").write_text("Fill the hole.")
    (folder / "prompts" / "prompt.txt").write_text("$code")
    settings = load_settings(path, {})
    assert settings.templates.prompt == "$code"
    assert settings.redis_url is not None
    assert settings.endpoints[0].api_key_env == "FAST_API_KEY"
    assert settings.simulate["fast-8b"].errors[0].rate == 0.1
    assert settings.refinement.max_iterations == 1


def test_its_comments_give_the_defaults() -> None:
    given = re.sub(r"^# (?=(?:\[refinement|[a-z0-9_]+ = ))", "", TEMPLATE, flags=re.MULTILINE)
    document = tomllib.loads(given)
    assert document["max_retries"] == 2
    assert document["refinement"]["temperature_schedule"] == [0.9, 0.7, 0.5, 0.3, 0.1]


def test_a_file_that_is_there_is_kept_unless_replacing_it_is_asked_for(maze: Maze, folder: Path) -> None:
    path = folder / "maze.toml"
    path.write_text("mine")
    result = maze("init")
    assert result.exit_code == 2
    assert "maze.toml: is there already; --force replaces it" in result.stderr
    assert path.read_text() == "mine"
    assert maze("init", "--force").exit_code == 0
    assert path.read_text(encoding="utf-8") == TEMPLATE
    assert [entry.name for entry in folder.iterdir()] == ["maze.toml"]


def test_another_file_may_be_named(maze: Maze, folder: Path) -> None:
    assert maze("--config", "other.toml", "init").exit_code == 0
    assert [entry.name for entry in folder.iterdir()] == ["other.toml"]


@pytest.mark.parametrize("force", [(), ("--force",)])
@pytest.mark.parametrize("name", ["gone/maze.toml", "file/maze.toml"])
def test_a_place_that_cannot_be_written_is_exit_2(maze: Maze, folder: Path, name: str, force: tuple[str, ...]) -> None:
    (folder / "file").touch()
    result = maze("init", "--config", name, *force)
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_a_folder_is_not_replaced(maze: Maze, folder: Path) -> None:
    (folder / "maze.toml").mkdir()
    assert maze("init", "--force").exit_code == 2
    assert [entry.name for entry in folder.iterdir()] == ["maze.toml"]
