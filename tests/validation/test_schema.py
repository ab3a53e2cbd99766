"""JSON values against schemas, as servers that promise to keep them do not."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.models import ConstraintIR, Hole, HoleSpec, JsonSchema
from maze_tasks.validation import Fill, check, take_apart, verdict
from maze_tasks.validation.schema import problems
from tests.validation.holes import hole


def schema(**fields: Any) -> JsonSchema:
    return JsonSchema.model_validate({"type": "object", **fields})


def of_value(held: JsonSchema, of: Hole | None = None) -> Hole:
    of = of or hole(None, None, None)
    return of.model_copy(update={"spec": HoleSpec(hole_id=1, fill_schema=held)})


PERSON = schema(
    properties={
        "name": {"type": "string", "minLength": 1, "maxLength": 5, "pattern": "^[a-z]+$"},
        "age": {"type": "integer", "minimum": 0, "exclusiveMaximum": 150},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 2, "uniqueItems": True},
        "size": {"type": ["number", "null"], "multipleOf": 0.5},
        "home": {"schema_type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        "kind": {"anyOf": [{"const": "x"}, {"type": "boolean"}]},
        "more": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
    required=["name"],
)


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ({"name": "ada"}, None),
        ({"name": "ada", "age": 36.0, "tags": ["a"], "size": 1.5, "home": {"city": "x"}, "kind": True}, None),
        ([], "$: should be of type object, not array"),
        ({}, "$: lacks the required property 'name'"),
        ({"name": 1}, "$.name: should be of type string, not number"),
        ({"name": "ada", "other": 1}, "$: has the property 'other', which the schema does not name"),
        ({"name": ""}, "$.name: has 0 characters, should have at least 1"),
        ({"name": "abcdef"}, "$.name: has 6 characters, should have at most 5"),
        ({"name": "Ada"}, "$.name: does not match the pattern ^[a-z]+$"),
        ({"name": "ada", "age": 1.5}, "$.age: should be of type integer, not number"),
        ({"name": "ada", "age": True}, "$.age: should be of type integer, not boolean"),
        ({"name": "ada", "age": -1}, "$.age: should be at least 0"),
        ({"name": "ada", "age": 150}, "$.age: should be less than 150"),
        ({"name": "ada", "tags": ["c"]}, '$.tags[0]: should be one of ["a", "b"]'),
        ({"name": "ada", "tags": ["a", "b", "a"]}, "$.tags: has 3 items, should have at most 2"),
        ({"name": "ada", "tags": ["a", "a"]}, "$.tags: has items that are equal"),
        ({"name": "ada", "size": 0.3}, "$.size: should be a multiple of 0.5"),
        ({"name": "ada", "size": "1"}, "$.size: should be of type number or null, not string"),
        ({"name": "ada", "home": {}}, "$.home: lacks the required property 'city'"),
        (
            {"name": "ada", "home": {"city": "x", "zip": 1}},
            "$.home: has the property 'zip', which the schema does not name",
        ),
        ({"name": "ada", "kind": "y"}, "$.kind: fits none of the forms allowed"),
        ({"name": "ada", "more": {"a": "1"}}, "$.more.a: should be of type integer, not string"),
    ],
)
def test_a_value_is_judged_with_the_place_of_what_is_wrong(value: object, wrong: str | None) -> None:
    found = problems(value, PERSON)
    assert (found[0] if found else None) == wrong


def test_a_schema_without_properties_allows_any() -> None:
    assert problems({"a": 1}, schema()) == []
    assert problems({"a": 1}, schema(properties={"b": {}}, additionalProperties=True)) == []
    assert problems("x", schema(type="text")) == []  # not a type of JSON: not judged


def test_odd_schemas_and_numbers_are_judged_as_far_as_they_go() -> None:
    assert problems({"a": 1}, schema(properties={"a": False})) == ["$.a: is not allowed"]
    assert problems({"a": 1}, schema(properties={"a": True})) == []
    assert problems({"a": 10**400}, schema(properties={"a": {"multipleOf": 0.5, "minimum": 0.5}})) == []
    assert problems({"a": 7}, schema(properties={"a": {"multipleOf": 2}})) == ["$.a: should be a multiple of 2"]


def test_only_a_few_problems_are_told() -> None:
    held = schema(properties={str(n): {"type": "string"} for n in range(9)})
    assert len(problems({str(n): n for n in range(9)}, held)) == 5


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9, width=16) | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
TYPES = st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null"])
SCHEMAS = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES | st.lists(TYPES, min_size=1, max_size=2, unique=True),
            "enum": st.lists(VALUES, min_size=1, max_size=3),
            "minimum": st.integers(-5, 5),
            "exclusiveMaximum": st.integers(-5, 5),
            "minLength": st.integers(0, 2),
            "maxItems": st.integers(0, 2),
            "uniqueItems": st.booleans(),
            "minProperties": st.integers(0, 2),
            "multipleOf": st.sampled_from([1, 2, 0.5]),
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
            "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
            "additionalProperties": st.booleans() | inner,
            "items": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
        },
    ),
    max_leaves=4,
)


@given(VALUES, SCHEMAS)
def test_the_verdict_is_that_of_the_reference(value: Any, inner: dict[str, Any]) -> None:
    held = schema(properties={"value": inner}, additionalProperties=False)
    wanted = jsonschema.Draft202012Validator(inner).is_valid(value)
    assert (problems({"value": value}, held) == []) == wanted


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ('  {"a": 1}\n', '  {"a": 1}\n'),
        ('```json\n{"a": 1}\n```', '{"a": 1}\n'),
        ('Here it is: {"a": {"b": 1}}. Done.', '{"a": {"b": 1}}'),
        ('<think>{}</think>\n```\n{"a": 1}\n```\n', '{"a": 1}\n'),
        ("no value", "no value"),
    ],
)
def test_a_value_is_taken_out_of_a_reply(reply: str, code: str) -> None:
    fill = take_apart(reply, of_value(schema()))
    assert isinstance(fill, Fill)
    assert fill.code == code
    failure = verdict(check(fill, of_value(schema())))
    assert (failure is None) == (code != "no value")


@pytest.mark.parametrize("code", ['{"a": NaN}', "{'a': 1}", '{"a": 1} {"a": 1}', "[" * 5000])
def test_what_is_no_json_is_rejected(code: str) -> None:
    failure = verdict(check(Fill(code), of_value(schema())))
    assert failure is not None
    assert (failure.kind, failure.message) == ("schema", "the fill is not JSON, and a schema asks for it")


def test_every_schema_counts() -> None:
    more = ConstraintIR(json_schema=schema(required=["b"]))
    of = of_value(schema(required=["a"])).model_copy(update={"constraints": (more,)})
    found = [one.message for one in check(Fill("{}"), of)]
    assert found == ["$: lacks the required property 'a'", "$: lacks the required property 'b'"]


def test_a_literal_of_python_is_judged_and_other_code_is_not() -> None:
    of = of_value(schema(properties={"a": {"type": "integer"}}), hole("x = ", "\n"))
    assert check(Fill("{'a': 1}"), of) == ()
    assert [one.check for one in check(Fill("{'a': None}"), of)] == ["schema"]
    assert [one.severity for one in check(Fill("dict(a=1)"), of)] == ["note"]
    assert [one.severity for one in check(Fill("{'a': {1}}"), of)] == ["note"]


@pytest.mark.parametrize(("code", "severity"), [('{"a": 1}', "note"), ('{"a": 1', "error"), ("12", "error")])
def test_a_complete_value_was_not_cut_off(code: str, severity: str) -> None:
    found = [one for one in check(Fill(code), of_value(schema()), finish_reason="length") if one.check == "truncated"]
    assert [one.severity for one in found] == [severity]


def test_deep_values_and_schemas_come_to_an_end() -> None:
    deep: Any = {}
    inner: Any = {"type": "object"}
    for _ in range(40):
        deep, inner = {"a": deep}, {"type": "object", "properties": {"a": inner}}
    assert problems(deep, schema(properties={"a": inner})) == []
    assert json.loads(json.dumps(deep)) == deep
