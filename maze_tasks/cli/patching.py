"""What `maze diff` and `maze apply` share: a run's fills, the tree they belong to, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from maze_tasks.cli.output import fail, named, say, warn

if TYPE_CHECKING:
    from maze_tasks.config import Settings
    from maze_tasks.patching import Checkout, Journal, PatchPlan


@contextmanager
def opened(
    settings: Settings, run: str, root: Path | None, *, writing: bool
) -> Iterator[tuple[Checkout, PatchPlan, Journal]]:
    """The tree, the fills of a run, and the run's journal; what has no place in a tree is told.

    Args:
        settings: the configuration.
        run: name of the run.
        root: the tree; None means the one that the run's holes were scanned from, or else this folder.
        writing: whether the journal is made where it is missing.

    Raises:
        Refused: no such run or tree, none of the run's fills has a place, or another command is at work with it.
        ServiceUnavailable: Redis cannot be reached or started.
    """
    from maze_tasks import control
    from maze_tasks.cli.counting import Count, Tally, counting
    from maze_tasks.patching import Checkout, Journal, plan_patch
    from maze_tasks.project import open_project

    with ExitStack() as stack:
        if root is not None:
            checkout = stack.enter_context(Checkout(root))
        with open_project(settings) as project:  # not held while the tree is worked on
            status = control.status(project.store, run)
            if root is None:
                checkout = stack.enter_context(Checkout(control.tree_of(project.store, run)))
            tally = Tally()
            with counting(lambda: Count("reading fills", tally.done, "holes", status.holes)):
                plan = stack.enter_context(plan_patch(tally.over(control.fills(project.store, run))))
        if not status.ended:
            say(f"run {run} is {status.state}: what is filled later is for another time")
        _tell_left_out(plan, run)
        journal = stack.enter_context(Journal.open(settings.state_dir, run, writing=writing))
        yield checkout, plan, journal


def tree_of(settings: Settings, run: str) -> Path:
    """The folder that a run's holes were scanned from; this one where nobody knows, or no server can be asked."""
    from maze_tasks import control
    from maze_tasks.errors import ServiceUnavailable
    from maze_tasks.project import open_project

    with suppress(ServiceUnavailable), open_project(settings) as project:
        return control.tree_of(project.store, run)
    return Path()


def say_refused(path: str, reason: str) -> None:
    """Say on stderr that a file is left alone."""
    fail(f"{named(path)}: {reason}")


def _tell_left_out(plan: PatchPlan, run: str) -> None:
    """Say which holes the patch lacks.

    Raises:
        Refused: it lacks all that are filled.
    """
    from maze_tasks.errors import Refused

    if plan.placeless and not plan.fills:
        raise Refused(f"no fill of run {run} has a place in a source tree; `maze results {run} --json` shows them")
    if plan.placeless:
        named = ", ".join(str(one) for one in plan.placeless_ids)
        more = ", ..." if plan.placeless > len(plan.placeless_ids) else ""
        warn(f"fills without a place in a source tree, passed over: {plan.placeless} ({named}{more})")
    if plan.unfilled:
        say(f"holes that are not filled: {plan.unfilled}")
