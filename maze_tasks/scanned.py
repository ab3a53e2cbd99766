"""The holes of a source tree as hole lines in a temporary file, so that they can be read as often as any input."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from maze_tasks.errors import MazeError
from maze_tasks.leftovers import hold, sweep

if TYPE_CHECKING:
    from maze_tasks.source.tree import Skipped, Summary

_PREFIX = "maze-scan-"


@contextmanager
def scanned_lines(source: Path, summary: Summary, on_skip: Callable[[Skipped], None]) -> Iterator[Path]:
    """A file with the hole lines of a source tree, removed with the block.

    Args:
        source: a folder, or one file.
        summary: counts what is seen.
        on_skip: told of everything that is passed over.

    Raises:
        InputError: it cannot be read.
        Refused: what reads source code is not installed.
        MazeError: there is no room for the file.
    """
    from maze_tasks.source.illuminated import scan_with_context
    from maze_tasks.source.scanner import line_of
    from maze_tasks.source.tree import Choice

    sweep(_PREFIX)
    with ExitStack() as stack:
        with _translated():
            lines = stack.enter_context(
                tempfile.NamedTemporaryFile("w", suffix=".jsonl", prefix=_PREFIX, encoding="utf-8")
            )
            hold(lines.fileno())
            for hole in scan_with_context(source, Choice(), summary, on_skip):
                lines.write(json.dumps(line_of(hole)) + "\n")
            lines.flush()
        yield Path(lines.name)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MazeError(f"cannot keep the holes of the tree in a temporary file: {error.strerror}") from None
