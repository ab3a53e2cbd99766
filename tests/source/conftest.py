"""Scanning texts in tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from maze_tasks.models import Hole, HoleState, Place
from maze_tasks.source.scanner import scan


@dataclass(frozen=True)
class Seen:
    """A hole with the text that it was found in."""

    hole: Hole
    data: bytes

    @property
    def state(self) -> HoleState:
        assert self.hole.state is not None
        return self.hole.state

    @property
    def place(self) -> Place:
        assert self.hole.place is not None
        return self.hole.place

    @property
    def cut(self) -> str:
        """What a fill replaces."""
        return self.data[self.place.start : self.place.end].decode(self.place.encoding)

    def filled(self, code: str) -> str:
        """The text with a fill, as a hole promises: prefix, code, suffix."""
        return f"{self.hole.prefix}{code}{self.hole.suffix}"

    @property
    def short(self) -> tuple[str, str, str]:
        return self.place.kind, str(self.state.scale), self.cut


Scan = Callable[..., list[Seen]]


@pytest.fixture(name="seen")
def _seen() -> Scan:
    """Holes of a text of a language."""

    def holes(language: str, text: str | bytes, *, path: str = "a", todo: bool = False) -> list[Seen]:
        data = text.encode() if isinstance(text, str) else text
        return [Seen(hole, data) for hole in scan(path, data, language, todo=todo)]

    return holes
