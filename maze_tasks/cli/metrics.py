"""`maze metrics`: requests, successes, latency and cost of each model over all runs."""

from __future__ import annotations

import click

from maze_tasks.cli.gauges import gauge_reports, show_gauges
from maze_tasks.cli.options import State, config_option, json_option, pass_state


@click.command(name="metrics")
@click.option("--run", metavar="NAME", help="Of this run alone.")
@json_option
@config_option
@pass_state
def command(state: State, run: str | None, *, as_json: bool) -> None:
    """Show requests, successes, latency, confidence and cost of each model, over all runs."""
    from maze_tasks import control
    from maze_tasks.cli.output import emit, table, tell
    from maze_tasks.models import EnsembleMetrics
    from maze_tasks.project import gauges, open_project
    from maze_tasks.store.dropped import dropped_messages

    with open_project(state.settings()) as project:
        metrics = EnsembleMetrics.from_accounts(control.metrics_accounts(project.store, run))
        dropped = dropped_messages(project.store)
        gates = gauges(project)
    if as_json:
        emit(metrics.report() | {"endpoints": gauge_reports(gates), "dropped_messages": dropped})
        return
    columns = (
        "model",
        "requests",
        "successes",
        "rate",
        "accepted",
        "cached",
        "repeated",
        "latency ms",
        "confidence",
        "cost_usd",
    )
    rows = [
        (
            name,
            one.requests,
            one.successes,
            f"{one.success_rate():.3f}",
            one.accepted,
            one.cached,
            one.repeated,
            f"{one.avg_latency_ms():.1f}",
            f"{one.avg_confidence:.3f}" if one.avg_confidence else None,
            f"{one.cost_usd:.6f}",
        )
        for name, one in metrics.per_model.items()
    ]
    table(columns, rows, numbers=columns[1:])
    show_gauges(gates)
    saved = sum(one.saved_usd for one in metrics.per_model.values())
    tell(f"{metrics.total_requests} requests, {metrics.total_fallbacks} fallbacks; the cache saved ${saved:.6f}")
