"""Figures of several rounds: medians, spreads, ratios within a round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Spread:
    """What several rounds gave.

    Args:
        middle: the median.
        low, high: the least and the most.
    """

    middle: float
    low: float
    high: float

    def shown(self, digits: int = 0) -> str:
        """As text: ``median (low to high)``."""
        return f"{self.middle:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


def spread(values: Sequence[float]) -> Spread:
    """The spread of at least one value."""
    return Spread(median(values), min(values), max(values))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """The spread of the ratio within each round: what slows a whole round down slows both.

    Args:
        ours: a figure for each round.
        theirs: those of the same rounds, in the same order.
    """
    return spread([mine / other for mine, other in zip(ours, theirs, strict=True)])


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
