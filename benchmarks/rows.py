"""Rows of recorded data: from the folder that a command names, else those that lie in the repository."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

SHIPPED = Path(__file__).parent / "data"


class Unusable(Exception):  # noqa: N818 - it names what the data is
    """Data or a machine that a benchmark cannot run with; the message says what to do."""


def rows(name: str, folder: Path | None = None) -> list[dict[str, Any]]:
    """The rows of a file of JSON lines, packed (``NAME.jsonl.gz``) or not (``NAME.jsonl``).

    Args:
        name: of the file, without its suffix.
        folder: where it lies; None is the repository's own.

    Raises:
        Unusable: it is not there, or a line is no JSON object.
    """
    place = folder or SHIPPED
    plain, packed = place / f"{name}.jsonl", place / f"{name}.jsonl.gz"
    if plain.is_file():
        text = plain.read_text(encoding="utf-8")
    elif packed.is_file():
        text = gzip.decompress(packed.read_bytes()).decode()
    else:
        raise Unusable(f"{place} has neither {plain.name} nor {packed.name}: --data names another folder")
    return [_row(line, place / name, number) for number, line in enumerate(text.split("\n"), 1) if line]


def _row(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise Unusable(f"{path}, line {number}: not JSON: {error}") from None
    if not isinstance(row, dict):
        raise Unusable(f"{path}, line {number}: not an object")
    return row
