"""`maze route`: where each hole would go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from maze_tasks.cli.counting import streams_to_terminal
from maze_tasks.cli.lines import lines_of, surveyed
from maze_tasks.cli.options import State, config_option, json_option, pass_state
from maze_tasks.cli.output import emit_each, say, table, tell

if TYPE_CHECKING:
    from maze_tasks.decide.router import ModelRouter
    from maze_tasks.models import Hole

ROWS_SHOWN = 200  # of the table for people; --json gives all


@click.command(name="route")
@click.argument("holes", metavar="HOLES")
@json_option
@click.option("--skip-invalid", is_flag=True, help="Leave out lines that are wrong, with a warning each.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Stop after N holes.")
@config_option
@pass_state
def command(state: State, holes: str, *, as_json: bool, skip_invalid: bool, limit: int | None) -> None:
    """Show where each hole of HOLES would go, and why. Nothing is sent.

    HOLES is a file of hole lines (JSONL, - for standard input), or a folder of source code or a source file, which
    is scanned as `maze scan` does.
    """
    from maze_tasks.decide.router import ModelRouter
    from maze_tasks.intake import read_holes

    router = ModelRouter(state.settings().endpoints)
    with lines_of(holes, quiet=as_json and streams_to_terminal()) as source:
        found = surveyed(source, skip_invalid=skip_invalid, limit=limit)
        read = read_holes(source, skip_invalid=skip_invalid, limit=limit, surveyed=found)
        decisions = (_decision(router, numbered.hole) for numbered in read)
        if as_json:
            emit_each(decisions)
        else:
            _show(decisions)


def _decision(router: ModelRouter, hole: Hole) -> dict[str, Any]:
    from maze_tasks.decide.complexity import complexity

    decision = router.route(hole.spec, hole.constraints)
    return {
        "hole_id": hole.id,
        "primary_model": decision.primary_model,
        "fallback_models": list(decision.fallback_models),
        "reason": decision.reason,
        "complexity": complexity(hole.spec),
    }


def _show(decisions: Iterable[dict[str, Any]]) -> None:
    """The first decisions as a table, and how many holes each model gets."""
    counts: Counter[str] = Counter()
    counted = _counted(decisions, counts)
    rows = [_row(found) for found in islice(counted, ROWS_SHOWN)]
    rest = sum(1 for _ in counted)
    table(("hole", "goes to", "then to", "because", "complexity"), rows, numbers=("complexity",))
    if rest:
        say(f"{rest} more holes are not shown; --json prints all")
    shares = ", ".join(f"{model} {count}" for model, count in counts.most_common())
    tell(f"{counts.total()} holes: {shares}" if counts else "no holes")


def _row(found: dict[str, Any]) -> tuple[object, ...]:
    fallbacks = ", ".join(found["fallback_models"]) or None
    return found["hole_id"], found["primary_model"], fallbacks, found["reason"], f"{found['complexity']:.3f}"


def _counted(decisions: Iterable[dict[str, Any]], counts: Counter[str]) -> Iterator[dict[str, Any]]:
    for found in decisions:
        counts[found["primary_model"]] += 1
        yield found
