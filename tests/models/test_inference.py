from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from maze_tasks.models import InferenceRequest, InferenceResponse, speed_confidence


def response(tokens: int, time_per_token_us: float, avg_constraint_check_us: float) -> InferenceResponse:
    return InferenceResponse.model_validate(
        {
            "generated_text": "x",
            "tokens_generated": tokens,
            "model": "m",
            "stats": {
                "total_time_ms": 1,
                "time_per_token_us": time_per_token_us,
                "constraint_checks": 1,
                "avg_constraint_check_us": avg_constraint_check_us,
            },
        }
    )


@pytest.mark.parametrize(
    ("time_per_token_us", "avg_constraint_check_us", "expected"),
    [(10000, 50, 0.38), (20000, 33, 0.3868), (0, 0, 1.0), (2500, 125, 0.8), (10000, 1000, 0.0)],
)
def test_confidence_says_how_fast_the_server_was(
    time_per_token_us: float, avg_constraint_check_us: float, expected: float
) -> None:
    reply = response(10, time_per_token_us, avg_constraint_check_us)
    assert reply.confidence() == pytest.approx(expected, abs=1e-12)


def test_nothing_generated_earns_no_confidence() -> None:
    assert response(0, 0, 0).confidence() == 0.0


@given(st.integers(0, 10**6), st.floats(0, 1e12), st.floats(0, 1e12))
def test_confidence_lies_between_0_and_1(tokens: int, per_token: float, per_check: float) -> None:
    assert 0.0 <= speed_confidence(tokens, per_token, per_check) <= 1.0


def test_a_request_carries_any_constraints_and_a_context_with_metadata() -> None:
    request = InferenceRequest.model_validate(
        {
            "prompt": "p",
            "constraints": [{"a": None}, "text"],
            "context": {"current_file": "a.py", "metadata": {"k": None, "n": 1}},
        }
    )
    written = request.model_dump(mode="json")
    assert written["constraints"] == [{"a": None}, "text"]
    assert written["context"] == {
        "current_file": "a.py",
        "language": None,
        "project_root": None,
        "metadata": {"k": None, "n": 1},
    }


def test_counts_of_a_server_stay_whole_numbers() -> None:
    stats = response(1, 5, 6).model_dump(mode="json")["stats"]
    assert {type(value) for value in stats.values()} == {int}


@pytest.mark.parametrize("tokens", [-1, 1.5, "3"])
def test_a_reply_with_impossible_counts_is_refused(tokens: int) -> None:
    with pytest.raises(ValidationError):
        response(tokens, 1, 1)
