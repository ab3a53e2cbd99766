"""How much a fill changes of what stood in its place."""

from __future__ import annotations

import re
from collections import Counter

_TOKEN = re.compile(r"\w+|[^\w\s]")


def change(before: str, after: str) -> int:
    """How many tokens stand in one of two texts and not in the other; white space and order do not count.

    A count of words rather than an edit distance: it takes linear time whatever a model answers, and ranks only.

    Args:
        before: what stands there now, empty where nothing does.
        after: the fill.
    """
    old, new = Counter(_TOKEN.findall(before)), Counter(_TOKEN.findall(after))
    return (old - new).total() + (new - old).total()
