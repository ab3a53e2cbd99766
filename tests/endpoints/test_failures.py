"""What statuses and error bodies mean, and that nothing but an endpoint error comes of any reply."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.endpoints import HttpReply, ananke, openai
from maze_tasks.endpoints.failures import failure_of_reply
from maze_tasks.endpoints.listing import read_models
from maze_tasks.endpoints.redact import MAX_MESSAGE_CHARS, PLAIN, Redactor
from maze_tasks.errors import EndpointError, FinalError, PassingError, ThrottledError
from maze_tasks.models import ModelEndpoint
from maze_tasks.models.calls import Call, Reply

ENDPOINT = ModelEndpoint(endpoint_url="http://h")
CALL = Call(prompt="p", key="k", max_tokens=1, temperature=0.0)


def failure(status: int, body: Any = b"", headers: dict[str, str] | None = None) -> EndpointError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return failure_of_reply(HttpReply(status, headers or {}, raw), now=0.0, clean=PLAIN)


@pytest.mark.parametrize("status", [408, 409, 425, 500, 501, 502, 503, 504, 507, 529, 599])
def test_these_statuses_may_pass(status: int) -> None:
    assert type(failure(status)) is PassingError


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 406, 410, 413, 415, 418, 422, 451])
def test_these_statuses_do_not_pass(status: int) -> None:
    assert type(failure(status)) is FinalError


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "bad_request"),
        (401, "unauthorized"),
        (403, "unauthorized"),
        (404, "not_found"),
        (408, "timeout"),
        (418, "refused"),
        (422, "bad_request"),
        (500, "server_error"),
        (502, "unavailable"),
        (504, "timeout"),
        (101, "unreadable"),
    ],
)
def test_each_status_has_a_kind_for_programs(status: int, kind: str) -> None:
    assert (failure(status).kind, failure(status).status) == (kind, status)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_is_final(status: int) -> None:
    error = failure(status, b"", {"location": "http://elsewhere/"})
    assert isinstance(error, FinalError)
    assert error.kind == "redirect"
    assert "elsewhere" not in str(error)


def test_a_pause_is_asked_for_by_429_and_by_503_with_a_hint() -> None:
    busy, hinted, plain = failure(429), failure(429, b"", {"retry-after": "7"}), failure(503)
    assert isinstance(busy, ThrottledError)
    assert (busy.kind, busy.retry_after_s) == ("rate_limited", None)
    assert isinstance(hinted, ThrottledError)
    assert hinted.retry_after_s == 7.0
    assert not isinstance(plain, ThrottledError)
    down = failure(503, b"", {"retry-after-ms": "1500"})
    assert isinstance(down, ThrottledError)
    assert (down.kind, down.retry_after_s) == ("unavailable", 1.5)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"error": {"code": 400, "message": "no such grammar", "type": "x"}}, "no such grammar (x)"),
        ({"error": {"code": "400", "message": "no such grammar"}}, "no such grammar"),
        ({"error": "no such grammar"}, "no such grammar"),
        ({"detail": "no such grammar"}, "no such grammar"),
        ({"detail": [{"loc": ["body"], "msg": "field required"}, {"msg": "too long"}]}, "field required; too long"),
        ({"detail": {"error": {"message": "deep"}}}, "deep"),
        ({"message": "no such grammar"}, "no such grammar"),
        ({"error": {"error": {"error": {"error": {"error": "too deep"}}}}}, ""),
        ({"error": {}}, ""),
        ([], ""),
        (b"no such\r\ngrammar\x00", "no such grammar"),
        (b"\xff", "\ufffd"),
        (b"", ""),
    ],
)
def test_the_server_s_own_sentence_is_shown_whatever_the_form(body: Any, sentence: str) -> None:
    assert str(failure(400, body)) == (f"HTTP 400: {sentence}" if sentence else "HTTP 400")


def test_a_500_that_blames_the_request_is_final() -> None:
    pydantic = "[{'type': 'literal_error', 'loc': ('body', 'response_format', 'type'), 'msg': 'Input should be'}]"
    for error in (
        {"message": pydantic, "type": "internal_server_error"},
        {"message": "too long", "type": "invalid_request_error"},
    ):
        refused = failure(500, {"error": error})
        assert (type(refused), refused.kind) == (FinalError, "bad_request")


@given(st.integers(100, 599), st.binary(max_size=3000))
def test_a_message_is_short_and_one_line_whatever_the_body(status: int, body: bytes) -> None:
    error = failure(status, body)
    assert len(str(error)) <= MAX_MESSAGE_CHARS
    assert len(str(error).splitlines()) == 1


def test_a_message_is_redacted_before_it_is_cut() -> None:
    secret = "sk-0123456789abcdef"
    body = json.dumps({"error": {"message": "x" * 480 + secret}}).encode()
    error = failure_of_reply(HttpReply(400, {}, body), now=0.0, clean=Redactor([secret]))
    assert "sk-0" not in str(error)


FIELDS = """
    choices message content text error detail finish_reason usage logprobs token_logprobs generated_text stats metadata
    tokens_generated code model data id type refusal generation_time_ms tokens_per_sec prompt_tokens completion_tokens
"""
NAMES = st.sampled_from(FIELDS.split())
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400), 0, 429, "429", "error", "stop", "constraint_validation_error", "text"])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["\ud800", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=25,
)
BODIES = VALUES.map(lambda value: json.dumps(value).encode())
CHOICES = st.dictionaries(NAMES, VALUES, max_size=4).map(lambda one: json.dumps({"choices": [one]}).encode())


@pytest.mark.parametrize("protocol", [openai, ananke])
@given(
    status=st.sampled_from([200, 200, 200, 201, 204, 302, 400, 429, 500, 503]),
    headers=st.dictionaries(st.sampled_from(["retry-after", "date", "x-maze-simulated"]), st.text(), max_size=2),
    body=st.binary() | BODIES | CHOICES,
)
def test_any_reply_gives_a_usable_text_or_an_endpoint_error(
    protocol: ModuleType, status: int, headers: dict[str, str], body: bytes
) -> None:
    try:
        reply: Reply = protocol.read(ENDPOINT, CALL, HttpReply(status, headers, body), now=1e9)
    except EndpointError as error:
        _assert_presentable(error)
        return
    assert reply.text.strip()
    reply.text.encode("utf-8")
    assert reply.confidence is None or 0.0 <= reply.confidence <= 1.0
    for count in (reply.prompt_tokens, reply.generated_tokens):
        assert count is None or count > 0


@given(st.binary() | BODIES)
def test_any_list_of_models_gives_names_or_an_endpoint_error(body: bytes) -> None:
    try:
        names = read_models(HttpReply(200, {}, body), now=0.0, clean=PLAIN)
    except EndpointError as error:
        _assert_presentable(error)
        return
    assert all(isinstance(name, str) for name in names)


def _assert_presentable(error: EndpointError) -> None:
    assert 0 < len(str(error)) <= MAX_MESSAGE_CHARS
    str(error).encode("utf-8")
    assert error.__context__ is None
    assert error.failure.kind == error.kind
