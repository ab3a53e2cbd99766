"""What can be known about a fill without running it. Pure."""

from maze_tasks.validation.checking import check
from maze_tasks.validation.findings import Fill, Finding, verdict
from maze_tasks.validation.likeness import likeness
from maze_tasks.validation.normal import take_apart
from maze_tasks.validation.static import MAX_FILL_CHARS, normalise, reject_reason

__all__ = [
    "MAX_FILL_CHARS",
    "Fill",
    "Finding",
    "check",
    "likeness",
    "normalise",
    "reject_reason",
    "take_apart",
    "verdict",
]
