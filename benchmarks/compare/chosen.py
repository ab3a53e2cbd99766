"""What a comparison is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.compare.contenders import Contender

QUICK = 50  # a quick run has that many times fewer holes
LEAST = 40
SIZES = (1_000, 10_000, 100_000)


@dataclass(frozen=True)
class Chosen:
    """Options of the command line.

    Args:
        contenders: who is there; the first is ours.
        rounds: how often each is measured.
        scale: what numbers of holes are multiplied with.
        sizes: of the runs whose cost a hole is compared.
    """

    contenders: tuple[Contender, ...]
    rounds: int
    scale: float
    sizes: tuple[int, ...] = SIZES

    def size(self, holes: int) -> int:
        """How many holes of what a whole run has."""
        return max(LEAST, round(holes * self.scale))

    def warm(self, slots: int, processes: int = 2) -> int:
        """Holes to fill ahead: enough for every slot to have made its connection."""
        return min(self.size(10_000), max(LEAST, 4 * slots * processes))
