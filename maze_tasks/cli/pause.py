"""`maze pause`: hold a run."""

from __future__ import annotations

import click

from maze_tasks.cli.options import State, config_option, json_option, pass_state


@click.command(name="pause")
@click.argument("run")
@json_option
@config_option
@pass_state
def command(state: State, run: str, *, as_json: bool) -> None:
    """Hold RUN: calls that run are finished and kept, nothing new starts until `maze resume RUN`."""
    from maze_tasks import control
    from maze_tasks.cli.output import emit, tell
    from maze_tasks.project import open_project

    with open_project(state.settings()) as project:
        status = control.pause(project.store, run)
    if as_json:
        emit(status.report())
    else:
        tell(f"run {run}: {status.state}; {status.pending} holes wait, {status.in_progress} are being asked")
