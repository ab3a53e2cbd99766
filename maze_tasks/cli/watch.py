"""`maze watch`: follow a run until it ends."""

from __future__ import annotations

import time

import click

from maze_tasks.cli.options import State, config_option, json_option, pass_state


@click.command(name="watch")
@click.argument("run")
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@json_option
@config_option
@pass_state
def command(state: State, run: str, *, quiet: bool, as_json: bool) -> None:
    """Follow RUN until it ends; leaving does not end it."""
    from maze_tasks.cli.outcome import exit_code_for, refine_report, show_summary
    from maze_tasks.cli.output import emit
    from maze_tasks.cli.refine import follow_run
    from maze_tasks.project import open_project

    began = time.monotonic()
    with open_project(state.settings()) as project:
        status = follow_run(project, run, quiet=quiet)
    report = refine_report(status, time.monotonic() - began)
    if as_json:
        emit(report)
    else:
        show_summary(status, report)
    click.get_current_context().exit(exit_code_for(status))
