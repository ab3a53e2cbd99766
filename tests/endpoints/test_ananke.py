"""The ananke protocol: requests for the service, replies in both of its forms, errors disguised as success."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from maze_tasks.endpoints import HttpReply, build_request
from maze_tasks.endpoints.ananke import read
from maze_tasks.errors import FinalError, PassingError
from maze_tasks.models import ModelEndpoint
from maze_tasks.models.calls import Call, Reply, ServerStats
from maze_tasks.models.constraints import Grammar, JsonSchema

ENDPOINT = ModelEndpoint(endpoint_url="http://h/a/", model="m", protocol="ananke")
CALL = Call(prompt="Fill it.", key="run/5/0/0/0", max_tokens=64, temperature=0.5)
SERVICE = {
    "generated_text": "return 1",
    "tokens_generated": 4,
    "generation_time_ms": 200,
    "constraint_satisfied": True,
    "model_name": "Qwen",
    "finish_reason": "stop",
    "metadata": {"request_id": "r", "prompt_tokens": 9, "tokens_per_sec": 20.0, "constraint_type": None},
}
RUST = {
    "generated_text": "return 1",
    "tokens_generated": 4,
    "model": "Llama",
    "stats": {"total_time_ms": 80, "time_per_token_us": 20000, "constraint_checks": 4, "avg_constraint_check_us": 33},
}


def answer(value: Any, status: int = 200, headers: dict[str, str] | None = None, call: Call = CALL) -> Reply:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return read(ENDPOINT, call, HttpReply(status, headers or {}, body), now=0.0)


def test_a_plain_call_names_all_that_the_client_sends() -> None:
    request = build_request(ENDPOINT, CALL)
    assert (request.method, request.url) == ("POST", "http://h/a/generate")
    assert json.loads(request.body) == {
        "prompt": "Fill it.",
        "constraints": {},
        "max_tokens": 64,
        "temperature": 0.5,
        "model": "m",
        "context": None,
    }


def test_constraints_and_context_are_written_as_the_service_takes_them() -> None:
    call = replace(
        CALL,
        system="Only code.",
        language="rust",
        path="src/a.rs",
        context={"project_root": "/p", "metadata": {"x": 1}},
        schema=JsonSchema.model_validate({"type": "object", "properties": {"a": {}}}),
        grammar=Grammar.model_validate({"rules": [{"lhs": "S", "rhs": ["x"]}], "start_symbol": "S"}),
        regex="a+",
    )
    sent = json.loads(build_request(ENDPOINT, call).body)
    assert sent["constraints"] == {
        "json_schema": {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
        "grammar": 'root ::= s\ns ::= "x"\n',
        "regex_patterns": ["a+"],
    }
    assert sent["context"] == "Only code.\nLanguage: rust\nFile: src/a.rs\nproject_root: /p"


def test_settings_of_the_endpoint_shape_the_body() -> None:
    endpoint = ENDPOINT.model_copy(
        update={"extra_body": {"top_k": 5}, "send_temperature": False, "max_tokens_field": "max_new_tokens"}
    )
    sent = json.loads(build_request(endpoint, CALL).body)
    assert sent["top_k"] == 5
    assert sent["max_new_tokens"] == 64
    assert not {"temperature", "max_tokens"} & set(sent)


def test_the_service_s_reply_is_read() -> None:
    assert answer(SERVICE, headers={"x-maze-simulated": "yes"}) == Reply(
        text="return 1",
        model="Qwen",
        finish_reason="stop",
        prompt_tokens=9,
        generated_tokens=4,
        stats=ServerStats(total_time_ms=200.0, time_per_token_us=50000.0),
        simulated=True,
    )


def test_the_rust_client_s_reply_is_read() -> None:
    assert answer(RUST) == Reply(
        text="return 1",
        model="Llama",
        generated_tokens=4,
        stats=ServerStats(80.0, 20000.0, 4, 33.0),
    )


@pytest.mark.parametrize(
    ("fields", "stats"),
    [
        (
            {"generation_time_ms": 100, "tokens_generated": 0, "metadata": {"tokens_per_sec": 50}},
            ServerStats(100.0, 20000.0),
        ),
        ({"generation_time_ms": None}, None),
        ({"generation_time_ms": 100, "tokens_generated": None, "metadata": None}, None),
        ({"stats": {"total_time_ms": -3, "time_per_token_us": "x", "constraint_checks": 1.5}}, ServerStats()),
    ],
)
def test_statistics_are_taken_where_they_make_sense(fields: dict[str, Any], stats: ServerStats | None) -> None:
    assert answer({**SERVICE, **fields}).stats == stats


@pytest.mark.parametrize("text", ["", "partial"])
@pytest.mark.parametrize(
    ("reason", "error", "kind"),
    [
        ("error", PassingError, "server_error"),
        ("constraint_validation_error", FinalError, "constraint"),
        ("constraint_compilation_error", FinalError, "constraint"),
    ],
)
def test_an_error_disguised_as_success_is_a_failure(text: str, reason: str, error: type[Exception], kind: str) -> None:
    value = {**SERVICE, "generated_text": text, "finish_reason": reason, "metadata": {"error": "bad\nschema"}}
    with pytest.raises(error, match="bad schema") as caught:
        answer(value)
    assert caught.value.kind == kind  # type: ignore[attr-defined]


def test_an_error_without_details_is_one_too() -> None:
    for metadata in (None, {}, {"error": None}, [], {"error": {"message": ""}}):
        with pytest.raises(FinalError, match="no details"):
            answer({"generated_text": "", "finish_reason": "constraint_validation_error", "metadata": metadata})


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({**SERVICE, "generated_text": ""}, "empty"),
        ({**SERVICE, "generated_text": " \n"}, "empty"),
        ({**SERVICE, "generated_text": None}, "empty"),
        ({**SERVICE, "generated_text": ["x"]}, "unreadable"),
        ({**SERVICE, "generated_text": "\udc00"}, "unreadable"),
        ({"tokens_generated": 3}, "unreadable"),
        ({"detail": "down"}, "server_error"),
        ({"error": "down", "generated_text": ""}, "server_error"),
        ({"error": {"code": 504}}, "timeout"),
        ([], "unreadable"),
        (b"<html>", "unreadable"),
    ],
)
def test_what_is_no_fill_is_a_passing_failure(value: Any, kind: str) -> None:
    with pytest.raises(PassingError) as caught:
        answer(value)
    assert caught.value.kind == kind


def test_a_fill_that_the_service_says_breaks_its_constraints_is_a_final_failure() -> None:
    constrained = replace(CALL, regex="return .*")
    for metadata, said in (({"error": "no match for x"}, "no match for x"), ({}, "finish reason stop")):
        with pytest.raises(FinalError, match=said) as caught:
            answer({**SERVICE, "constraint_satisfied": False, "metadata": metadata}, call=constrained)
        assert caught.value.kind == "constraint"
    assert answer({**SERVICE, "constraint_satisfied": None}, call=constrained).text == "return 1"


def test_what_the_service_says_of_constraints_that_were_not_sent_is_passed_over() -> None:
    assert answer({**SERVICE, "constraint_satisfied": False}).text == "return 1"
