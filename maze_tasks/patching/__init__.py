"""Fills into a source tree: shown as a patch, written, and taken out again."""

from maze_tasks.patching.applying import FileOutcome, apply_patch, reverse_patch
from maze_tasks.patching.checkout import Checkout
from maze_tasks.patching.journal import Journal
from maze_tasks.patching.planning import PatchPlan, plan_patch
from maze_tasks.patching.showing import FileDiff, diff_patch

__all__ = [
    "Checkout",
    "FileDiff",
    "FileOutcome",
    "Journal",
    "PatchPlan",
    "apply_patch",
    "diff_patch",
    "plan_patch",
    "reverse_patch",
]
