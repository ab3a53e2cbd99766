"""Which profile judges the fills of a hole by running a command."""

from __future__ import annotations

from maze_tasks.models import Hole
from maze_tasks.models.runs import RunRules


def profile_of(hole: Hole, rules: RunRules) -> str | None:
    """The profile that judges the fills of a hole, None where none does.

    A hole may name another profile than the run's; without a tree there is nothing to judge on, and a part of a
    divided hole is judged with the whole.
    """
    if rules.snapshot is None or hole.place is None or hole.part is not None:
        return None
    return hole.verify.profile if hole.verify is not None and hole.verify.profile else rules.verify
