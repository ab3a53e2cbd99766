"""What a refinement gives: the text with its fills, and the states of its holes. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Final

from maze_tasks.decide.tokens import temperature
from maze_tasks.models import FillAttempt, Hole, HoleState, HoleStateStatus, RefinementMetadata, RefinementResult
from maze_tasks.models.runs import Attempt, HoleResult, HoleStatus
from maze_tasks.names import HoleId
from maze_tasks.placing import marker_offset, origin_of, position
from maze_tasks.source.patcher import Patched, patch

STATUSES: Final[dict[HoleStatus, HoleStateStatus]] = {
    "pending": HoleStateStatus.PENDING,
    "in_progress": HoleStateStatus.IN_PROGRESS,
    "filled": HoleStateStatus.FILLED,
    "failed": HoleStateStatus.FAILED,
    "skipped": HoleStateStatus.SKIPPED,
    "needs_review": HoleStateStatus.NEEDS_HUMAN,
}
# Why a fill was not taken that had passed every check.
_SOUND: Final = frozenset({"not_selected", "low_confidence"})


def refined(
    code: str,
    holes: Sequence[Hole],
    results: Mapping[HoleId, HoleResult],
    settled: Mapping[HoleId, HoleStatus],
    schedule: Sequence[float],
    *,
    total_ms: int,
) -> RefinementResult:
    """The result of a refinement.

    Args:
        code: the text that the holes are in, as it was handed in.
        holes: all of its holes, in order, and parts of those that were divided.
        results: what became of those that were tried.
        settled: how those stand that were not: they came with a fill or an end, or depend on one without a fill.
        schedule: temperatures by round.
        total_ms: how long it took, in milliseconds.
    """
    states = [_state(hole, results.get(hole.id), settled.get(hole.id), schedule) for hole in holes]
    fills = {one.id: one.current_fill for one in states if _is_filled(one) and one.current_fill is not None}
    data = code.encode()
    whole = [hole for hole in holes if hole.part is None]
    placed = [(hole.place, fills[hole.id]) for hole in whole if hole.place is not None and hole.id in fills]
    patched = patch(data, placed)
    moved = _moved(data, whole, patched, frozenset(fills))
    states = [one.model_copy(update={"origin": moved[one.id]}) if one.id in moved else one for one in states]
    rounds = 1 + max((one.round for result in results.values() for one in result.attempts), default=-1)
    return RefinementResult(
        code=patched.data.decode(),
        holes=tuple(states),
        complete=all(map(_is_filled, states)),
        needs_review=tuple(one.id for one in states if one.status is HoleStateStatus.NEEDS_HUMAN),
        iterations=rounds,
        metadata=_metadata(states, list(results.values()), rounds, total_ms),
    )


def _is_filled(state: HoleState) -> bool:
    return state.status is HoleStateStatus.FILLED


def _state(hole: Hole, result: HoleResult | None, settled: HoleStatus | None, schedule: Sequence[float]) -> HoleState:
    assert hole.state is not None
    if result is None:
        return hole.state.model_copy(update={"status": STATUSES[settled or "pending"]})
    made = [_attempt(one, hole, schedule) for one in result.attempts]
    known = {
        "status": _status(result),
        "attempts": (*hole.state.attempts, *made),
        "current_fill": result.code if result.status == "filled" else hole.state.current_fill,
        "confidence": result.confidence or 0.0,
        "child_ids": result.child_ids,
    }
    return hole.state.model_copy(update=known)


def _status(result: HoleResult) -> HoleStateStatus:
    if result.status == "pending" and result.child_ids:
        return HoleStateStatus.PENDING_CHILDREN
    return STATUSES[result.status]


def _attempt(attempt: Attempt, hole: Hole, schedule: Sequence[float]) -> FillAttempt:
    error = attempt.error
    heat = temperature(schedule, attempt.round) if hole.temperature is None else hole.temperature
    return FillAttempt(
        code=attempt.code or "",
        confidence=attempt.confidence or 0.0,
        temperature=float(heat),
        model=attempt.model,
        timestamp=attempt.at,
        validation_passed=attempt.usable and (error is None or error.kind in _SOUND),
        error=f"{error.kind}: {error.message}" if error else None,
    )


def _moved(data: bytes, holes: Sequence[Hole], patched: Patched, filled: frozenset[HoleId]) -> dict[HoleId, str]:
    """Origins in the text with its fills of the holes that have none, where they had one with a line."""
    found: dict[HoleId, str] = {}
    for hole in holes:
        if hole.place is None or hole.id in filled or origin_of(hole).line is None:
            continue
        offset, shift = marker_offset(data, hole.place), 0
        for piece in patched.pieces:
            if piece.start - shift < hole.place.start:
                shift += piece.end - piece.start - len(piece.original)
        line, column = position(patched.data, offset + shift)
        found[hole.id] = f"{hole.place.path}:{line}:{column}"
    return found


def _metadata(
    states: Sequence[HoleState], results: Sequence[HoleResult], rounds: int, total_ms: int
) -> RefinementMetadata:
    counts = Counter(one.status for one in states)
    given = [one for one in results if one.status == "filled" and not one.child_ids]  # by a model, not by parts
    measured = [one.confidence for one in given if one.confidence is not None]
    return RefinementMetadata(
        total_time_ms=total_ms,
        successful_fills=counts[HoleStateStatus.FILLED],
        failed_fills=counts[HoleStateStatus.FAILED],
        skipped_holes=counts[HoleStateStatus.SKIPPED],
        avg_confidence=fmean(measured) if measured else 0.0,
        iterations=rounds,
        model_usage=dict(Counter(one.model for one in given if one.model)),
    )
