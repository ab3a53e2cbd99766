"""`maze diff`: the fills of a run as a patch."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from maze_tasks.cli.options import State, config_option, pass_state


@click.command(name="diff")
@click.argument("run")
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    help="The source tree; by default the one that was scanned, or this folder.",
)
@config_option
@pass_state
def command(state: State, run: str, *, root: Path | None) -> None:
    """Show the fills of RUN as a patch that `git apply` takes; nothing is written.

    Its paths are relative to the top of the git checkout that the tree is part of, or else to the tree's root.
    What has changed since the scan is left out, with a message and exit code 1.
    """
    from maze_tasks.cli.counting import Count, Tally, counted, streams_to_terminal
    from maze_tasks.cli.output import ExitCode, say
    from maze_tasks.cli.patching import opened, say_refused
    from maze_tasks.patching import diff_patch

    refused = 0
    with opened(state.settings(), run, root, writing=False) as (checkout, plan, journal):
        tally, files = Tally(), plan.count_files()
        top, below = checkout.within()
        if below:
            say(f"paths are relative to {top}")
        diffs = tally.over(diff_patch(checkout, plan, journal, below=below))
        quiet = streams_to_terminal()
        for one in counted(diffs, lambda: Count("comparing", tally.done, "files", files), quiet=quiet):
            if one.refusal is not None:
                refused += 1
                say_refused(one.path, one.refusal.reason)
            _write(one.text)
    click.get_current_context().exit(ExitCode.NOT_FILLED if refused else ExitCode.DONE)


def _write(patch: bytes) -> None:
    """A part of the patch on stdout: byte for byte into a pipe or a file, harmless on a terminal."""
    from maze_tasks.cli.output import shown
    from maze_tasks.errors import MazeError

    if sys.stdout.isatty():
        text = patch.decode(sys.stdout.encoding, errors="backslashreplace")
        patch = "\t".join(map(shown, text.split("\t"))).encode(sys.stdout.encoding, errors="backslashreplace")
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(patch)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise MazeError(f"cannot write the output: {error.strerror}") from None
