"""Options that many commands share, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from maze_tasks.config import Settings

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class Amount(click.FloatRange):
    """A number from 0 on, up to a bound of `models.reading`, which is imported when it is needed.

    Args:
        bound: name of that bound.
        min_open: whether 0 itself is refused.
    """

    def __init__(self, bound: str, *, min_open: bool = False) -> None:
        super().__init__(min=0, min_open=min_open)
        self._bound = bound

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; NaN is none, it compares with nothing."""
        from maze_tasks.models import reading

        number, most = super().convert(value, param, ctx), getattr(reading, self._bound)
        if not number <= most:
            self.fail(f"{value} is not a number up to {most}.", param, ctx)
        return number


BUDGET = Amount("MOST_USD")
DEADLINE = Amount("MOST_S", min_open=True)


@dataclass
class State:
    """What was said ahead of or behind the command's name.

    Args:
        config: the file of ``--config``, None where it was not given.
    """

    config: Path | None = None

    def settings(self) -> Settings:
        """The settings of this call; what the reader of the file should know goes to stderr.

        Raises:
            ConfigError: as `load_settings`.
        """
        from maze_tasks.cli.output import warn
        from maze_tasks.config import load_settings

        settings = load_settings(self.config)
        for warning in settings.warnings:
            warn(warning)
        return settings


pass_state = click.make_pass_decorator(State, ensure=True)


def config_option(function: Decorated) -> Decorated:
    """``--config FILE``, for the group and for each command; the later one counts."""
    return click.option(
        "--config",
        metavar="FILE",
        type=click.Path(path_type=Path),
        expose_value=False,
        callback=_remember_config,
        help="Configuration; otherwise MAZE_CONFIG, or maze.toml in this folder or above.",
    )(function)


def json_option(function: Decorated) -> Decorated:
    """``--json``, passed as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, for programs.")(function)


def _remember_config(ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.ensure_object(State).config = value
