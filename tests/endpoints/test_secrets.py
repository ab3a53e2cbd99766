"""A key or a secret header never leaves the client in a text, an error, a repr, a log or a fill."""

from __future__ import annotations

import base64
import dataclasses
import json
import logging
import traceback
from collections.abc import Callable
from urllib.parse import quote

import pytest

from maze_tasks.endpoints import EndpointClient
from maze_tasks.errors import ConfigError, EndpointError, FinalError
from maze_tasks.models.calls import Call
from tests.endpoints.conftest import KEY
from tests.endpoints.scripted import Script, ScriptedServer, chat, hang_up, raw, reply

Serve = Callable[..., ScriptedServer]
ClientOf = Callable[..., EndpointClient]

HEADER = "tenant-password-98765"
ECHOES: dict[str, Script] = {
    "a message": reply({"error": {"message": f"no such key {KEY} of {HEADER}"}}, 401),
    "plain text": reply(f"Authorization: Bearer {KEY}; X-Tenant: {HEADER}".encode(), 403),
    "percent-encoded": reply(quote(KEY, safe="").encode(), 500),
    "base64": reply(base64.b64encode(f"Bearer {KEY}".encode()), 500),
    "a detail": reply({"detail": [{"msg": KEY}]}, 422),
    "a success that is none": reply({"error": {"code": 400, "message": f"{KEY}"}}),
    "a finish reason": reply({"choices": [{"finish_reason": KEY, "message": {"content": ""}}]}),
    "a refusal": reply({"choices": [{"message": {"content": None, "refusal": KEY}}]}),
    "a status line": raw(f"HTTP/1.1 4OO {KEY}\r\n\r\n".encode()),
    "no HTTP at all": raw(f"{KEY} {HEADER}\r\n\r\n".encode()),
    "a header that is none": raw(
        f"HTTP/1.1 500 Oops\r\nX: x\r\n{KEY} {HEADER}\r\nContent-Length: {len(KEY)}\r\n\r\n{KEY}".encode()
    ),
    "a header that continues none": raw(f"HTTP/1.1 500 Oops\r\n {KEY} {HEADER}\r\n\r\n".encode()),
    "a length": raw(f"HTTP/1.1 200 OK\r\nContent-Length: {KEY}, {HEADER}\r\n\r\n".encode()),
    "a chunk's length": raw(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{KEY}\r\n".encode()),
    "an encoding": reply(b"x", headers={"Content-Encoding": KEY}),
    "a redirect": reply(b"", 302, {"Location": f"http://elsewhere.test/?key={quote(KEY)}"}),
    "a pause": reply({}, 429, {"Retry-After": KEY}),
    "a fill": reply(chat(f"key = '{KEY}'")),
    "nothing": hang_up,
}


def shown(error: BaseException) -> str:
    """All that can be printed of an error."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))


@pytest.mark.parametrize("script", ECHOES.values(), ids=ECHOES)
def test_no_error_repeats_a_secret(
    serve: Serve, client_of: ClientOf, call: Call, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = client_of(serve(script), headers={"X-Tenant": HEADER})
    with pytest.raises(EndpointError) as caught:
        client.call(call)
    text = shown(caught.value) + caplog.text
    encodings = (KEY, quote(KEY, safe=""), quote(KEY), json.dumps(KEY)[1:-1], base64.b64encode(KEY.encode()).decode())
    for secret in (*encodings, HEADER):
        assert secret not in text
    assert caught.value.__context__ is None


def test_a_fill_that_repeats_the_key_is_refused(serve: Serve, client_of: ClientOf, call: Call) -> None:
    with pytest.raises(FinalError) as caught:
        client_of(serve(ECHOES["a fill"])).call(call)
    assert caught.value.kind == "refused"


def test_a_word_that_stands_in_for_a_key_may_occur_in_code(serve: Serve, client_of: ClientOf, call: Call) -> None:
    assert client_of(serve(reply(chat("return EMPTY"))), api_key="EMPTY").call(call).text == "return EMPTY"


@pytest.mark.parametrize("value", ["h7Kq92xz", "s3cr3t-pass"])
def test_a_short_key_that_was_drawn_is_refused_in_a_fill(
    serve: Serve, client_of: ClientOf, call: Call, value: str
) -> None:
    with pytest.raises(FinalError) as caught:
        client_of(serve(reply(chat(f"login('{value}')"))), api_key=value).call(call)
    assert caught.value.kind == "refused"
    assert value not in shown(caught.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("test", "return 'test'"),
        ("x", "return x"),
        ("changeme", "return 'changeme'"),
        ("12345678", "return 12345678"),
        ("abc12345", "return xabc12345"),  # a piece of a longer name
        ("sha256sum", "return sha256sum(x)"),  # stands in the code that was shown
    ],
)
def test_a_word_that_code_has_by_itself_is_no_secret(
    serve: Serve, client_of: ClientOf, call: Call, value: str, text: str
) -> None:
    shown_code = dataclasses.replace(call, prompt=f"{call.prompt} def sha256sum(x):")
    assert client_of(serve(reply(chat(text))), api_key=value).call(shown_code).text == text


def test_a_long_key_is_refused_in_other_spellings_too(serve: Serve, client_of: ClientOf, call: Call) -> None:
    spelt = base64.b64encode(f"Bearer {KEY}".encode()).decode()
    with pytest.raises(FinalError):
        client_of(serve(reply(chat(f"headers = {spelt!r}")))).call(call)


def test_names_of_models_are_redacted(serve: Serve, client_of: ClientOf, call: Call) -> None:
    server = serve(reply(chat("x", model=f"m-{KEY}")), reply([KEY]))
    client = client_of(server)
    assert client.call(call).model == "m-[redacted]"
    assert client.models() == ["[redacted]"]


def test_a_client_does_not_show_its_key(serve: Serve, client_of: ClientOf) -> None:
    client = client_of(serve(hang_up), name="fast")
    assert repr(client) == "EndpointClient('fast')"
    assert KEY not in repr(vars(client))


@pytest.mark.parametrize("value", ["sk-with\nnewline", "sk-ü", "sk-\x00"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_repeated(client_of: ClientOf, value: str) -> None:
    for options in ({"api_key": value}, {"api_key": None, "headers": {"X-Tenant": value}}):
        with pytest.raises(ConfigError) as caught:
            client_of("http://h", **options)
        assert "sk-" not in shown(caught.value)


def test_blanks_around_a_key_do_not_matter(serve: Serve, client_of: ClientOf, call: Call) -> None:
    server = serve(reply(chat()))
    client_of(server, api_key=f" {KEY}\n").call(call)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_header_of_one_s_own_goes_before_the_key(serve: Serve, client_of: ClientOf, call: Call) -> None:
    server = serve(reply(chat()))
    client_of(server, headers={"Authorization": "Basic abc"}).call(call)
    assert server.requests[0].headers["authorization"] == "Basic abc"
