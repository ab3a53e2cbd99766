"""`maze resume`: let a paused or interrupted run go on."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from maze_tasks.cli.options import BUDGET, DEADLINE, State, config_option, json_option, pass_state

if TYPE_CHECKING:
    from maze_tasks.config import Settings
    from maze_tasks.models.runs import RunStatus


@click.command(name="resume")
@click.argument("run")
@click.option("--failed", is_flag=True, help="Try holes again that ended without a fill, for one more round.")
@click.option("--error", "kind", metavar="KIND", help="With --failed: those of this error alone, such as suspect.")
@click.option("--budget", type=BUDGET, metavar="USD", help="The most that the run may spend in all.")
@click.option(
    "--deadline",
    type=DEADLINE,
    metavar="SECONDS",
    help="The longest it may take from now on.",
)
@click.option("--concurrency", type=click.IntRange(min=1), help="Calls in flight over all models (embedded workers).")
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@json_option
@config_option
@pass_state
def command(state: State, /, run: str, *, failed: bool, kind: str | None, **given: Any) -> None:
    """Let RUN go on where it was, and follow it where its server is embedded."""
    from maze_tasks.cli.outcome import exit_code_for, refine_report, show_summary
    from maze_tasks.cli.output import emit

    began = time.monotonic()
    if kind is not None and not failed:
        raise click.UsageError("--error goes with --failed")
    status = _resume(state.settings(), Wanted(run, failed, kind, **given))
    if status is None:
        return
    report = refine_report(status, time.monotonic() - began)
    if given["as_json"]:
        emit(report)
    else:
        show_summary(status, report)
    click.get_current_context().exit(exit_code_for(status))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for.

    Args:
        run: name of the run.
        failed: whether holes that ended without a fill are tried again.
        kind: with `failed`, the error that they ended with; None for any.
        budget: the most that the run may spend in all, in USD; None leaves it as it is.
        deadline: the longest that it may take from now on, in seconds; None leaves it as it is.
        concurrency: calls in flight of embedded workers.
        quiet: whether to show no progress.
        as_json: whether to print JSON.
    """

    run: str
    failed: bool
    kind: str | None
    budget: float | None
    deadline: float | None
    concurrency: int | None
    quiet: bool
    as_json: bool


def _resume(settings: Settings, wanted: Wanted) -> RunStatus | None:
    """Let the run go on; how it ended, None where it goes on without us."""
    from maze_tasks import control
    from maze_tasks.cli.output import emit, tell
    from maze_tasks.cli.refine import follow_run, refuse_unsealed
    from maze_tasks.project import local_workers, open_project, require_keys, resume_run
    from maze_tasks.retrying import retry_failed

    run = wanted.run
    with open_project(settings) as project, ExitStack() as stack:
        status = control.status(project.store, run)
        opened, held = 0, status.state == "paused"
        control.set_limits(project.store, run, budget_usd=wanted.budget, deadline_s=wanted.deadline)
        if wanted.failed:
            opened = retry_failed(project.store, project.dispatcher.send, run, kind=wanted.kind)
            status = control.status(project.store, run)
        if status.ended:
            return status
        refuse_unsealed(status)
        if project.embedded:
            require_keys(settings)
            info = project.store.info(run)
            verifies = info is not None and info.rules.snapshot is not None
            workers = stack.enter_context(local_workers(project, total=wanted.concurrency, verifies=verifies))
        sent = opened if wanted.failed and not held else resume_run(project, run)
        if project.embedded:
            return follow_run(project, run, quiet=wanted.quiet, check=workers.check)
        if wanted.as_json:
            emit(control.status(project.store, run).report())
        else:
            tell(f"run {run} goes on; {sent} holes were sent again; `maze watch {run}` follows it")
        return None
