"""Reading requests and building replies of both protocols."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.simulate.replies import (
    Asked,
    BadRequest,
    ananke_error,
    ananke_reply,
    answer_of,
    count_tokens,
    error_body,
    openai_reply,
    read_request,
)
from maze_tasks.simulate.settings import ErrorBody, SimulatedEndpoint

ASKED = Asked("a prompt", "a prompt")
DEFAULTS = SimulatedEndpoint()


def test_a_chat_is_read() -> None:
    messages = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "fill"}]},
    ]
    body = {"messages": messages, "n": 3, "logprobs": True, "max_completion_tokens": 9}
    assert read_request("chat/completions", body) == Asked("be brief\nfill", "fill", 3, logprobs=True, max_tokens=9)


def test_a_completion_is_read() -> None:
    asked = read_request("completions", {"prompt": "p", "suffix": "s", "logprobs": 0, "n": 2, "max_tokens": 5})
    assert asked == Asked("p", "p", 2, logprobs=True, max_tokens=5)


def test_ananke_knows_neither_n_nor_logprobs() -> None:
    assert read_request("generate", {"prompt": "p", "n": 4, "logprobs": 1}) == Asked("p", "p")


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"messages": []},
        {"messages": "fill"},
        {"messages": [{"role": "user"}]},
        {"messages": ["fill"]},
        {"messages": [{"content": "a"}], "n": 0.5},
        {"messages": [{"content": "a"}], "n": 1000},
        {"messages": [{"content": "a"}], "max_tokens": 0},
        {"messages": [{"content": "a"}], "stream": True},
    ],
    ids=str,
)
def test_what_no_server_would_take_is_refused(body: Any) -> None:
    with pytest.raises(BadRequest):
        read_request("chat/completions", body)


def test_a_prompt_that_is_no_text_is_refused() -> None:
    with pytest.raises(BadRequest):
        read_request("generate", {"prompt": 3})


@given(st.text(), st.floats(1, 8))
def test_only_an_empty_text_has_no_tokens(text: str, chars_per_token: float) -> None:
    assert (count_tokens(text, chars_per_token) == 0) == (text == "")


@given(st.text(st.characters(), min_size=1), st.sampled_from([1.0, 2.5, 4.0, 7.3]), st.booleans())
def test_the_tokens_of_logprobs_join_to_the_text(text: str, chars_per_token: float, chat: bool) -> None:
    settings = SimulatedEndpoint(chars_per_token=chars_per_token, confidence=0.5)
    asked = Asked("p", "p", logprobs=True)
    answer = answer_of(text, asked, settings)
    reply = openai_reply("chat/completions" if chat else "completions", "m", [answer], asked, settings, 0)
    logprobs = reply["choices"][0]["logprobs"]
    if chat:
        tokens = [entry["token"] for entry in logprobs["content"]]
        values = {entry["logprob"] for entry in logprobs["content"]}
    else:
        tokens, values = logprobs["tokens"], set(logprobs["token_logprobs"])
    assert "".join(tokens) == text
    assert len(tokens) == reply["usage"]["completion_tokens"]
    assert values == {math.log(0.5)}


def test_logprobs_come_only_where_asked_for_and_set() -> None:
    answer = answer_of("text", ASKED, DEFAULTS)
    with_confidence = SimulatedEndpoint(confidence=0.5)
    assert openai_reply("completions", "m", [answer], ASKED, with_confidence, 0)["choices"][0]["logprobs"] is None
    asked = Asked("p", "p", logprobs=True)
    assert openai_reply("completions", "m", [answer], asked, DEFAULTS, 0)["choices"][0]["logprobs"] is None


def test_usage_may_be_right_wrong_or_left_out() -> None:
    answers = [answer_of("12345", ASKED, DEFAULTS)] * 2
    counted = openai_reply("completions", "m", answers, ASKED, DEFAULTS, 0)["usage"]
    assert counted == {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6}
    zero = openai_reply("completions", "m", answers, ASKED, SimulatedEndpoint(usage="zero"), 0)["usage"]
    assert set(zero.values()) == {0}
    assert "usage" not in openai_reply("completions", "m", answers, ASKED, SimulatedEndpoint(usage="left_out"), 0)


def test_an_answer_may_be_wrapped_as_chat_models_do() -> None:
    fenced = answer_of("x = 1", ASKED, SimulatedEndpoint(wrap="fenced"))
    assert fenced.text == "```python\nx = 1\n```"
    prose = answer_of("x = 1\n", ASKED, SimulatedEndpoint(wrap="prose", fence_language="rust"))
    assert "\n\n```rust\nx = 1\n```\n\n" in prose.text


def test_an_answer_may_end_at_the_limit_of_its_request() -> None:
    asked = Asked("p", "p", max_tokens=2)
    cut = answer_of("123456789", asked, SimulatedEndpoint(honour_max_tokens=True))
    assert (cut.text, cut.tokens, cut.finish_reason) == ("12345678", 2, "length")
    assert answer_of("123456789", asked, DEFAULTS).finish_reason == "stop"


def test_both_forms_of_an_ananke_reply() -> None:
    settings = {"time_per_token_us": 2500, "constraint_checks": 3, "avg_constraint_check_us": 125}
    answer = answer_of("12345", ASKED, DEFAULTS)
    client = ananke_reply("m", answer, ASKED, SimulatedEndpoint.model_validate(settings), 12.5, "k")
    assert (client["generated_text"], client["tokens_generated"], client["model"]) == ("12345", 2, "m")
    assert client["stats"] == {
        "total_time_ms": 12,
        "time_per_token_us": 2500,
        "constraint_checks": 3,
        "avg_constraint_check_us": 125,
    }
    assert client["system_fingerprint"] == "simulated"
    service = ananke_reply("m", answer, ASKED, SimulatedEndpoint(ananke_reply="service"), 12.5, "k")
    assert (service["model_name"], service["finish_reason"], service["generation_time_ms"]) == ("m", "stop", 12.5)
    assert service["metadata"]["prompt_tokens"] == 2
    assert service["metadata"]["tokens_per_sec"] == 160
    assert service["metadata"]["simulated"] is True


def test_an_ananke_error_is_disguised_as_an_empty_reply() -> None:
    reply = ananke_error("m", "constraint_compilation_error", 1.0)
    assert reply["generated_text"] == ""
    assert reply["finish_reason"] == "constraint_compilation_error"
    assert "constraint_compilation_error" in reply["metadata"]["error"]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("openai", b'"code":"too_many_requests"'),
        ("integer_code", b'"code":429'),
        ("detail", b'{"detail":"slow down (simulated)"}'),
        ("text", b"slow down (simulated)"),
    ],
)
def test_errors_look_as_servers_make_them(form: ErrorBody, expected: bytes) -> None:
    assert expected in error_body(429, "slow down", form)[0]


def test_a_status_without_a_name_has_a_body_too() -> None:
    assert b'"unknown"' in error_body(599, "odd", "openai")[0]
