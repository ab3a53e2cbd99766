"""Refinement in rounds: its settings and what it gives (CONTRACTS section 1)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from maze_tasks.models.holes import HoleState
from maze_tasks.models.reading import U64, Flag, Id, NonNegative, Number, Positive, Real, Shape, choice


class FailureStrategy(StrEnum):
    """What follows when a hole's candidates are used up."""

    SKIP = "Skip"
    DECOMPOSE = "Decompose"
    HUMAN_REVIEW = "HumanReview"
    RETRY_ALTERNATE = "RetryAlternate"


class RefinementConfig(Shape):
    """How holes are refined; `min_confidence` binds only where a real confidence was measured."""

    max_iterations: Positive = 10
    min_confidence: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1)] = 0.8
    parallel_fill: Flag = True
    temperature_schedule: tuple[NonNegative, ...] = (0.9, 0.7, 0.5, 0.3, 0.1)
    failure_strategy: Annotated[FailureStrategy, choice(FailureStrategy, "failure strategy")] = (
        FailureStrategy.RETRY_ALTERNATE
    )
    enable_diffusion: Flag = False


class RefinementMetadata(Shape):
    """Counts of one refinement; `model_usage` holds accepted fills by model."""

    total_time_ms: Number = 0
    successful_fills: U64 = 0
    failed_fills: U64 = 0
    skipped_holes: U64 = 0
    avg_confidence: Real = 0.0
    iterations: U64 = 0
    model_usage: dict[str, U64] = Field(default_factory=dict)


class RefinementResult(Shape):
    """What a refinement gives: the code with its fills, and every hole's state."""

    code: str
    holes: tuple[HoleState, ...] = ()
    complete: Flag = False
    needs_review: tuple[Id, ...] = ()
    iterations: U64 = 0
    metadata: RefinementMetadata = RefinementMetadata()
