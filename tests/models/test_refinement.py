from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from maze_tasks.models import FailureStrategy, RefinementConfig, RefinementResult, explain


@pytest.mark.parametrize("strategy", list(FailureStrategy))
def test_each_failure_strategy_is_read(strategy: FailureStrategy) -> None:
    assert RefinementConfig.model_validate({"failure_strategy": strategy.value}).failure_strategy is strategy


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"max_iterations": 0}, "max_iterations"),
        ({"min_confidence": 1.1}, "min_confidence"),
        ({"min_confidence": float("nan")}, "min_confidence"),
        ({"temperature_schedule": [0.5, -0.1]}, "temperature_schedule[1]"),
        ({"failure_strategy": "Retry"}, "failure_strategy"),
        ({"parallel_fill": 1}, "parallel_fill"),
    ],
)
def test_wrong_settings_are_refused_by_name(wrong: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError) as caught:
        RefinementConfig.model_validate(wrong)
    assert [each for each, _ in explain(caught.value)] == [place]


def test_the_schedule_of_temperatures_may_be_empty() -> None:
    assert RefinementConfig(temperature_schedule=()).temperature_schedule == ()


def test_a_result_keeps_64_bit_ids_exactly() -> None:
    state = {"id": 2**64 - 1, "scale": "block", "origin": "a.py:1:1", "status": "NeedsHuman", "parent_id": 2**53 + 1}
    result = RefinementResult.model_validate(
        {"code": "c", "holes": [state], "needs_review": [2**64 - 1, "x"], "metadata": {"model_usage": {"m": 2}}}
    )
    again = RefinementResult.model_validate_json(result.model_dump_json())
    assert again == result
    assert again.needs_review == (2**64 - 1, "x")
    assert again.holes[0].parent_id == 2**53 + 1
