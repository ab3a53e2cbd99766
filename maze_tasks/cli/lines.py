"""What commands that take hole lines share: folders are scanned, inputs checked, and what is left out is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from maze_tasks.cli.output import named, say, warn
from maze_tasks.spool import STDIN

if TYPE_CHECKING:
    from maze_tasks.cli.judged import Judged
    from maze_tasks.intake import Survey
    from maze_tasks.source.tree import Skipped, Summary


def is_folder(source: str) -> bool:
    """Whether an input is a folder of source code."""
    return source != STDIN and Path(source).is_dir()


@contextmanager
def lines_of(source: str, *, quiet: bool = False) -> Iterator[str]:
    """An input of hole lines: of a folder, a file with what a scan of it finds, which lives as long as the block.

    Args:
        source: a file of hole lines, ``-``, or a folder of source code.
        quiet: whether to show no progress.

    Raises:
        InputError: the folder cannot be read.
        Refused: what reads source code is not installed.
    """
    if not is_folder(source):
        yield source
        return
    from maze_tasks.cli.counting import counting, scan_count
    from maze_tasks.scanned import scanned_lines
    from maze_tasks.source.tree import Summary

    summary = Summary()
    with ExitStack() as stack:
        with counting(lambda: scan_count(summary), quiet=quiet):
            lines = stack.enter_context(scanned_lines(Path(source), summary, report_skipped))
        if not quiet:
            tell_scanned(summary)
        yield str(lines)


def report_skipped(skipped: Skipped) -> None:
    """Warn of a file that something is wrong with."""
    from maze_tasks.source.skipping import FAULTS

    if skipped.reason in FAULTS:
        warn(f"{named(skipped.path)}: {skipped.detail or skipped.reason}; passed over")


def tell_scanned(summary: Summary) -> None:
    """Say on stderr what was read, skipped and found."""
    say(f"{summary.files} files read, {summary.lines} lines")
    if summary.skipped:
        shares = ", ".join(f"{reason} {count}" for reason, count in sorted(summary.skipped.items()))
        say(f"skipped: {shares}")
    total = summary.holes.total()
    by_kind = ", ".join(f"{language} {scale} {count}" for (language, scale), count in sorted(summary.holes.items()))
    say(f"{total} holes: {by_kind}" if total else "no holes")


def surveyed(source: str, *, skip_invalid: bool, limit: int | None, verified: Judged | None = None) -> Survey:
    """Check an input; each line that is left out is told, and their sum.

    Args:
        source: a file of hole lines, or ``-``.
        skip_invalid: whether lines that are wrong are left out.
        limit: holes at most.
        verified: looks at the holes that are to be verified.

    Raises:
        InputError: the input cannot be read, or something in it is wrong.
        Refused: holes are to be verified, and cannot be.
    """
    from maze_tasks.intake import survey

    found = survey(
        source,
        skip_invalid=skip_invalid,
        limit=limit,
        on_skip=lambda error: warn(f"left out: {error}"),
        on_hole=verified.look if verified is not None else lambda _: None,
    )
    if verified is not None and (told := verified.tell()):
        warn(told)
    if found.skipped:
        shares = [f"{found.wrong} wrong"] if found.wrong else []
        if found.stranded:
            shares.append(f"{len(found.stranded)} depending on what is not there or left out")
        warn(f"{found.skipped} lines left out ({', '.join(shares)}), {found.holes} holes taken")
    return found
