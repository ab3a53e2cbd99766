"""The call a hole leads to at an endpoint."""

from __future__ import annotations

from typing import Any

import pytest

from maze_tasks.decide.prompt import build_prompt
from maze_tasks.decide.request import (
    BYTES_A_TOKEN,
    DEFAULT_PROMPT_TOKENS,
    LONG_PROMPT_TOKENS,
    call_for,
    most_prompt_bytes,
    most_prompt_tokens,
    prompt_bound,
    prompt_of,
)
from maze_tasks.decide.tokens import FRAMING_TOKENS
from maze_tasks.decide.windows import size_of
from maze_tasks.models import ContextPiece, Diagnostic, Hole, ModelEndpoint, Templates, default_templates, read_hole
from maze_tasks.models.calls import Call

SCHEMA = {"type": "object", "required": ["a"]}
GRAMMAR = {"rules": [], "start_symbol": "s"}


def hole(spec: dict[str, Any] | None = None, **full: Any) -> Hole:
    return read_hole({"hole": {"hole_id": 1, **(spec or {})}, **full})


def endpoint(context_tokens: int | None = None, **more: Any) -> ModelEndpoint:
    return ModelEndpoint.model_validate({"endpoint_url": "http://a", "context_tokens": context_tokens, **more})


def call(asked: Hole, context_tokens: int | None = None) -> Call:
    return call_for(asked, endpoint(context_tokens), "run/1/0/0/0", temperature=0.9)


def test_a_hole_s_own_prompt_is_sent_as_it_is() -> None:
    own = "  Write `f`.\n\n<<<FILL>>> \u00e9"
    made = call(hole(prompt=own, prefix="x = ", suffix=";"))
    assert made.prompt == own
    assert made.system == default_templates().system


@pytest.mark.parametrize("prompt", [None, ""])
def test_without_a_prompt_one_is_built(prompt: str | None) -> None:
    asked = hole(prompt=prompt, prefix="x = ")
    assert call(asked).prompt == build_prompt(asked) == prompt_of(asked)


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


LONG_CODE = {"prefix": "before = 1\n" * 20_000, "suffix": "\nafter = 1" * 20_000}


@pytest.mark.parametrize(
    ("settings", "tokens"),
    [
        ({}, DEFAULT_PROMPT_TOKENS),
        ({"capabilities": ["LongContext"]}, LONG_PROMPT_TOKENS),
        ({"context_tokens": 4096}, 4096 - 1000 - 64),
        ({"context_tokens": 4096, "capabilities": ["LongContext"]}, 4096 - 1000 - 64),
        ({"context_tokens": 1500}, 750),  # the answer would take the most of it: the prompt keeps half
    ],
)
def test_a_prompt_is_as_long_as_the_endpoint_s_context_leaves_room(settings: dict[str, Any], tokens: int) -> None:
    asked = hole(max_tokens=1000, **LONG_CODE)
    made = call_for(asked, endpoint(**settings), "key", temperature=0.5)
    assert tokens * BYTES_A_TOKEN - 50 < size_of(made.prompt) <= tokens * BYTES_A_TOKEN
    assert made.max_tokens == 1000 or settings == {"context_tokens": 1500}
    assert made.max_tokens >= 750


def test_earlier_answers_are_told_in_a_built_prompt_and_leave_a_hole_s_own_as_it_is() -> None:
    told = [Diagnostic("line 1: wrong")]
    made = call_for(hole(prefix="x = "), endpoint(), "key", temperature=0.5, diagnostics=told)
    assert "Rejected: line 1: wrong" in made.prompt
    own = call_for(hole(prompt="mine"), endpoint(), "key", temperature=0.5, diagnostics=told)
    assert own.prompt == "mine"


def test_what_a_hole_brings_along_of_earlier_attempts_is_told_after_those_of_the_run() -> None:
    attempt = {"code": "x", "confidence": 0.5, "temperature": 0.5, "model": "a", "timestamp": 1.0}
    attempts = [
        {**attempt, "validation_passed": False, "error": "long ago"},
        {**attempt, "validation_passed": False, "error": "before"},
        {**attempt, "validation_passed": True},
    ]
    state = {"id": 1, "scale": "nano", "origin": "", "status": "Pending", "attempts": attempts}
    made = call_for(
        read_hole({"hole": state}), endpoint(), "key", temperature=0.5, diagnostics=[Diagnostic("just now")]
    )
    assert made.prompt.count("Rejected:") == 3
    assert made.prompt.index("just now") < made.prompt.index("before") < made.prompt.index("long ago")


