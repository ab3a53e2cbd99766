"""`maze scan`: the holes of a source tree."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from maze_tasks.cli.counting import counted, scan_count, streams_to_terminal
from maze_tasks.cli.lines import report_skipped, tell_scanned
from maze_tasks.cli.options import config_option, json_option
from maze_tasks.cli.output import emit_each, say, table

if TYPE_CHECKING:
    from maze_tasks.models import Hole

ROWS_SHOWN = 200  # of the table for people; --json gives all

LANGUAGE_NAMES = ("python", "rust", "go", "typescript", "javascript", "java", "c", "cpp", "zig")
_DIALECTS = {"typescript": ("typescript", "tsx")}


@click.command(name="scan")
@click.argument("path", metavar="PATH", type=click.Path())
@json_option
@click.option(
    "--language",
    "languages",
    multiple=True,
    type=click.Choice(LANGUAGE_NAMES, case_sensitive=False),
    help="Read this language only; may be repeated.",
)
@click.option("--include", multiple=True, metavar="GLOB", help="Read only files that match; may be repeated.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out files and folders that match.")
@click.option("--todo", is_flag=True, help="Comments that begin with TODO or FIXME are holes too.")
@click.option("--vendored", is_flag=True, help="Read vendored and generated code too.")
@click.option(
    "--max-bytes",
    type=click.IntRange(min=1),
    metavar="N",
    default=1024 * 1024,
    show_default=True,
    help="Pass over files that are larger.",
)
@config_option
def command(
    path: str,
    *,
    as_json: bool,
    languages: tuple[str, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    todo: bool,
    vendored: bool,
    max_bytes: int,
) -> None:
    """List the holes of PATH, a folder or a file, as hole lines for `maze refine`; as a table in a terminal.

    Globs are those of .gitignore, relative to PATH. Left out are what .gitignore says, vendored, generated, binary and
    large files; what cannot be read is reported and passed over.
    """
    from maze_tasks.errors import Refused
    from maze_tasks.source.illuminated import scan_with_context
    from maze_tasks.source.scanner import line_of
    from maze_tasks.source.tree import Choice, Summary

    if not path:
        raise Refused("PATH is empty; this folder is `.`")
    chosen = frozenset(name for given in languages for name in _DIALECTS.get(given, (given,)))
    choice = Choice(chosen, include, exclude, max_bytes, todo=todo, vendored=vendored)
    summary = Summary()
    for_people = not as_json and streams_to_terminal()
    quiet = streams_to_terminal() and not for_people
    scanned = scan_with_context(Path(path), choice, summary, report_skipped)
    holes = counted(scanned, lambda: scan_count(summary), quiet=quiet)
    if for_people:
        _show(holes)
    else:
        emit_each(line_of(hole) for hole in holes)
    tell_scanned(summary)


def _show(holes: Iterable[Hole]) -> None:
    """The first holes as a table."""
    found = iter(holes)
    rows = [_row(hole) for hole in islice(found, ROWS_SHOWN)]
    rest = sum(1 for _ in found)
    table(("where", "language", "scale", "kind", "in", "marker"), rows)
    if rest:
        say(f"{rest} more holes are not shown; --json prints all")


def _row(hole: Hole) -> tuple[object, ...]:
    assert hole.state is not None
    assert hole.place is not None
    place = hole.place
    return (
        hole.state.origin,
        hole.language,
        str(hole.state.scale),
        place.kind,
        ".".join(place.scope) or None,
        place.marker,
    )
