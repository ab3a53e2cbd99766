"""The fills of a run as a patch, a file at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from maze_tasks.names import HoleId
from maze_tasks.patching.applying import wanted
from maze_tasks.patching.checkout import Checkout
from maze_tasks.patching.journal import Journal
from maze_tasks.patching.planning import PatchPlan
from maze_tasks.source.patcher import PatchRefused
from maze_tasks.source.unified import unified_diff


@dataclass(frozen=True, slots=True)
class FileDiff:
    """The patch of one file.

    Args:
        path: the file, relative to the root of the tree.
        text: its part of the patch; empty where there is nothing to change, or it is refused.
        holes: ids of the holes whose fills it takes.
        refusal: why it is left out, if it is.
    """

    path: str
    text: bytes = field(repr=False)
    holes: tuple[HoleId, ...] = ()
    refusal: PatchRefused | None = None


def diff_patch(checkout: Checkout, plan: PatchPlan, journal: Journal, *, below: str = "") -> Iterator[FileDiff]:
    """What `apply_patch` would do, as a patch that ``git apply`` takes.

    Args:
        checkout: the tree, which is only read.
        plan: the fills.
        journal: the run's: of a file with some fills already, the patch adds the others.
        below: what the patch's paths begin with, such as ``src/``: git takes them as relative to the top of the
            checkout wherever in it `git apply` is called, and silently skips what is not there.
    """
    for one in plan.files():
        try:
            with checkout.open(one.path) as file:
                _, patched = wanted(file, one, journal)
                text = unified_diff(os.fsencode(below + one.path), file.data, patched.data)
                yield FileDiff(one.path, text, one.holes)
        except PatchRefused as refusal:
            yield FileDiff(one.path, b"", one.holes, refusal)
