"""Holes that depend on holes: whether they can be ordered at all, and what a failed one means for the others."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence

from maze_tasks.models.refinement import FailureStrategy
from maze_tasks.models.runs import TERMINAL_STATUSES, HoleStatus
from maze_tasks.names import HoleId

Graph = Mapping[HoleId, Sequence[HoleId]]  # hole → the holes it depends on; holes without any may be left out

# How a hole ends that depends on one without a fill; a strategy that is not named here tries it all the same.
_FATES: dict[FailureStrategy, HoleStatus] = {
    FailureStrategy.SKIP: "skipped",
    FailureStrategy.HUMAN_REVIEW: "needs_review",
}


def unknown_dependency(graph: Graph, known: Container[HoleId]) -> tuple[HoleId, HoleId] | None:
    """The first hole that depends on one that is not there, with the latter's id; None where all are."""
    return next(((hole, other) for hole, others in graph.items() for other in others if other not in known), None)


def cycle(graph: Graph) -> list[HoleId] | None:
    """Holes that depend on one another in a circle, in order; None where there is no circle.

    Depth first, without recursion: a chain may be as long as the batch.
    """
    done: set[HoleId] = set()
    for start in graph:
        path: list[HoleId] = []
        on_path: set[HoleId] = set()
        stack: list[tuple[HoleId, bool]] = [(start, False)]
        while stack:
            hole, left = stack.pop()
            if left:
                path.pop()
                on_path.discard(hole)
                done.add(hole)
            elif hole in on_path:
                return path[path.index(hole) :]
            elif hole not in done:
                path.append(hole)
                on_path.add(hole)
                stack.append((hole, True))
                stack.extend((other, False) for other in graph.get(hole, ()))
    return None


def never_ready(graph: Graph, known: Collection[HoleId]) -> dict[HoleId, HoleId]:
    """Holes whose dependencies can never be kept, each with the one that shows it.

    Those depend on a hole that is not there, on one another in a circle, or on such a hole.

    Args:
        graph: holes and what they depend on.
        known: the holes that are there.

    Returns:
        In the order of the graph: of each, one that it depends on: one that is not there, if there is such a one.
    """
    freed: dict[HoleId, list[HoleId]] = {}
    missing = {hole: len(set(others)) for hole, others in graph.items()}
    for hole, others in graph.items():
        for other in set(others):
            freed.setdefault(other, []).append(hole)
    ready = [hole for hole in known if not missing.get(hole)]
    while ready:
        for hole in freed.get(ready.pop(), ()):
            missing[hole] -= 1
            if not missing[hole]:
                ready.append(hole)
    stuck = [hole for hole, count in missing.items() if count]
    return {hole: _in_the_way(graph[hole], known, missing) for hole in stuck}


def _in_the_way(others: Sequence[HoleId], known: Collection[HoleId], missing: Mapping[HoleId, int]) -> HoleId:
    unknown = next((other for other in others if other not in known), None)
    return next(other for other in others if missing.get(other)) if unknown is None else unknown


def fate(statuses: Iterable[HoleStatus], strategy: FailureStrategy, *, is_part: bool = False) -> HoleStatus | None:
    """What becomes of a hole, by what became of those it depends on.

    Args:
        statuses: of the holes it depends on.
        strategy: the run's.
        is_part: whether the hole is a part of another, which waits for the part ahead of it: without that one the
            whole has no fill, and nothing more is spent on it.

    Returns:
        ``pending`` where it is to be tried now, None where it must wait, or the status it ends with.
    """
    known = list(statuses)
    if any(status not in TERMINAL_STATUSES for status in known):
        return None
    if all(status == "filled" for status in known):
        return "pending"
    return "skipped" if is_part else _FATES.get(strategy, "pending")
