from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from maze_tasks.models import (
    Binding,
    ConstraintIR,
    EnsembleConfig,
    FillAttempt,
    FillConstraint,
    Grammar,
    HoleSpec,
    HoleState,
    InferenceRequest,
    InferenceResponse,
    JsonSchema,
    ModelEndpoint,
    ModelMetrics,
    RefinementConfig,
    RefinementResult,
    RegexPattern,
    RoutingDecision,
    Shape,
    TypeInhabitationData,
    did_you_mean,
    explain,
    known_fields,
)
from maze_tasks.models.reading import field_path

ATTEMPT = {
    "code": "x",
    "confidence": 0.5,
    "temperature": 0.7,
    "model": "m",
    "timestamp": 1700000000,
    "validation_passed": True,
}
STATS = {"total_time_ms": 1, "time_per_token_us": 2, "constraint_checks": 3, "avg_constraint_check_us": 4}

# Of each shape: the least that is required, and what every other field holds when it is missing.
SHAPES: list[tuple[type[Shape], dict[str, Any], dict[str, Any]]] = [
    (
        HoleSpec,
        {"hole_id": 1},
        {"fill_schema": None, "fill_grammar": None, "fill_constraints": [], "grammar_ref": None},
    ),
    (FillConstraint, {"kind": "security", "value": "v"}, {"error_message": None}),
    (JsonSchema, {"schema_type": "object"}, {"properties": {}, "required": [], "additional_properties": False}),
    (Grammar, {"rules": [], "start_symbol": "s"}, {}),
    (
        ConstraintIR,
        {},
        {
            "name": "unnamed",
            "json_schema": None,
            "grammar": None,
            "regex_patterns": [],
            "token_masks": None,
            "type_inhabitation": None,
            "priority": 0,
            "rich_context": None,
            "feasibility_score": 0.0,
            "is_feasible": True,
        },
    ),
    (RegexPattern, {"pattern": "a"}, {"flags": ""}),
    (Binding, {"name": "a", "type_sig": "int"}, {}),
    (
        TypeInhabitationData,
        {"goal_type": "int"},
        {"current_type": None, "bindings": [], "token_mask": None, "language": "typescript"},
    ),
    (
        HoleState,
        {"id": 1, "scale": "nano", "origin": "a.py:1:1", "status": "Pending"},
        {
            "expected_type": None,
            "constraints": [],
            "current_fill": None,
            "confidence": 0.0,
            "attempts": [],
            "depends_on": [],
            "parent_id": None,
            "child_ids": [],
        },
    ),
    (FillAttempt, ATTEMPT, {"error": None}),
    (
        EnsembleConfig,
        {},
        {"endpoints": [], "fallback_enabled": True, "best_of_n": None, "max_fallback_attempts": 3},
    ),
    (RoutingDecision, {"primary_model": "a", "reason": "r"}, {"fallback_models": []}),
    (
        ModelMetrics,
        {},
        {
            "requests": 0,
            "successes": 0,
            "failures": 0,
            "total_latency_ms": 0.0,
            "avg_confidence": 0.0,
            "accepted": 0,
            "failure_latency_ms": 0.0,
            "repeated": 0,
            "cached": 0,
            "saved_usd": 0.0,
            "repeated_usd": 0.0,
            "unsettled_usd": 0.0,
            "cost_usd": 0.0,
        },
    ),
    (
        RefinementConfig,
        {},
        {
            "max_iterations": 10,
            "min_confidence": 0.8,
            "parallel_fill": True,
            "temperature_schedule": [0.9, 0.7, 0.5, 0.3, 0.1],
            "failure_strategy": "RetryAlternate",
            "enable_diffusion": False,
        },
    ),
    (
        RefinementResult,
        {"code": "c"},
        {
            "holes": [],
            "complete": False,
            "needs_review": [],
            "iterations": 0,
            "metadata": {
                "total_time_ms": 0,
                "successful_fills": 0,
                "failed_fills": 0,
                "skipped_holes": 0,
                "avg_confidence": 0.0,
                "iterations": 0,
                "model_usage": {},
            },
        },
    ),
    (InferenceRequest, {"prompt": "p"}, {"constraints": None, "max_tokens": 256, "temperature": 0.7, "context": None}),
    (
        InferenceResponse,
        {"generated_text": "g", "tokens_generated": 1, "model": "m", "stats": STATS},
        {},
    ),
    (
        ModelEndpoint,
        {"endpoint_url": "http://localhost:8001/v1"},
        {
            "name": "default",
            "model": "meta-llama/Llama-3.1-8B-Instruct",
            "api_key_env": None,
            "protocol": "openai",
            "timeout_secs": 300.0,
            "capabilities": ["CodeCompletion"],
            "priority": 0,
            "cost_per_1k_tokens": 0.0,
            "max_concurrency": 8,
            "requests_per_minute": None,
            "tokens_per_minute": None,
            "spill_after_s": 5.0,
            "max_wait_s": 30.0,
            "context_tokens": None,
            "constraint_dialect": "none",
            "supports_n": False,
            "supports_logprobs": False,
            "supports_fim": False,
            "json_schema_form": "json_schema",
            "input_cost_per_1k_tokens": None,
            "output_cost_per_1k_tokens": None,
            "extra_body": {},
            "extra_headers_env": {},
            "max_tokens_field": "max_tokens",
            "send_temperature": True,
            "verify_tls": True,
        },
    ),
]
EACH_SHAPE = pytest.mark.parametrize(
    ("shape", "required", "optional"), SHAPES, ids=[shape.__name__ for shape, _, _ in SHAPES]
)


