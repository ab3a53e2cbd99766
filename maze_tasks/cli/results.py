"""`maze results`: what became of each hole of a run."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import click

from maze_tasks.cli.options import State, config_option, json_option, pass_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maze_tasks.models.runs import HoleResult


@click.command(name="results")
@click.argument("run")
@click.option("--status", "only", multiple=True, help="Only holes of this status; may be repeated.")
@json_option
@config_option
@pass_state
def command(state: State, run: str, only: tuple[str, ...], *, as_json: bool) -> None:
    """Show what became of each hole of RUN, in the order of submission."""
    from maze_tasks import control
    from maze_tasks.cli.output import emit_each
    from maze_tasks.project import open_project

    with open_project(state.settings()) as project:
        found = (one for one in control.results(project.store, run) if not only or one.status in only)
        if as_json:
            emit_each(one.report() for one in found)
        else:
            _show(found)


def _show(found: Iterator[HoleResult]) -> None:
    from maze_tasks.cli.output import table, tell
    from maze_tasks.models.runs import NANO_PER_USD

    first = next(found, None)
    if first is None:
        tell("no such holes")
        return
    rows = (
        (
            one.hole_id if one.parent_id is None else f"{one.hole_id} (part of {one.parent_id})",
            one.status,
            one.model,
            sum(not attempt.joined for attempt in one.attempts),
            one.fallbacks,
            f"{one.cost_nano / NANO_PER_USD:.6f}",
            f"{one.latency_ms:.0f}",
            one.error.kind if one.error else _first_line(one.code),
        )
        for one in chain([first], found)
    )
    numbers = ("attempts", "fallbacks", "cost_usd", "latency_ms")
    table(("hole", "status", "model", *numbers, "error or first line"), rows, numbers=numbers)


def _first_line(code: str | None) -> str | None:
    lines = (code or "").strip().splitlines()
    return lines[0][:60] if lines else None
