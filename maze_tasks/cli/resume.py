"""`maze resume`: let a paused or interrupted run go on."""

from __future__ import annotations

import time
from contextlib import ExitStack

import click

from maze_tasks.cli.options import State, config_option, json_option, pass_state


@click.command(name="resume")
@click.argument("run")
@click.option("--failed", is_flag=True, help="Try holes again that ended without a fill, for one more round.")
@click.option("--error", "kind", metavar="KIND", help="With --failed: those of this error alone, such as suspect.")
@click.option("--concurrency", type=click.IntRange(min=1), help="Calls in flight over all models (embedded workers).")
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@json_option
@config_option
@pass_state
def command(
    state: State, run: str, kind: str | None, concurrency: int | None, *, failed: bool, quiet: bool, as_json: bool
) -> None:
    """Let RUN go on where it was, and follow it where its server is embedded."""
    from maze_tasks import control
    from maze_tasks.cli.outcome import exit_code_for, refine_report, show_summary
    from maze_tasks.cli.output import emit, tell
    from maze_tasks.cli.refine import follow_run, refuse_unsealed
    from maze_tasks.project import local_workers, open_project, require_keys, resume_run
    from maze_tasks.retrying import retry_failed

    settings = state.settings()
    began = time.monotonic()
    if kind is not None and not failed:
        raise click.UsageError("--error goes with --failed")
    with open_project(settings) as project, ExitStack() as stack:
        status = control.status(project.store, run)
        opened, held = 0, status.state == "paused"
        if failed:
            opened = retry_failed(project.store, project.dispatcher.send, run, kind=kind)
            status = control.status(project.store, run)
        if not status.ended:
            refuse_unsealed(status)
            if project.embedded:
                require_keys(settings)
                info = project.store.info(run)
                verifies = info is not None and info.rules.snapshot is not None
                workers = stack.enter_context(local_workers(project, total=concurrency, verifies=verifies))
            sent = opened if failed and not held else resume_run(project, run)
            if not project.embedded:
                if as_json:
                    emit(control.status(project.store, run).report())
                else:
                    tell(f"run {run} goes on; {sent} holes were sent again; `maze watch {run}` follows it")
                return
            status = follow_run(project, run, quiet=quiet, check=workers.check)
    report = refine_report(status, time.monotonic() - began)
    if as_json:
        emit(report)
    else:
        show_summary(status, report)
    click.get_current_context().exit(exit_code_for(status))
