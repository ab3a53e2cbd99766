"""Progress of what a command works through by itself (files, holes) on stderr: rate, and time left where it is known.

Beside `progress`, which follows a run. The counts are read by a thread, so that the work knows nothing of it.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from maze_tasks.cli.output import has_screen, say, show_line
from maze_tasks.cli.progress import LINE_EVERY_S, duration

if TYPE_CHECKING:
    from maze_tasks.source.tree import Summary

T = TypeVar("T")
FIRST_LOOK_S = 0.5  # what is done sooner shows no progress
REDRAW_S = 0.2  # on a terminal


@dataclass(frozen=True, slots=True)
class Count:
    """How far a command is.

    Args:
        doing: what it does.
        done: how many.
        unit: of what.
        total: of how many; None where that is not known.
        more: what else there is to say.
    """

    doing: str
    done: int
    unit: str
    total: int | None = None
    more: str = ""


@dataclass(slots=True)
class Tally:
    """Counts what is taken from iterables.

    Args:
        done: how many so far.
    """

    done: int = 0

    def over(self, values: Iterable[T]) -> Iterator[T]:
        """The same values, each counted when the next is asked for."""
        for value in values:
            yield value
            self.done += 1


def count_line(first: Count, now: Count, elapsed_s: float) -> str:
    """One line that says how far a command is.

    Args:
        first: how far it was at the beginning.
        now: how far it is.
        elapsed_s: seconds between the two.
    """
    per_s = (now.done - first.done) / elapsed_s if elapsed_s > 0 else 0.0
    of = "" if now.total is None else f" of {now.total}"
    parts = [f"{now.doing}: {now.done}{of} {now.unit}"]
    if now.more:
        parts.append(now.more)
    if per_s > 0:
        parts.append(f"{per_s:.0f}/s" if per_s >= 1 else f"{per_s:.2f}/s")
        if now.total is not None:
            parts.append(f"ETA {duration(max(now.total - now.done, 0) / per_s)}")
    return ", ".join(parts)


@contextmanager
def counting(
    read: Callable[[], Count], *, quiet: bool = False, look_s: float = FIRST_LOOK_S, every_s: float = LINE_EVERY_S
) -> Iterator[None]:
    """Show how far a command is for as long as the block lasts.

    Args:
        read: says how far it is; called by another thread.
        quiet: whether to show nothing.
        look_s: how soon to begin with it, in seconds.
        every_s: between two lines where stderr is no terminal, in seconds.
    """
    if quiet:
        yield
        return
    ended = threading.Event()
    shower = threading.Thread(target=_show, args=(read, ended, look_s, every_s), daemon=True)
    shower.start()
    try:
        yield
    finally:
        ended.set()
        shower.join()


def counted(values: Iterable[T], read: Callable[[], Count], *, quiet: bool = False) -> Iterator[T]:
    """The same values, with progress for as long as they are taken."""
    with counting(read, quiet=quiet):
        yield from values


def scan_count(summary: Summary) -> Count:
    """How far a scan is: it goes over the tree twice, and knows how large it is the second time."""
    if summary.files == 0:
        return Count("reading definitions", summary.indexed, "files")
    return Count("scanning", summary.files, "files", summary.indexed or None, f"{summary.holes.total()} holes")


def streams_to_terminal() -> bool:
    """Whether what is written on stdout shows by itself how far the command is."""
    return sys.stdout.isatty()


def _show(read: Callable[[], Count], ended: threading.Event, look_s: float, every_s: float) -> None:
    first, began = read(), time.monotonic()
    is_terminal = has_screen()
    pause = look_s if is_terminal else every_s
    while not ended.wait(pause):
        now = read()
        if now.doing != first.doing:
            first, began = now, time.monotonic()
        line = count_line(first, now, time.monotonic() - began)
        if is_terminal:
            pause = REDRAW_S
            show_line(line)
        else:
            say(line)
    if is_terminal:
        show_line("")
