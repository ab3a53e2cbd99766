"""The openai protocol: what is asked, and every form in which servers answer."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from maze_tasks.endpoints import HttpReply, build_request
from maze_tasks.endpoints.openai import confidence_of, read
from maze_tasks.errors import FinalError, PassingError, ThrottledError
from maze_tasks.models import ModelEndpoint
from maze_tasks.models.calls import Call, Reply
from tests.endpoints.scripted import chat

ENDPOINT = ModelEndpoint(endpoint_url="http://h/v1", model="m")
CALL = Call(prompt="Fill it.", key="run/5/0/0/0", max_tokens=64, temperature=0.5)


def answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return read(ENDPOINT, CALL, HttpReply(status, headers or {}, body), now=0.0)


def choice(**fields: Any) -> dict[str, Any]:
    return {"choices": [fields]}


def test_a_plain_call_becomes_a_chat() -> None:
    request = build_request(ENDPOINT, replace(CALL, system="Only code."))
    assert (request.method, request.url) == ("POST", "http://h/v1/chat/completions")
    assert request.headers["Idempotency-Key"] == "run/5/0/0/0"
    assert json.loads(request.body) == {
        "model": "m",
        "messages": [{"role": "system", "content": "Only code."}, {"role": "user", "content": "Fill it."}],
        "max_tokens": 64,
        "temperature": 0.5,
    }


def test_without_an_instruction_there_is_no_system_message() -> None:
    assert json.loads(build_request(ENDPOINT, CALL).body)["messages"] == [{"role": "user", "content": "Fill it."}]


def test_equal_calls_give_equal_bytes_whatever_their_key() -> None:
    first, again = build_request(ENDPOINT, CALL), build_request(ENDPOINT, replace(CALL, key="other/1/0/0/0"))
    assert first.body == again.body
    assert first.body != build_request(ENDPOINT, replace(CALL, temperature=0.6)).body


def test_fill_in_the_middle_goes_to_completions_with_the_code_around_byte_for_byte() -> None:
    endpoint = ENDPOINT.model_copy(update={"supports_fim": True, "supports_logprobs": True})
    request = build_request(endpoint, replace(CALL, prefix="def f():\r\n\t", suffix="\n# é\n"))
    assert request.url == "http://h/v1/completions"
    assert json.loads(request.body) == {
        "model": "m",
        "prompt": "def f():\r\n\t",
        "suffix": "\n# é\n",
        "max_tokens": 64,
        "temperature": 0.5,
        "logprobs": 1,
    }


@pytest.mark.parametrize(("supports_fim", "prefix"), [(False, "x"), (True, None), (True, "")])
def test_without_support_or_prefix_it_is_a_chat(supports_fim: bool, prefix: str | None) -> None:
    endpoint = ENDPOINT.model_copy(update={"supports_fim": supports_fim})
    assert build_request(endpoint, replace(CALL, prefix=prefix, suffix="y")).url.endswith("/chat/completions")


def test_a_completion_without_code_behind_it_names_no_suffix() -> None:
    endpoint = ENDPOINT.model_copy(update={"supports_fim": True})
    assert "suffix" not in json.loads(build_request(endpoint, replace(CALL, prefix="x = ")).body)


def test_the_endpoint_s_settings_shape_the_body() -> None:
    endpoint = ENDPOINT.model_copy(
        update={
            "max_tokens_field": "max_completion_tokens",
            "send_temperature": False,
            "supports_logprobs": True,
            "extra_body": {"top_p": 0.9, "stop": ["\n\n"], "model": "other"},
        }
    )
    assert json.loads(build_request(endpoint, CALL).body) == {
        "model": "other",
        "messages": [{"role": "user", "content": "Fill it."}],
        "max_completion_tokens": 64,
        "logprobs": True,
        "top_p": 0.9,
        "stop": ["\n\n"],
    }


def test_a_chat_reply_is_read() -> None:
    assert answer(chat("return 1\n"), headers={"x-maze-simulated": "1"}) == Reply(
        text="return 1\n",
        model="served-model",
        finish_reason="stop",
        prompt_tokens=11,
        generated_tokens=3,
        simulated=True,
    )


def test_a_completions_reply_is_read() -> None:
    reply = answer({"choices": [{"text": " 1\n", "finish_reason": "length"}]})
    assert (reply.text, reply.finish_reason, reply.model, reply.prompt_tokens) == (" 1\n", "length", None, None)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab"),
        ([{"type": "thinking", "text": "hm"}, {"type": "text", "text": "x"}], "x"),
        ([{"type": "output_text", "text": "x"}, {"type": "image_url", "image_url": {}}], "x"),
        (["a", {"text": "b"}, {"type": "text", "text": None}, None, 3], "ab"),
    ],
)
def test_content_may_be_a_list_of_parts(content: list[Any], text: str) -> None:
    assert answer(chat(content)).text == text


@pytest.mark.parametrize("content", [None, "", "  \n", [], [{"type": "text", "text": ""}], {}, 3])
def test_content_without_text_is_empty_even_with_tokens_counted(content: Any) -> None:
    with pytest.raises(PassingError) as caught:
        answer(chat(content))
    assert caught.value.kind == "empty"


def test_no_choices_are_empty_and_a_reply_without_the_list_is_unreadable() -> None:
    for value, kind in (
        ({"choices": []}, "empty"),
        ({"choices": None}, "unreadable"),
        ({"choices": "x"}, "unreadable"),
        ({"choices": [3]}, "unreadable"),
        ({}, "unreadable"),
        ([], "unreadable"),
        ("text", "unreadable"),
    ):
        with pytest.raises(PassingError) as caught:
            answer(value)
        assert caught.value.kind == kind


def test_of_several_choices_the_first_with_a_text_counts() -> None:
    value = {"choices": [{"message": {"content": None}}, {"message": {"content": "x"}}, {"message": {"content": "y"}}]}
    assert answer(value).text == "x"


@pytest.mark.parametrize(
    ("usage", "prompt", "generated"),
    [
        (None, None, None),
        ({}, None, None),
        ("many", None, None),
        ({"prompt_tokens": 5, "completion_tokens": 7}, 5, 7),
        ({"prompt_tokens": 5.0, "completion_tokens": None}, 5, None),
        ({"prompt_tokens": -5, "completion_tokens": 0}, None, None),
        ({"prompt_tokens": "5", "completion_tokens": True}, None, None),
        ({"prompt_tokens": 10**300, "completion_tokens": 10**12}, None, None),
    ],
)
def test_usage_that_is_missing_or_invented_is_unknown(usage: Any, prompt: int | None, generated: int | None) -> None:
    reply = answer(chat("x", usage=usage))
    assert (reply.prompt_tokens, reply.generated_tokens) == (prompt, generated)


@pytest.mark.parametrize(
    ("logprobs", "confidence"),
    [
        ({"content": [{"token": "a", "logprob": math.log(0.5), "bytes": None}, {"logprob": math.log(0.125)}]}, 0.25),
        ({"content": [{"token": "", "logprob": math.log(0.5)}, {"logprob": None}, {}, None, 3]}, 0.5),
        ({"tokens": ["a", "b"], "token_logprobs": [None, math.log(0.5)], "top_logprobs": None}, 0.5),
        ({"content": [{"logprob": 0.3}]}, 1.0),
        ({"content": [{"logprob": -9999.0}]}, 0.0),
        ({"content": [{"logprob": -1e308}, {"logprob": -1e308}]}, 0.0),
        ({"content": []}, None),
        ({"content": None, "token_logprobs": []}, None),
        ({"content": [{"logprob": "x"}]}, None),
        ({}, None),
        (None, None),
        ([0.1], None),
    ],
)
def test_confidence_is_the_mean_token_probability_where_one_was_measured(
    logprobs: Any, confidence: float | None
) -> None:
    measured = confidence_of(logprobs)
    assert measured == (None if confidence is None else pytest.approx(confidence))
    assert answer(choice(text="x", logprobs=logprobs)).confidence == measured


@pytest.mark.parametrize(
    ("value", "error", "kind"),
    [
        ({"error": {"code": 429, "message": "slow down"}}, ThrottledError, "rate_limited"),
        ({"error": {"code": "429", "message": "slow down"}}, ThrottledError, "rate_limited"),
        ({"error": {"code": 503, "message": "busy"}, "choices": []}, PassingError, "unavailable"),
        ({"error": {"code": 401, "message": "no"}}, FinalError, "unauthorized"),
        ({"error": {"code": "context_length_exceeded", "type": "invalid_request_error"}}, FinalError, "bad_request"),
        ({"error": {"code": None, "message": "upstream"}}, PassingError, "server_error"),
        ({"error": "overloaded"}, PassingError, "server_error"),
        ({"error": {"code": 200}}, PassingError, "server_error"),
        ({"detail": "Not Found"}, PassingError, "server_error"),
        ({"detail": [{"loc": ["body"], "msg": "field required"}]}, PassingError, "server_error"),
        (
            choice(error={"code": 502, "message": "bad upstream"}, message={"content": "par"}),
            PassingError,
            "unavailable",
        ),
        (choice(finish_reason="error", message={"content": "par"}), PassingError, "server_error"),
        (choice(finish_reason="content_filter", message={"content": ""}), FinalError, "refused"),
        (choice(finish_reason="stop", message={"content": None, "refusal": "I can't"}), FinalError, "refused"),
        (choice(finish_reason=["stop"], message={"content": None}), PassingError, "empty"),
        (choice(message={"content": "\ud800"}), PassingError, "unreadable"),
    ],
)
def test_a_success_that_is_none_is_a_failure_by_its_own_name(value: Any, error: type[Exception], kind: str) -> None:
    with pytest.raises(error) as caught:
        answer(value)
    assert type(caught.value) is error
    assert caught.value.kind == kind  # type: ignore[attr-defined]


def test_an_error_field_of_null_beside_a_usable_reply_means_nothing() -> None:
    assert answer(chat("x", error=None, detail=None)).text == "x"


def test_the_finish_reason_length_is_left_to_the_caller() -> None:
    assert answer(choice(finish_reason="length", message={"content": "x ="})).finish_reason == "length"


def test_names_a_server_gives_are_shown_in_one_printable_line() -> None:
    reply = answer(chat("x", model="evil\x1b[31m\nname\ud800"))
    assert reply.model == "evil [31m name"