@EACH_SHAPE
def test_missing_fields_take_their_defaults_and_every_field_is_written(
    shape: type[Shape], required: dict[str, Any], optional: dict[str, Any]
) -> None:
    assert shape.model_validate(required).model_dump(mode="json") == {**required, **optional}


@EACH_SHAPE
def test_null_is_the_same_as_missing(shape: type[Shape], required: dict[str, Any], optional: dict[str, Any]) -> None:
    nulls = dict.fromkeys(optional)
    assert shape.model_validate({**required, **nulls}) == shape.model_validate(required)


@EACH_SHAPE
def test_unknown_fields_are_ignored(shape: type[Shape], required: dict[str, Any], optional: dict[str, Any]) -> None:
    assert shape.model_validate({**required, "no_such_field": [1]}) == shape.model_validate(required)


@EACH_SHAPE
def test_each_required_field_is_named_when_it_is_missing(
    shape: type[Shape], required: dict[str, Any], optional: dict[str, Any]
) -> None:
    for name in required:
        with pytest.raises(ValidationError) as caught:
            shape.model_validate({key: value for key, value in required.items() if key != name})
        assert explain(caught.value) == [(name, "is required")]


@EACH_SHAPE
def test_what_is_written_reads_back_the_same_from_json_text(
    shape: type[Shape], required: dict[str, Any], optional: dict[str, Any]
) -> None:
    value = shape.model_validate(required)
    assert shape.model_validate_json(value.model_dump_json()) == value
    assert shape.model_validate(json.loads(value.model_dump_json())) == value


@EACH_SHAPE
def test_shapes_are_frozen(shape: type[Shape], required: dict[str, Any], optional: dict[str, Any]) -> None:
    value = shape.model_validate(required)
    with pytest.raises(ValidationError, match="frozen"):
        setattr(value, next(iter(shape.model_fields)), None)


@EACH_SHAPE
@pytest.mark.parametrize("other", [[], "text", 5, None])
def test_anything_but_an_object_is_refused(
    shape: type[Shape], required: dict[str, Any], optional: dict[str, Any], other: object
) -> None:
    with pytest.raises(ValidationError) as caught:
        shape.model_validate(other)
    assert explain(caught.value) == [("", "should be an object")]


def test_paths_read_like_the_file() -> None:
    assert field_path(("endpoints", 1, "capabilities", 0)) == "endpoints[1].capabilities[0]"
    assert field_path((0, "name")) == "[0].name"
    assert field_path(()) == ""


