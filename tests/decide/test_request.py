"""The call a hole leads to at an endpoint."""

from __future__ import annotations

from typing import Any

import pytest

from maze_tasks.decide.prompt import SYSTEM_TEXT, build_prompt
from maze_tasks.decide.request import call_for
from maze_tasks.models import Hole, ModelEndpoint, read_hole
from maze_tasks.models.calls import Call

SCHEMA = {"type": "object", "required": ["a"]}
GRAMMAR = {"rules": [], "start_symbol": "s"}


def hole(spec: dict[str, Any] | None = None, **full: Any) -> Hole:
    return read_hole({"hole": {"hole_id": 1, **(spec or {})}, **full})


def call(asked: Hole, context_tokens: int | None = None) -> Call:
    endpoint = ModelEndpoint.model_validate({"name": "a", "endpoint_url": "http://a", "context_tokens": context_tokens})
    return call_for(asked, endpoint, "run/1/0/0/0", temperature=0.9)


def test_a_hole_s_own_prompt_is_sent_as_it_is() -> None:
    own = "  Write `f`.\n\n<<<FILL>>> \u00e9"
    made = call(hole(prompt=own, prefix="x = ", suffix=";"))
    assert made.prompt == own
    assert made.system == SYSTEM_TEXT


@pytest.mark.parametrize("prompt", [None, ""])
def test_without_a_prompt_one_is_built(prompt: str | None) -> None:
    asked = hole(prompt=prompt, prefix="x = ")
    assert call(asked).prompt == build_prompt(asked)


def test_the_code_around_and_the_place_are_handed_over() -> None:
    made = call(hole(prefix="a\r\n", suffix="\tb", language="go", path="a/b.go"))
    assert (made.prefix, made.suffix, made.language, made.path) == ("a\r\n", "\tb", "go", "a/b.go")
    assert made.key == "run/1/0/0/0"


def test_schema_grammar_pattern_and_all_constraints_are_handed_over() -> None:
    asked = hole(
        {"fill_schema": SCHEMA},
        constraints=[{"grammar": GRAMMAR}, {"regex_patterns": [{"pattern": "a", "flags": "i"}]}],
    )
    made = call(asked)
    assert made.schema == asked.spec.fill_schema
    assert made.grammar == asked.constraints[0].grammar
    assert made.regex == "(?i)a"
    assert made.constraints == asked.constraints


def test_a_plain_hole_asks_for_no_shape() -> None:
    made = call(hole())
    assert (made.schema, made.grammar, made.regex, made.constraints) == (None, None, None, ())


@pytest.mark.parametrize(("own", "expected"), [(None, 0.9), (0.0, 0.0), (0.2, 0.2)])
def test_the_hole_s_own_temperature_goes_first_even_if_nought(own: float | None, expected: float) -> None:
    assert call(hole(temperature=own)).temperature == expected


def test_tokens_are_what_the_hole_says_or_what_it_calls_for() -> None:
    assert call(hole(max_tokens=17)).max_tokens == 17
    assert call(hole()).max_tokens == 256


@pytest.mark.parametrize(
    ("context_tokens", "max_tokens"),
    [
        (None, 1000),
        (2000, 1000),
        (1200, 1000),
        (1199, 999),
        (264, 64),
        (263, 1000),  # no useful room: let the endpoint refuse it
        (10, 1000),
    ],
)
def test_tokens_stay_within_the_context_where_that_leaves_useful_room(
    context_tokens: int | None, max_tokens: int
) -> None:
    asked = hole(prompt="p" * 600, max_tokens=1000)  # some 200 tokens
    assert call(asked, context_tokens).max_tokens == max_tokens
