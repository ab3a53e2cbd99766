"""`maze status`: counts of one run, or a list of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from maze_tasks.cli.gauges import gauge_reports, show_gauges
from maze_tasks.cli.options import State, config_option, json_option, pass_state

if TYPE_CHECKING:
    from maze_tasks.models.runs import RunStatus


@click.command(name="status")
@click.argument("run", required=False)
@json_option
@config_option
@pass_state
def command(state: State, run: str | None, *, as_json: bool) -> None:
    """Show the counts of RUN, or list all runs."""
    from maze_tasks import control
    from maze_tasks.cli.output import emit, emit_each, warn
    from maze_tasks.project import gauges, open_project
    from maze_tasks.store.dropped import dropped_messages

    with open_project(state.settings()) as project:
        found = [control.status(project.store, run)] if run is not None else control.runs(project.store)
        dropped = dropped_messages(project.store)
        gates = gauges(project)
    if as_json:
        if run is not None:
            emit(found[0].report() | {"endpoints": gauge_reports(gates)})
        else:
            emit_each(one.report() for one in found)
        return
    _show(found)
    if run is not None:
        show_gauges(gates)
    for one in found if run is not None else ():
        for note in one.notes:
            warn(note)
        if one.set_aside:
            warn(f"{one.set_aside} were set aside: workers died of them; `maze dead {one.run}` shows which and when")
    if dropped:
        warn(f"messages that workers dropped: {', '.join(f'{count} {kind}' for kind, count in dropped.items())}")


def _show(found: list[RunStatus]) -> None:
    from maze_tasks.cli.output import table, tell
    from maze_tasks.models.runs import NANO_PER_USD

    if not found:
        tell("no runs yet; `maze refine HOLES` starts one")
        return
    counts = (
        "holes",
        "pending",
        "in_progress",
        "filled",
        "failed",
        "skipped",
        "attempts",
        "fallbacks",
        "cached",
        "repeated",
    )
    rows = [
        (one.run, one.state, *(getattr(one, name) for name in counts), f"{one.cost_nano / NANO_PER_USD:.6f}")
        for one in found
    ]
    table(("run", "state", *counts, "cost_usd"), rows, numbers=(*counts, "cost_usd"))
