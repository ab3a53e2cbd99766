"""What can be known about a fill without running it. Pure."""

from maze_tasks.validation.checking import check
from maze_tasks.validation.findings import Fill, Finding, verdict
from maze_tasks.validation.likeness import likeness
from maze_tasks.validation.normal import take_apart
from maze_tasks.validation.static import MAX_FILL_CHARS, normalise, reject_reason

# Raised whenever a reply may be taken apart or judged otherwise than before: what was kept of older ones is not used.
NORMALISER_VERSION = 1

__all__ = [
    "MAX_FILL_CHARS",
    "NORMALISER_VERSION",
    "Fill",
    "Finding",
    "check",
    "likeness",
    "normalise",
    "reject_reason",
    "take_apart",
    "verdict",
]
