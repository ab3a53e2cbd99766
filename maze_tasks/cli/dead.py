"""`maze dead`: holes that were set aside since workers died of them."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING

import click

from maze_tasks.cli.options import State, config_option, json_option, pass_state

if TYPE_CHECKING:
    from collections.abc import Iterable

    from maze_tasks.retrying import Dead


@click.command(name="dead")
@click.argument("run", required=False)
@json_option
@config_option
@pass_state
def command(state: State, run: str | None, *, as_json: bool) -> None:
    """Show the holes of RUN, or of all runs, that were set aside: which workers died of them, and when."""
    from maze_tasks import control
    from maze_tasks.cli.output import emit_each
    from maze_tasks.project import open_project
    from maze_tasks.retrying import dead

    with open_project(state.settings()) as project:
        named = [run] if run is not None else [one.run for one in control.runs(project.store) if one.set_aside]
        found = chain.from_iterable(dead(project.store, name) for name in named)
        if as_json:
            emit_each(one.report() for one in found)
        else:
            _show(found)


def _show(found: Iterable[Dead]) -> None:
    from maze_tasks.cli.output import table, tell

    rows = [
        (one.run, one.result.hole_id, one.result.status, death.model, death.worker, _at(death.at))
        for one in found
        for death in one.deaths
    ]
    if not rows:
        tell("no hole was set aside")
        return
    table(("run", "hole", "status", "model", "worker that died", "put on record"), rows)
    tell("`maze resume RUN --failed --error suspect` tries them again")


def _at(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
