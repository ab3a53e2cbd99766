"""`maze apply`: the fills of a run into the source tree, and out of it again."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from maze_tasks.cli.options import State, config_option, json_option, pass_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from maze_tasks.config import Settings
    from maze_tasks.patching import FileOutcome

# How each status is told, for one file and in the sum of all; refusals are told on stderr.
_WORDS = {
    "applied": "applied",
    "restored": "restored",
    "would_apply": "would apply",
    "would_restore": "would restore",
    "already": "left as it is",
}


@click.command(name="apply")
@click.argument("run")
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    help="The source tree; by default the one that was scanned, or this folder.",
)
@click.option("--check", is_flag=True, help="Write nothing; say what would become of each file.")
@click.option("--reverse", is_flag=True, help="Take the fills out again: the files get back the bytes they had.")
@json_option
@config_option
@pass_state
def command(state: State, run: str, *, root: Path, check: bool, reverse: bool, as_json: bool) -> None:
    """Write the fills of RUN into the source tree, each file wholly or not at all.

    A file that has changed since the scan, is a link, lies outside of the tree or is read-only is left alone, with a
    message and exit code 1; the others are written. May be repeated, and undone with --reverse.
    """
    from maze_tasks.cli.output import ExitCode, emit

    counts: Counter[str] = Counter()
    outcomes = _reversed if reverse else _applied
    with outcomes(state.settings(), run, root, check=check) as found:
        for one in found:
            counts[one.status] += 1
            _tell(one, quiet=as_json)
            if as_json:
                emit(one.report())
    _tell_sum(counts, quiet=as_json)
    click.get_current_context().exit(ExitCode.NOT_FILLED if counts["refused"] else ExitCode.DONE)


@contextmanager
def _applied(settings: Settings, run: str, root: Path | None, *, check: bool) -> Iterator[Iterable[FileOutcome]]:
    from maze_tasks.cli.patching import opened
    from maze_tasks.patching import apply_patch

    with opened(settings, run, root, writing=not check) as (checkout, plan, journal):
        yield _counted(apply_patch(checkout, plan, journal, check=check), plan.count_files(), check=check)


@contextmanager
def _reversed(settings: Settings, run: str, root: Path | None, *, check: bool) -> Iterator[Iterable[FileOutcome]]:
    """Without a look at the run itself, which may have expired."""
    from maze_tasks.cli.patching import tree_of
    from maze_tasks.errors import Refused
    from maze_tasks.patching import Checkout, Journal, reverse_patch

    tree = root if root is not None else tree_of(settings, run)
    with Checkout(tree) as checkout, Journal.open(settings.state_dir, run, writing=False) as journal:
        count = journal.count_files()
        if not count:
            raise Refused(f"nothing of a run {run!r} has been applied, as far as {settings.state_dir} knows")
        yield _counted(reverse_patch(checkout, journal, check=check), count, check=check)


def _counted(outcomes: Iterator[FileOutcome], files: int, *, check: bool) -> Iterator[FileOutcome]:
    """The same outcomes with progress, where the lines on stdout are not to be seen."""
    from maze_tasks.cli.counting import Count, Tally, counted, streams_to_terminal

    tally, doing = Tally(), "looking at" if check else "writing"
    return counted(tally.over(outcomes), lambda: Count(doing, tally.done, "files", files), quiet=streams_to_terminal())


def _tell(one: FileOutcome, *, quiet: bool) -> None:
    from maze_tasks.cli.output import named, tell, warn
    from maze_tasks.cli.patching import say_refused

    for note in one.notes:
        warn(f"{named(one.path)}: {note}")
    if one.reason is not None:
        say_refused(one.path, one.reason)
    elif not quiet:
        fills = f" ({len(one.holes)} fills)" if len(one.holes) > 1 else ""
        tell(f"{_WORDS[one.status]}: {named(one.path)}{fills}")


def _tell_sum(counts: Counter[str], *, quiet: bool) -> None:
    from maze_tasks.cli.output import say, tell

    parts = [f"{counts[status]} {word}" for status, word in (*_WORDS.items(), ("refused", "refused")) if counts[status]]
    (say if quiet else tell)(f"files: {', '.join(parts) or 'none'}")
