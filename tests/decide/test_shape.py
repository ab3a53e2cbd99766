"""Which schema, grammar and pattern a fill is asked to follow."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maze_tasks.decide.shape import grammar_of, inline_flags, pattern_of, schema_of
from maze_tasks.models import Hole, read_hole


def hole(constraints: list[dict[str, Any]] | None = None, **spec: Any) -> Hole:
    own: dict[str, Any] = {"hole_id": 1, **spec}
    return read_hole({"hole": own, "constraints": constraints or []})


def schema(name: str) -> dict[str, Any]:
    return {"type": "object", "required": [name]}


def grammar(name: str) -> dict[str, Any]:
    return {"rules": [], "start_symbol": name}


def must_match(pattern: str) -> dict[str, str]:
    return {"kind": "must_match_pattern", "value": pattern}


def test_the_hole_s_own_schema_goes_before_those_of_its_constraints() -> None:
    both = schema_of(hole([{"json_schema": schema("theirs")}], fill_schema=schema("own")))
    assert both is not None
    assert list(both.required) == ["own"]


def test_else_the_first_constraint_with_a_schema_gives_it() -> None:
    found = schema_of(hole([{"name": "none"}, {"json_schema": schema("first")}, {"json_schema": schema("second")}]))
    assert found is not None
    assert list(found.required) == ["first"]


def test_the_hole_s_own_grammar_goes_before_those_of_its_constraints() -> None:
    both = grammar_of(hole([{"grammar": grammar("theirs")}], fill_grammar=grammar("own")))
    assert both is not None
    assert both.start_symbol == "own"


def test_else_the_first_constraint_with_a_grammar_gives_it() -> None:
    found = grammar_of(hole([{"name": "none"}, {"grammar": grammar("first")}, {"grammar": grammar("second")}]))
    assert found is not None
    assert found.start_symbol == "first"


def test_the_hole_s_own_pattern_goes_before_those_of_its_constraints() -> None:
    theirs = [{"regex_patterns": [{"pattern": "theirs"}]}]
    own = [{"kind": "style", "value": "short"}, must_match(""), must_match("own"), must_match("later")]
    assert pattern_of(hole(theirs, fill_constraints=own)) == "own"


def test_else_the_first_pattern_of_the_constraints_is_taken_with_its_flags() -> None:
    patterns = [{"pattern": ""}, {"pattern": "a.c", "flags": "gi"}, {"pattern": "b"}]
    assert pattern_of(hole([{"name": "none"}, {"regex_patterns": patterns}])) == "(?i)a.c"


def test_a_hole_without_any_has_none() -> None:
    assert (schema_of(hole()), grammar_of(hole()), pattern_of(hole())) == (None, None, None)


@pytest.mark.parametrize(
    ("pattern", "flags", "expected"),
    [
        ("a", "", "a"),
        ("a", "i", "(?i)a"),
        ("a", "si", "(?is)a"),
        ("a", "I", "(?i)a"),
        ("a", "gimsuyx", "(?imsx)a"),
        ("a", "g", "a"),
        ("a", "i, m", "(?im)a"),
        ("a", "IGNORECASE", "(?i)a"),
        ("a", "re.IGNORECASE | re.M", "(?im)a"),
        ("a", "case_insensitive,dot-matches-new-line", "(?is)a"),
        ("a", "global|sticky|unicode", "a"),
        ("(?i)a", "i", "(?i)a"),
        ("(?i)a", "m", "(?im)a"),
        ("(?i:a)", "m", "(?m)(?i:a)"),
    ],
)
def test_flags_move_into_the_pattern(pattern: str, flags: str, expected: str) -> None:
    assert inline_flags(pattern, flags) == expected


MEANINGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}


@settings(deadline=None)
@given(
    pattern=st.sampled_from(["a.b", "^a$", "A b", "(?i)a.b", "(?ms)^a.b$"]),
    flags=st.text("imsx", max_size=4),
    text=st.text("aAbB \n", max_size=5),
)
def test_a_pattern_with_its_flags_inside_matches_as_with_them_outside(pattern: str, flags: str, text: str) -> None:
    outside = re.RegexFlag(0)
    for letter in flags:
        outside |= MEANINGS[letter]
    assert bool(re.search(inline_flags(pattern, flags), text)) == bool(re.search(pattern, text, outside))
