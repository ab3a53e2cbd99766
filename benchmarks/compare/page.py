"""A page of the documentation whose tables are what was measured."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_PLACE = re.compile(r"(<!-- compare: (\w+) -->\n)(?:\n```text\n.*?^```\n)?", re.DOTALL | re.MULTILINE)


def with_tables(page: str, tables: Mapping[str, Sequence[str]]) -> str:
    """The page with the lines of each table behind its mark, ``<!-- compare: NAME -->``.

    Args:
        page: its text; what stood behind a mark is replaced.
        tables: lines by name; a mark of another name stays without a table.
    """

    def put(found: re.Match[str]) -> str:
        lines = tables.get(found[2])
        return found[1] + ("\n```text\n" + "\n".join(lines) + "\n```\n" if lines else "")

    return _PLACE.sub(put, page)
