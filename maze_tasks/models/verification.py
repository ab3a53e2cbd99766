"""How a hole wants its fill to be judged."""

from __future__ import annotations

from pydantic import Field

from maze_tasks.models.reading import Shape


class HoleCheck(Shape):
    """What a hole says of its verification.

    `profile` names a profile of the worker's configuration, where it is not the run's; `values` stand for the
    placeholders of its command, a text or a list of texts each.
    """

    profile: str | None = Field(default=None, min_length=1, max_length=100)
    values: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