def test_templates_make_system_text_and_prompt() -> None:
    texts = Templates(system="You write $language for ${path}, $$1.", prompt="Here:\n$code")
    asked = hole(prefix="x = ", language="go", path="a.go")
    made = call_for(asked, endpoint(), "key", temperature=0.5, templates=texts)
    assert made.system == "You write go for a.go, $1."
    assert made.prompt.startswith("Here:\nThe code, with the hole marked")


def test_a_long_system_text_takes_from_the_room_of_the_prompt() -> None:
    texts = Templates(system="s" * 3000, prompt=default_templates().prompt)
    asked = hole(max_tokens=1000, **LONG_CODE)
    made = call_for(asked, endpoint(4096), "key", temperature=0.5, templates=texts)
    assert size_of(made.prompt) + 3000 < (4096 - 1000) * BYTES_A_TOKEN
    assert made.max_tokens == 1000


def test_for_filling_in_the_middle_the_code_around_fits_the_room_too() -> None:
    asked = hole(max_tokens=1000, **LONG_CODE)
    made = call_for(asked, endpoint(4096, supports_fim=True), "key", temperature=0.5)
    assert made.prefix is not None
    assert made.suffix is not None
    assert LONG_CODE["prefix"].endswith(made.prefix)
    assert LONG_CODE["suffix"].startswith(made.suffix)
    assert size_of(made.prefix + made.suffix) <= (4096 - 1000) * BYTES_A_TOKEN
    assert made.max_tokens == 1000


def test_without_code_before_nothing_is_filled_in_the_middle() -> None:
    made = call_for(hole(suffix=";"), endpoint(100, supports_fim=True), "key", temperature=0.5)
    assert (made.prefix, made.suffix) == (None, ";")


@pytest.mark.parametrize("supports_fim", [False, True])
@pytest.mark.parametrize("own", [None, "mine" * 1000])
def test_no_call_s_prompt_is_longer_than_its_bound(own: str | None, supports_fim: bool) -> None:
    told = [Diagnostic("r" * 5000, "c" * 5000)] * 3
    for context_tokens in (None, 600, 10_000, 1_000_000):
        asked, asking = hole(prompt=own, **LONG_CODE), endpoint(context_tokens, supports_fim=supports_fim)
        made = call_for(asked, asking, "key", temperature=0.5, diagnostics=told)
        sent = max(size_of(made.prompt), size_of(f"{made.prefix}{made.suffix}") if supports_fim else 0)
        assert sent <= prompt_bound(asked, asking) <= max(most_prompt_bytes(asked, asking), 4000)


@pytest.mark.parametrize("own", [None, "mine" * 1000])
@pytest.mark.parametrize("depends_on", [(), (2,)])
def test_no_call_takes_more_than_the_tokens_reserved_for_it(own: str | None, depends_on: tuple[int, ...]) -> None:
    told = [Diagnostic("r" * 5000, "<<<FILL>>>" + "c" * 5000)] * 3
    texts = Templates(system="Fill {language} in {path}. " * 50, prompt=default_templates().prompt)
    asked = hole(prompt=own, language="python", path="a/" * 50, **LONG_CODE)
    asked = asked.model_copy(update={"depends_on": depends_on})
    endpoints = [endpoint(None), endpoint(600), endpoint(10_000, supports_fim=True), endpoint(1_000_000)]
    bound = most_prompt_tokens(asked, endpoints, texts)
    framed = size_of(default_templates().system) - FRAMING_TOKENS  # which the package's own text is taken for
    fills = tuple(ContextPiece(kind="dependency", title="fill", text="<<<FILL>>>" + "d" * 9000) for _ in depends_on)
    for asking in endpoints:
        later = asked.model_copy(update={"pieces": (*fills, *asked.pieces)})
        made = call_for(later, asking, "key", temperature=0.5, diagnostics=told, templates=texts)
        code = f"{made.prefix}{made.suffix}" if asking.supports_fim else ""
        sent = max(size_of(made.prompt), size_of(code)) + size_of(made.system)
        assert sent - framed <= bound
        assert most_prompt_tokens(asked, [asking], texts) <= bound
