"""What the preprocessor of C and C++ does to a place: leaves it out, or takes it for the text of a macro."""

from __future__ import annotations

import re
from typing import Final

from maze_tasks.source.descent import Spot

_DEFINITION: Final = re.compile(rb"[ \t]*#[ \t]*define\b")
_LONGEST: Final = 500  # lines of a macro that are looked back over
_CONDITIONS: Final = frozenset({"preproc_if", "preproc_elif"})


def is_code(spot: Spot) -> bool:
    """Whether a place is compiled where it stands: not below ``#if 0``, nor within a ``#define``."""
    if spot.tree.language not in ("c", "cpp"):
        return True
    if _is_definition(spot.tree.data, spot.node.start_byte):
        return False
    for node, within in zip(spot.nodes, spot.nodes[1:], strict=False):
        if node.type in _CONDITIONS and within != node.child_by_field_name("alternative"):
            condition = node.child_by_field_name("condition")
            if condition is not None and spot.tree.text(condition).strip(b"() \t") == b"0":
                return False
    return True


def _is_definition(data: bytes, offset: int) -> bool:
    """Whether a line, with those that it continues, is a ``#define``; the tree shows not every one as such."""
    begin = data.rfind(b"\n", 0, offset) + 1
    for _ in range(_LONGEST):
        if not data[max(begin - 3, 0) : begin].endswith((b"\\\n", b"\\\r\n")):
            break
        begin = data.rfind(b"\n", 0, begin - 1) + 1
    return _DEFINITION.match(data, begin) is not None
