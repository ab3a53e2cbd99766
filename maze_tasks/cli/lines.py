"""What commands that take hole lines share: folders are scanned, inputs checked, and what is left out is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from maze_tasks.cli.output import named, say, warn
from maze_tasks.errors import Refused
from maze_tasks.spool import STDIN
from maze_tasks.syntax import language_of

if TYPE_CHECKING:
    from maze_tasks.cli.judged import Judged
    from maze_tasks.intake import Survey
    from maze_tasks.source.tree import Skipped, Summary


def source_tree(source: str) -> Path | None:
    """The folder that an input's paths are relative to; None where it is no source code.

    Args:
        source: a folder of source code, which it is itself; a source file, told by its suffix; or anything else.

    Raises:
        Refused: it is empty, as a variable is that was never set; this folder is not meant by that.
    """
    if not source:
        raise Refused("HOLES is empty; name a file of hole lines, a folder or a source file")
    path = Path(source)
    if source == STDIN or path.is_dir():
        return None if source == STDIN else path
    return path.resolve().parent if language_of(path) is not None and path.is_file() else None


@contextmanager
def lines_of(source: str, *, quiet: bool = False) -> Iterator[str]:
    """An input of hole lines: of source code, a file with what a scan of it finds, which lives as long as the block.

    Args:
        source: a file of hole lines, ``-``, a folder of source code or a source file.
        quiet: whether to show no progress.

    Raises:
        InputError: it cannot be read.
        Refused: it is empty, or what reads source code is not installed.
    """
    if source_tree(source) is None:
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
