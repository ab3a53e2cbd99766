"""`maze init`: a configuration to begin with."""

from __future__ import annotations

import os
import tempfile
from importlib.resources import files
from pathlib import Path

import click

from maze_tasks.cli.options import State, config_option, pass_state
from maze_tasks.cli.output import say
from maze_tasks.errors import ConfigError

_FILE = "maze.toml"
_MODE = 0o644  # of a replaced file; it holds no secrets


@click.command(name="init")
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
@config_option
@pass_state
def command(state: State, *, force: bool) -> None:
    """Write a commented maze.toml into this folder, or to the FILE of --config."""
    path = state.config or Path(_FILE)
    text = files("maze_tasks.cli").joinpath("template.toml").read_text(encoding="utf-8")
    try:
        if force:
            _replace(path, text)
        else:
            _create(path, text)
    except FileExistsError:
        raise ConfigError("is there already; --force replaces it", file=str(path)) from None
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", file=str(path)) from None
    say(f"wrote {path}; name your endpoints in it, then run `maze check`")


def _create(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8") as stream:
        stream.write(text)


def _replace(path: Path, text: str) -> None:
    """Put the text in the place of the file, at once: at no time is there half a file."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    new = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        new.chmod(_MODE)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
