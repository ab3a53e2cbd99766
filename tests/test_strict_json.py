"""JSON that can be used, and JSON that cannot."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maze_tasks.strict_json import MAX_DEPTH, JsonProblem, kind_of, parse_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)


def problem(text: str) -> JsonProblem:
    with pytest.raises(JsonProblem) as caught:
        parse_json(text)
    return caught.value


@settings(deadline=None)
@given(VALUES, st.booleans())
def test_whatever_json_can_say_is_read_as_it_was_written(value: object, is_ascii: bool) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=is_ascii)) == value


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused_and_what_is_read_can_be_written_again(text: str) -> None:
    try:
        value = parse_json(text)
    except JsonProblem:
        return
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()


def test_integers_of_64_bits_stay_exact() -> None:
    assert parse_json("[18446744073709551615, -9223372036854775809]") == [2**64 - 1, -(2**63) - 1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "ends too early"),
        ('{"a": ', "ends too early"),
        ('{"a"; 1}', "expecting ':' delimiter at column 5"),
        ('{"a": "\0"}', "a NUL character at column 8"),
        ('{"a": "\n"}', "invalid control character at column 8"),
        ("{} {}", "extra data at column 4"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "the key 'c' stands there twice"),
        ("[NaN]", "NaN is not a number"),
        ("[-Infinity]", "-Infinity is not a number"),
        ("[1e999]", "1e999 is out of range"),
        ("[" + "9" * 5000 + "]", "too many digits"),
        ("[" * 100_000 + "]" * 100_000, "nested deeper"),
        ('{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1), "nested deeper"),
        ('{"\\ud800": 1}', "a key holds half of a surrogate pair"),
    ],
)
def test_what_is_refused_is_told_in_words(text: str, reason: str) -> None:
    assert reason in problem(text).reason


def test_the_line_of_a_mistake_is_told() -> None:
    assert problem('{\n"a": 1,\n}').line == 3


def test_half_a_surrogate_pair_is_told_with_its_field() -> None:
    assert problem('{"a": [{"b": "x\\uD800"}]}').field == "a[0].b"


def test_whole_surrogate_pairs_are_characters() -> None:
    assert parse_json('"\\ud83d\\ude00 \\\\ud800"') == "😀 \\ud800"


def test_many_brackets_without_depth_are_fine() -> None:
    assert len(parse_json("[" + ",".join(["[]"] * 500) + "]")) == 500


def test_the_deepest_nesting_allowed_is_read() -> None:
    assert parse_json("[" * MAX_DEPTH + "]" * MAX_DEPTH)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "null"),
        (True, "true or false"),
        (1, "a number"),
        (1.5, "a number"),
        ("x", "a string"),
        ([], "a list"),
        ({}, "an object"),
        (object(), "object"),
    ],
)
def test_kinds_have_the_names_of_json(value: object, kind: str) -> None:
    assert kind_of(value) == kind
