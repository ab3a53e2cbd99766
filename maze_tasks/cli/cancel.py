"""`maze cancel`: end a run; what is filled stays."""

from __future__ import annotations

import click

from maze_tasks.cli.options import State, config_option, json_option, pass_state


@click.command(name="cancel")
@click.argument("run")
@json_option
@config_option
@pass_state
def command(state: State, run: str, *, as_json: bool) -> None:
    """End RUN: nothing new starts, what waits is skipped, running calls are cut; what is filled stays."""
    from maze_tasks import control
    from maze_tasks.cli.output import emit, tell
    from maze_tasks.project import open_project

    with open_project(state.settings()) as project:
        status = control.cancel(project.store, run, holders_gone=project.fresh)
    if as_json:
        emit(status.report())
    elif status.state in ("cancelling", "cancelled"):
        tell(
            f"run {run}: {status.state}; {status.filled} filled, {status.skipped} skipped, {status.in_progress} running"
        )
    else:
        tell(f"run {run} had ended before: {status.state}")