def test_every_problem_is_explained_with_its_place() -> None:
    with pytest.raises(ValidationError) as caught:
        Grammar.model_validate({"rules": [{"lhs": "a", "rhs": "b"}, {"lhs": 1, "rhs": [], "is_optional": "yes"}]})
    assert explain(caught.value) == [
        ("rules[0].rhs", "should be a list"),
        ("rules[1].lhs", "should be a valid string"),
        ("rules[1].is_optional", "should be a valid boolean"),
        ("start_symbol", "is required"),
    ]


def test_explaining_never_repeats_what_was_given() -> None:
    with pytest.raises(ValidationError) as caught:
        FillConstraint.model_validate({"kind": 4711, "value": "v"})
    assert "4711" not in str(explain(caught.value))
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"priority": -1},
        {"priority": 2**32},
        {"priority": 1.5},
        {"priority": "1"},
        {"priority": True},
        {"feasibility_score": float("nan")},
        {"feasibility_score": float("inf")},
        {"feasibility_score": 10**400},
        {"feasibility_score": "0.5"},
        {"feasibility_score": True},
        {"is_feasible": 1},
        {"is_feasible": "true"},
        {"name": 5},
        {"name": "\ud800"},
    ],
    ids=str,
)
def test_wrong_types_and_ranges_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        ConstraintIR.model_validate(wrong)
    assert [place for place, _ in explain(caught.value)] == list(wrong)


def _nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"a": [float("nan")]}, "holds a number that is not finite"),
        (_nested(101), "is nested deeper than 100 levels"),
        ({"a": {1: 2}}, "holds a key that is not text"),
        ({"a": b"x"}, "holds a bytes, which JSON has no form for"),
        (["\ud800"], "holds text that is not valid Unicode"),
    ],
    ids=["nan", "depth", "key", "bytes", "surrogate"],
)
def test_free_form_fields_hold_json_only(wrong: object, reason: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ConstraintIR.model_validate({"rich_context": wrong})
    assert explain(caught.value) == [("rich_context", reason)]


def test_free_form_json_is_copied_so_that_later_changes_do_not_reach_it() -> None:
    given_context = {"a": [1]}
    constraint = ConstraintIR(rich_context=given_context)
    given_context["a"].append(2)
    assert constraint.rich_context == {"a": [1]}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_free_form_json_comes_back_as_it_was(value: object) -> None:
    constraint = ConstraintIR(rich_context=value)
    assert ConstraintIR.model_validate_json(constraint.model_dump_json()) == constraint
    assert json.loads(json.dumps(constraint.model_dump(mode="json")))["rich_context"] == value


@pytest.mark.parametrize("timestamp", [0, 1700000000, 1700000000.25, 2**53 + 1])
def test_timestamps_stay_as_exact_as_they_came(timestamp: float) -> None:
    written = FillAttempt.model_validate({**ATTEMPT, "timestamp": timestamp}).model_dump(mode="json")["timestamp"]
    assert written == timestamp
    assert type(written) is type(timestamp)


@pytest.mark.parametrize("timestamp", [-1, float("inf"), "1", True])
def test_timestamps_that_are_none_are_refused(timestamp: object) -> None:
    with pytest.raises(ValidationError):
        FillAttempt.model_validate({**ATTEMPT, "timestamp": timestamp})


def test_suggestions_ignore_case_and_stay_silent_where_nothing_is_near() -> None:
    assert did_you_mean("PRIORTY", ["priority", "name"]) == "; did you mean 'priority'?"
    assert did_you_mean("zzz", ["priority", "name"]) == ""


def test_all_spellings_of_a_field_are_known() -> None:
    assert known_fields(JsonSchema) == {
        "schema_type",
        "type",
        "properties",
        "required",
        "additional_properties",
        "additionalProperties",
    }


def test_values_are_imported_without_any_client_library() -> None:
    heavy = ("celery", "redis", "requests", "click", "rich", "aiohttp")
    script = f"import sys, maze_tasks.models; print([name for name in {heavy!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
