"""The holes of a source tree as hole lines in a temporary file, so that they can be read as often as any input."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maze_tasks.source.tree import Summary

logger = logging.getLogger(__name__)


@contextmanager
def scanned_lines(source: Path | None, summary: Summary | None = None) -> Iterator[Path | None]:
    """A file with the hole lines of a folder, removed with the block; None where the source is no folder.

    Args:
        source: what was named as input.
        summary: counts what is seen.

    Raises:
        InputError: the folder cannot be read.
        Refused: what reads source code is not installed.
    """
    if source is None or not source.is_dir():
        yield None
        return
    from maze_tasks.source.illuminated import scan_with_context
    from maze_tasks.source.scanner import line_of
    from maze_tasks.source.tree import Choice, Skipped, Summary

    seen = summary if summary is not None else Summary()

    def report(skipped: Skipped) -> None:
        if skipped.detail:
            logger.warning("%s: %s: %s", skipped.path, skipped.reason, skipped.detail)

    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", prefix="maze-scan-", encoding="utf-8") as lines:
        for hole in scan_with_context(source, Choice(), seen, report):
            lines.write(json.dumps(line_of(hole)) + "\n")
        lines.flush()
        yield Path(lines.name)
