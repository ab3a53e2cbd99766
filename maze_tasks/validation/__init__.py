"""What can be known about a fill without running it. Pure."""

from maze_tasks.validation.static import normalise, reject_reason

__all__ = ["normalise", "reject_reason"]
