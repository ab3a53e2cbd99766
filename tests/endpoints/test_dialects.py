"""Each kind of server gets its constraints in its own fields."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from maze_tasks.endpoints import build_request
from maze_tasks.models import ModelEndpoint
from maze_tasks.models.calls import Call
from maze_tasks.models.constraints import Grammar, JsonSchema, read_constraints

SCHEMA = JsonSchema.model_validate({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]})
STANDARD = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}
GRAMMAR = Grammar.model_validate({"rules": [{"lhs": "S", "rhs": ["x"]}], "start_symbol": "S"})
GBNF = 'root ::= s\ns ::= "x"\n'
PLAIN_FIELDS = {"model", "messages", "max_tokens", "temperature"}
FIM_FIELDS = {"model", "prompt", "suffix", "max_tokens", "temperature"}


def body(call: Call, **options: Any) -> Any:
    endpoint = ModelEndpoint(endpoint_url="http://h/v1", **options)
    return json.loads(build_request(endpoint, call).body)


def fields(call: Call, **options: Any) -> Any:
    """The fields that carry constraints."""
    return {name: value for name, value in body(call, **options).items() if name not in PLAIN_FIELDS | FIM_FIELDS}


@pytest.mark.parametrize(
    ("dialect", "grammar", "regex"),
    [
        ("none", {}, {}),
        ("vllm", {"structured_outputs": {"grammar": GBNF}}, {"structured_outputs": {"regex": "a+"}}),
        ("sglang", {"ebnf": GBNF}, {"regex": "a+"}),
        ("llamacpp", {"grammar": GBNF}, {}),
        ("ananke-sglang", {"constraint_spec": {"ebnf": GBNF}}, {"constraint_spec": {"regex": "a+"}}),
    ],
)
def test_grammar_and_pattern_go_into_the_extension_declared(
    call: Call, dialect: str, grammar: dict[str, Any], regex: dict[str, Any]
) -> None:
    assert fields(replace(call, grammar=GRAMMAR), constraint_dialect=dialect) == grammar
    assert fields(replace(call, regex="a+"), constraint_dialect=dialect) == regex
    assert fields(replace(call, grammar=GRAMMAR, regex="a+"), constraint_dialect=dialect) == grammar


@pytest.mark.parametrize("dialect", ["none", "vllm", "sglang", "llamacpp"])
def test_a_schema_goes_into_response_format_alone(call: Call, dialect: str) -> None:
    sent = fields(replace(call, schema=SCHEMA, grammar=GRAMMAR, regex="a+"), constraint_dialect=dialect)
    assert sent == {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "fill", "schema": STANDARD, "strict": True},
        }
    }


def test_a_server_that_wants_json_object_gets_the_schema_beside_it(call: Call) -> None:
    sent = fields(replace(call, schema=SCHEMA), json_schema_form="json_object")
    assert sent == {"response_format": {"type": "json_object", "schema": STANDARD}}


@pytest.mark.parametrize(
    ("dialect", "sent"),
    [
        ("vllm", {"structured_outputs": {"json": STANDARD}}),
        ("sglang", {"json_schema": json.dumps(STANDARD, separators=(",", ":"))}),
        ("llamacpp", {"json_schema": STANDARD}),
        ("ananke-sglang", {"constraint_spec": {"json_schema": json.dumps(STANDARD, separators=(",", ":"))}}),
    ],
)
def test_the_completions_form_takes_a_schema_in_the_server_s_own_field(
    call: Call, dialect: str, sent: dict[str, Any]
) -> None:
    fim = replace(call, schema=SCHEMA, prefix="a = ", suffix="\n")
    assert fields(fim, constraint_dialect=dialect, supports_fim=True) == sent
    assert "prompt" in body(fim, constraint_dialect=dialect, supports_fim=True)


def test_a_schema_that_the_completions_form_could_not_carry_is_asked_for_in_chat(call: Call) -> None:
    sent = body(replace(call, schema=SCHEMA, prefix="a = "), supports_fim=True)
    assert "messages" in sent
    assert sent["response_format"]["type"] == "json_schema"


def test_ananke_s_backend_hears_all_that_is_known_of_types_and_imports(call: Call) -> None:
    constraints = read_constraints(
        [
            {
                "language": "rust",
                "imports": [{"module": "std"}],
                "function_signatures": [{"name": "f", "params": [], "return_type": "i32"}],
                "unheard_of": 1,
                "constraint_ir": {
                    "name": "c",
                    "type_inhabitation": {
                        "goal_type": "i32",
                        "bindings": [{"name": "x", "type": "u8"}],
                        "language": "rust",
                    },
                    "token_masks": {"forbidden_tokens": [1, 2]},
                },
            }
        ]
    )
    spec = fields(replace(call, constraints=constraints, regex="a+"), constraint_dialect="ananke-sglang")
    assert spec == {
        "constraint_spec": {
            "language": "rust",
            "expected_type": "i32",
            "type_bindings": [{"name": "x", "type_expr": "u8"}],
            "imports": [{"module": "std"}],
            "function_signatures": [{"name": "f", "params": [], "return_type": "i32"}],
            "regex": "a+",
        }
    }
    own = replace(call, constraints=constraints, language="python")
    assert fields(own, constraint_dialect="ananke-sglang")["constraint_spec"]["language"] == "python"


def test_the_language_of_a_type_constraint_is_taken_where_none_is_known(call: Call) -> None:
    constraints = read_constraints([{"name": "a"}, {"type_inhabitation": {"goal_type": "u8", "language": "zig"}}])
    spec = fields(replace(call, constraints=constraints), constraint_dialect="ananke-sglang")["constraint_spec"]
    assert spec == {"language": "zig", "expected_type": "u8"}


def test_a_schema_with_optional_properties_is_not_called_strict(call: Call) -> None:
    loose = JsonSchema.model_validate({"type": "object", "properties": {"a": {}}})
    assert "strict" not in fields(replace(call, schema=loose))["response_format"]["json_schema"]


def test_a_call_without_constraints_says_nothing_of_them(call: Call) -> None:
    for dialect in ("none", "vllm", "sglang", "llamacpp", "ananke-sglang"):
        assert fields(replace(call, language="python"), constraint_dialect=dialect) == {}


def test_token_masks_are_never_sent(call: Call) -> None:
    masked = replace(call, constraints=read_constraints({"token_masks": {"forbidden_tokens": [987654321]}}))
    for protocol in ("openai", "ananke"):
        endpoint = ModelEndpoint(endpoint_url="http://h", protocol=protocol, constraint_dialect="ananke-sglang")
        assert b"987654321" not in build_request(endpoint, masked).body
