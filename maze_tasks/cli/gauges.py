"""How the gates of the endpoints stand, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maze_tasks.store.gauges import Gauge

_COLUMNS = ("endpoint", "breaker", "asked again in", "calls", "of", "last minute", "tokens", "reserved")


def gauge_reports(gauges: Sequence[Gauge]) -> dict[str, dict[str, Any]]:
    """The gauges by endpoint name, as JSON values."""
    return {gauge.model: gauge.report() for gauge in gauges}


def show_gauges(gauges: Sequence[Gauge]) -> None:
    """A table of how the gates stand."""
    from maze_tasks.cli.output import table

    rows = [
        (
            one.model,
            one.breaker,
            _left(one),
            one.in_flight,
            one.limit,
            one.requests_last_minute,
            one.tokens_last_minute,
            one.waiting,
        )
        for one in gauges
    ]
    table(_COLUMNS, rows, numbers=_COLUMNS[2:])


def _left(gauge: Gauge) -> str | None:
    """How long nobody is asked, for a pause or an open breaker."""
    until = max(gauge.open_until_ms or 0, gauge.paused_until_ms or 0)
    return f"{(until - gauge.now_ms) / 1000:.0f} s" if until > gauge.now_ms else None
