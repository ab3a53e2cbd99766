"""Progress of a run on stderr: a live line on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from maze_tasks.cli.output import say, warn
from maze_tasks.follow import pace
from maze_tasks.models.runs import NANO_PER_USD, RunStatus

if TYPE_CHECKING:
    from rich.live import Live

LINE_EVERY_S = 5.0  # between two lines where stderr is no terminal
IDLE_S = 15.0  # nothing at all has happened for so long: say what may be missing
_MINUTE, _HOUR = 60, 3600


def show_progress(
    statuses: Iterable[RunStatus], *, quiet: bool, idle_hint: str = "", check: Callable[[], None] | None = None
) -> RunStatus | None:
    """Show statuses as they come; the last one.

    Args:
        statuses: of one run, in order.
        quiet: show nothing but warnings.
        idle_hint: what to say once where nothing happens for `IDLE_S`.
        check: called between statuses; may raise to end the following.
    """
    shower = _Shower(quiet=quiet, idle_hint=idle_hint)
    status = None
    try:
        for status in statuses:
            shower.show(status)
            if check:
                check()
    finally:
        shower.close()
    return status


def progress_line(first: RunStatus, now: RunStatus, elapsed_s: float) -> str:
    """One line that says how a run stands: counts by state, rate, time left, money spent."""
    at = pace(first, now, elapsed_s)
    counts = [f"{now.filled} filled"]
    counts += [
        f"{count} {word}"
        for count, word in (
            (now.failed, "failed"),
            (now.skipped, "skipped"),
            (now.needs_review, "to review"),
            (now.in_progress, "running"),
            (now.pending, "waiting"),
        )
        if count
    ]
    parts = [f"{now.closed}/{now.holes}", ", ".join(counts), f"{at.per_s:.1f} holes/s"]
    if at.eta_s is not None and not now.ended:
        parts.append(f"ETA {duration(at.eta_s)}")
    parts.append(f"${now.cost_nano / NANO_PER_USD:.4f}")
    if now.fallbacks:
        parts.append(f"{now.fallbacks} fallbacks")
    if now.simulated:
        parts.append("SIMULATED endpoints")
    return " | ".join(parts)


def duration(seconds: float) -> str:
    """A duration for people: ``12s``, ``3m05s``, ``2h07m``."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02d}s"
    return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02d}m"


class _Shower:
    def __init__(self, *, quiet: bool, idle_hint: str) -> None:
        self._quiet, self._idle_hint = quiet, idle_hint
        self._began = self._lined = self._changed = time.monotonic()
        self._first: RunStatus | None = None
        self._last: RunStatus | None = None
        self._said: set[str] = set()
        self._live: Live | None = None

    def show(self, status: RunStatus) -> None:
        now = time.monotonic()
        if self._first is None or self._last is None:
            self._first = status
        elif _moved(self._last, status):
            self._changed = now
        self._last = status
        for note in status.notes:
            if note not in self._said:
                self._said.add(note)
                warn(note)
        self._hint(status, now)
        if not self._quiet:
            self._draw(progress_line(self._first, status, now - self._began), status, now)

    def _hint(self, status: RunStatus, now: float) -> None:
        if self._idle_hint and not status.ended and not status.in_progress and now - self._changed > IDLE_S:
            warn(self._idle_hint)
            self._idle_hint = ""

    def _draw(self, line: str, status: RunStatus, now: float) -> None:
        if sys.stderr.isatty():
            if self._live is None:
                self._live = _live()
            share = status.closed / status.holes if status.holes else 0.0
            self._live.update(f"{_bar(share)} {line}")
        elif status.ended or now - self._lined >= LINE_EVERY_S:
            self._lined = now
            say(line)

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()


def _live() -> Live:
    from rich.console import Console
    from rich.live import Live

    live = Live(console=Console(stderr=True, markup=False, highlight=False), refresh_per_second=8)
    live.start()
    return live


def _bar(share: float, width: int = 20) -> str:
    full = int(share * width)
    return "━" * full + "─" * (width - full)


def _moved(before: RunStatus, now: RunStatus) -> bool:
    return (before.attempts, before.closed, before.in_progress, before.holes) != (
        now.attempts,
        now.closed,
        now.in_progress,
        now.holes,
    )
