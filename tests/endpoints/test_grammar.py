"""Schemas and grammars in the servers' notations."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.endpoints.grammar import gbnf, is_strict, json_schema
from maze_tasks.models.constraints import Grammar, JsonSchema


def grammar(*rules: tuple[str, list[str]], start: str = "S", optional: tuple[str, ...] = ()) -> Grammar:
    listed = [{"lhs": lhs, "rhs": rhs, "is_optional": lhs in optional} for lhs, rhs in rules]
    return Grammar.model_validate({"rules": listed, "start_symbol": start})


def test_rules_of_one_name_become_alternatives_below_a_root() -> None:
    text = gbnf(grammar(("S", ["E"]), ("E", ["T", "+", "E"]), ("E", ["T"]), ("T", ["[0-9]+"])))
    assert text == 'root ::= s\ns ::= e\ne ::= t "+" e | t\nt ::= [0-9]+\n'


def test_an_optional_or_empty_rule_may_derive_nothing() -> None:
    assert gbnf(grammar(("S", ["a"]), optional=("S",))) == 'root ::= s\ns ::= "a" | ""\n'
    assert gbnf(grammar(("S", []))) == 'root ::= s\ns ::= ""\n'
    assert gbnf(grammar(("S", ["ε"]))) == 'root ::= s\ns ::= ""\n'


def test_names_are_made_fit_and_stay_apart() -> None:
    text = gbnf(
        grammar(
            ("S", ["a_b", "a-b", "1x", "root", "<e>"]),
            ("a_b", ["x"]),
            ("a-b", ["y"]),
            ("1x", ["z"]),
            ("root", ["w"]),
            ("<e>", ["v"]),
        )
    )
    assert text is not None
    assert text.splitlines()[1] == "s ::= a-b a-b-2 r-1x root-2 e"


def test_text_is_quoted_and_escaped() -> None:
    text = gbnf(grammar(("S", ['"if"', "'x'", 'a"b', "\n", "\\", "\x00", "é"])))
    assert text == 'root ::= s\ns ::= "if" "x" "a\\"b" "\\n" "\\\\" "\\U00000000" "é"\n'


@pytest.mark.parametrize("value", [grammar(), grammar(("E", ["x"])), grammar(start="")])
def test_a_grammar_that_derives_nothing_is_not_sent(value: Grammar) -> None:
    assert gbnf(value) is None


@given(st.lists(st.tuples(st.text(max_size=5), st.lists(st.text(max_size=5), max_size=4)), min_size=1, max_size=6))
def test_any_grammar_gives_lines_of_well_formed_rules_with_names_of_their_own(
    rules: list[tuple[str, list[str]]],
) -> None:
    text = gbnf(grammar(*rules, start=rules[0][0]))
    assert text is not None
    lines = text.rstrip("\n").split("\n")
    matches = [re.fullmatch(r"([a-z][a-z0-9-]*) ::= .+", line) for line in lines]
    assert all(matches)
    names = [match[1] for match in matches if match]
    assert len(set(names)) == len(names) == 1 + len({lhs for lhs, _ in rules})


def test_a_schema_is_written_in_the_standard_s_spelling() -> None:
    schema = JsonSchema.model_validate(
        {
            "schema_type": "object",
            "properties": {
                "z": {"type": "integer", "minimum": 1},
                "schema_type": {"schema_type": "object", "additional_properties": True, "properties": {}},
                "a": {"type": "array", "items": {"schema_type": "string"}},
            },
            "required": ["z"],
        }
    )
    standard = json_schema(schema)
    assert standard == {
        "type": "object",
        "properties": {
            "z": {"type": "integer", "minimum": 1},
            "schema_type": {"type": "object", "additionalProperties": True, "properties": {}},
            "a": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["z"],
        "additionalProperties": False,
    }
    assert list(standard["properties"]) == ["z", "schema_type", "a"]  # servers generate in this order
    assert json_schema(JsonSchema(schema_type="string")) == {"type": "string"}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (
            {
                "type": "object",
                "properties": {"a": {"type": "string"}},
                "required": ["a"],
                "additionalProperties": False,
            },
            True,
        ),
        ({"type": "object", "properties": {"a": {}}, "required": [], "additionalProperties": False}, False),
        ({"type": "object", "properties": {}, "required": [], "additionalProperties": True}, False),
        ({"type": "array", "items": {"type": "object", "properties": {"a": {}}}}, False),
        ({"anyOf": [{"type": "object"}]}, False),
        ({"type": "string"}, True),
        ({"properties": 3}, False),
    ],
)
def test_only_a_closed_schema_with_all_required_is_strict(schema: dict[str, Any], strict: bool) -> None:
    assert is_strict(schema) is strict
