"""A client against a real server: requests as they arrive, replies and failures as they come back."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from maze_tasks.endpoints import EndpointClient
from maze_tasks.endpoints.connections import PlainPool, Watched
from maze_tasks.endpoints.exchange import Exchange
from maze_tasks.endpoints.wire import MAX_REPLY_BYTES
from maze_tasks.errors import EndpointError, FinalError, PassingError, ThrottledError
from maze_tasks.models.calls import Call
from tests.endpoints.conftest import KEY
from tests.endpoints.scripted import (
    Script,
    ScriptedServer,
    Wire,
    chat,
    endless,
    hang_up,
    http_bytes,
    raw,
    reply,
    reset,
)

Serve = Callable[..., ScriptedServer]
ClientOf = Callable[..., EndpointClient]


def failing(client: EndpointClient, call: Call) -> EndpointError:
    with pytest.raises(EndpointError) as caught:
        client.call(call)
    return caught.value


def test_a_call_arrives_whole_and_its_reply_comes_back(serve: Serve, client_of: ClientOf, call: Call) -> None:
    server = serve(reply(chat("return 1"), headers={"X-Maze-Simulated": "1"}))
    got = client_of(server, headers={"X-Tenant": "tenant-secret"}).call(call)
    assert (got.text, got.simulated, got.resent) == ("return 1", True, 0)
    assert got.latency_ms > 0
    (request,) = server.requests
    assert (request.method, request.target) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["idempotency-key"] == "run/5/0/0/0"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-tenant"] == "tenant-secret"
    assert request.json["messages"][0]["content"] == "Fill it."


def test_a_request_names_its_host_and_its_length_once(serve: Serve, client_of: ClientOf, call: Call) -> None:
    server = serve(reply(chat()))
    client_of(server, headers={"content-type": "text/x", "x-Tenant": "one"}).call(call)
    client_of(server, headers={"HOST": "other.test"}).call(call)
    client_of(f"http://127.0.0.1:{server.port}/ä/v1", api_key=None).call(call)
    first, second, third = server.requests
    assert first.headers["host"] == f"127.0.0.1:{server.port}"
    assert (first.headers["content-type"], first.headers["x-tenant"]) == ("application/json", "one")
    assert int(first.headers["content-length"]) == len(first.body)
    assert second.headers["host"] == "other.test"
    assert third.headers["host"] == f"127.0.0.1:{server.port}"
    assert "authorization" not in third.headers
    assert third.target == "/%C3%A4/v1/chat/completions"


def test_a_header_that_cannot_be_sent_is_not_sent(serve: Serve, client_of: ClientOf, call: Call) -> None:
    server = serve(reply(chat()))
    failed = failing(client_of(server, headers={"X-\r\nY": "secret-word"}), call)
    assert (failed.kind, failed.sent) == ("bad_request", False)
    assert "secret-word" not in str(failed)
    assert not server.wires


def test_without_a_key_nothing_is_authorised(serve: Serve, client_of: ClientOf, call: Call) -> None:
    server = serve(reply(chat()))
    client_of(server, api_key=None).call(call)
    assert "authorization" not in server.requests[0].headers


def test_the_ananke_protocol_goes_its_own_way(serve: Serve, client_of: ClientOf, call: Call) -> None:
    server = serve(reply({"generated_text": "x", "tokens_generated": 1, "model_name": "q"}))
    assert client_of(server, protocol="ananke").call(call).text == "x"
    assert server.requests[0].target == "/v1/generate"


def test_one_connection_serves_call_after_call(serve: Serve, client_of: ClientOf, call: Call) -> None:
    chunked = http_bytes(b"%x\r\n%b\r\n0\r\n\r\n" % ((body := len(json.dumps(chat()))), json.dumps(chat()).encode()))
    chunked = chunked.replace(
        b"Content-Length: %d\r\n" % (body + len(b"%x" % body) + 9), b"Transfer-Encoding: chunked\r\n"
    )
    server = serve(reply(chat()), lambda wire: wire.send(chunked), reply({"error": "x"}, 400), reply(chat()))
    client = client_of(server)
    client.call(call)
    client.call(call)
    failing(client, call)
    client.call(call)
    assert {request.connection for request in server.requests} == {0}


def test_many_threads_share_a_client(serve: Serve, client_of: ClientOf, call: Call) -> None:
    together = threading.Barrier(16)

    def script(wire: object) -> None:
        together.wait(20)
        reply(chat())(wire)  # type: ignore[arg-type]

    server = serve(script)
    client = client_of(server, pool_size=16)
    with ThreadPoolExecutor(16) as pool:
        calls = [replace(call, key=f"r/{number}/0/0/0") for number in range(64)]
        replies = list(pool.map(client.call, calls))
    assert [got.text for got in replies] == ["return 1"] * 64
    assert len({request.headers["idempotency-key"] for request in server.requests}) == 64
    assert len(server.wires) == 16


def test_a_compressed_reply_is_read(serve: Serve, client_of: ClientOf, call: Call) -> None:
    body = gzip.compress(json.dumps(chat("zipped")).encode())
    server = serve(reply(body, headers={"Content-Encoding": "gzip"}))
    assert client_of(server).call(call).text == "zipped"
    assert server.requests[0].headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize("content_type", ["text/html", "application/json; charset=utf-16", "x"])
def test_what_a_good_reply_calls_itself_does_not_matter(
    serve: Serve, client_of: ClientOf, call: Call, content_type: str
) -> None:
    server = serve(reply(chat("é"), headers={"Content-Type": content_type}))
    assert client_of(server).call(call).text == "é"


def test_a_reply_without_length_ends_with_its_connection(serve: Serve, client_of: ClientOf, call: Call) -> None:
    server = serve(raw(b"HTTP/1.1 200 OK\r\n\r\n" + json.dumps(chat()).encode()))
    assert client_of(server).call(call).text == "return 1"


@pytest.mark.parametrize(
    ("script", "error", "kind"),
    [
        (reply({"error": {"code": 400, "message": "bad"}}, 400), FinalError, "bad_request"),
        (reply({"error": {"code": "500", "message": "bad"}}, 500), PassingError, "server_error"),
        (reply({"detail": "no"}, 422), FinalError, "bad_request"),
        (reply(b"upstream is gone", 502), PassingError, "unavailable"),
        (reply(b"<html>log in</html>", 200), PassingError, "unreadable"),
        (reply(b"{\xff", 200), PassingError, "unreadable"),
        (reply(b"", 204), PassingError, "unreadable"),
        (reply(chat(""), 200), PassingError, "empty"),
        (raw(http_bytes(b'{"choices": [', length=500)), PassingError, "connection"),
        (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"), PassingError, "connection"),
        (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}"), PassingError, "connection"),
        (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n{}"), PassingError, "connection"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Le"), PassingError, "unreadable"),
        (raw(b"SSH-2.0-OpenSSH\r\n"), PassingError, "unreadable"),
        (raw(b"HTTP/1.1 abc\r\n\r\n"), PassingError, "unreadable"),
        (raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n"), PassingError, "unreadable"),
        (raw(b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 200 + b"\r\n"), PassingError, "unreadable"),
        (raw(http_bytes(b"{}", headers={"Content-Length": "2, 3"})), PassingError, "unreadable"),
        (raw(http_bytes(json.dumps(chat()).encode(), length=7)), PassingError, "unreadable"),
        (reply(b"x", headers={"Content-Encoding": "br"}), PassingError, "unreadable"),
        (reply(b"x", headers={"Content-Encoding": "gzip"}), PassingError, "unreadable"),
        (hang_up, PassingError, "connection"),
        (reset, PassingError, "connection"),
    ],
)
def test_each_way_to_fail_has_its_kind(
    serve: Serve, client_of: ClientOf, call: Call, script: Script, error: type[EndpointError], kind: str
) -> None:
    failed = failing(client_of(serve(script)), call)
    assert (type(failed), failed.kind) == (error, kind)
    assert failed.sent
    assert failed.latency_ms > 0
    assert failed.__context__ is None


def test_a_pause_the_server_asks_for_is_handed_on(serve: Serve, client_of: ClientOf, call: Call) -> None:
    failed = failing(client_of(serve(reply({}, 429, {"retry-after-ms": "1500"}))), call)
    assert isinstance(failed, ThrottledError)
    assert failed.retry_after_s == 1.5


def test_nobody_listening_means_nothing_was_sent(serve: Serve, client_of: ClientOf, call: Call) -> None:
    server = serve(hang_up)
    server.close()
    failed = failing(client_of(server), call)
    assert (failed.kind, failed.sent) == ("connection", False)
    assert "refused" in str(failed)


def test_a_name_without_address_means_nothing_was_sent(client_of: ClientOf, call: Call) -> None:
    failed = failing(client_of("http://no-such-host.invalid/v1"), call)
    assert isinstance(failed, PassingError)
    assert not failed.sent


def test_an_address_that_cannot_be_used_is_final(client_of: ClientOf, call: Call) -> None:
    failed = failing(client_of("http://*.test/v1"), call)
    assert (type(failed), failed.kind, failed.sent) == (FinalError, "bad_request", False)


def test_an_error_whose_body_cannot_be_decoded_keeps_its_meaning(serve: Serve, client_of: ClientOf, call: Call) -> None:
    server = serve(reply(b"x", 429, {"Content-Encoding": "br", "Retry-After": "3"}))
    failed = failing(client_of(server), call)
    assert isinstance(failed, ThrottledError)
    assert failed.retry_after_s == 3.0


def test_a_deadline_of_ages_is_no_trouble(serve: Serve, client_of: ClientOf, call: Call) -> None:
    assert client_of(serve(reply(chat()))).call(call, deadline_s=1e300).text == "return 1"


def test_a_call_that_cannot_be_written_is_not_sent(serve: Serve, client_of: ClientOf, call: Call) -> None:
    server = serve(reply(chat()))
    failed = failing(client_of(server), replace(call, prompt="\ud800"))
    assert (failed.kind, failed.sent) == ("bad_request", False)
    assert not server.requests


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_the_key_goes_nowhere_else(
    serve: Serve, client_of: ClientOf, call: Call, status: int
) -> None:
    elsewhere = serve(reply(chat()))
    server = serve(reply(b"", status, {"Location": f"{elsewhere.url}/v1/chat/completions"}))
    assert failing(client_of(server), call).kind == "redirect"
    same = serve(reply(b"", status, {"Location": "/other"}))
    assert failing(client_of(same), call).kind == "redirect"
    assert (len(server.requests), len(same.requests), len(elsewhere.requests)) == (1, 1, 0)


def test_cookies_are_not_kept(serve: Serve, client_of: ClientOf, call: Call) -> None:
    server = serve(reply(chat(), headers={"Set-Cookie": "a=b; Path=/"}))
    client = client_of(server)
    client.call(call)
    client.call(call)
    assert "cookie" not in server.requests[1].headers


CHUNK = b"10000\r\n" + b" " * 65_536 + b"\r\n"
ENDLESS_HEADERS = endless(b"X: " + b"x" * 60_000 + b"\r\n", b"HTTP/1.1 200 OK\r\n")
TOO_LARGE = {
    "announced": reply(b" " * 200_001),
    "chunked": endless(CHUNK, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "until closed": endless(b" " * 65_536, b"HTTP/1.1 200 OK\r\n\r\n"),
    "bomb": reply(gzip.compress(b" " * 5_000_000), headers={"Content-Encoding": "gzip"}),
    "bomb in a bomb": reply(gzip.compress(gzip.compress(b" " * 5_000_000)), headers={"Content-Encoding": "gzip, gzip"}),
    "one chunk without end": endless(
        b" " * 65_536, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n"
    ),
    "tiny chunks": endless(b"1\r\n \r\n" * 1000, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "trailers": endless(b"X: x\r\n" * 1000, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"),
    "an error's body": endless(b" " * 65_536, b"HTTP/1.1 500 Oops\r\n\r\n"),
    "a redirect's body": endless(b" " * 65_536, b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n"),
    "first words": endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
}


@pytest.mark.parametrize("script", TOO_LARGE.values(), ids=TOO_LARGE)
def test_no_reply_may_have_more_than_the_limit_in_whatever_form(
    serve: Serve, client_of: ClientOf, call: Call, script: Script
) -> None:
    failed = failing(client_of(serve(script), max_reply_bytes=200_000), call)
    assert (type(failed), failed.kind) == (FinalError, "too_large")


def test_headers_without_end_are_refused(serve: Serve, client_of: ClientOf, call: Call) -> None:
    assert failing(client_of(serve(ENDLESS_HEADERS), max_reply_bytes=10_000_000), call).kind == "unreadable"


def test_eight_mebibytes_are_the_default_limit(serve: Serve, client_of: ClientOf, call: Call) -> None:
    fits, does_not = json.dumps(chat()).encode(), b" " * MAX_REPLY_BYTES
    server = serve(reply(fits + b" " * (MAX_REPLY_BYTES - len(fits))), reply(does_not + fits))
    client = client_of(server)
    assert MAX_REPLY_BYTES == 8 * 1024 * 1024
    assert client.call(call).text == "return 1"
    assert failing(client, call).kind == "too_large"


def test_a_kept_connection_found_closed_is_replaced_and_the_call_repeated_once(
    serve: Serve, client_of: ClientOf, call: Call
) -> None:
    for ending in (hang_up, reset):
        server = serve(reply(chat()), ending, reply(chat("again")))
        client = client_of(server)
        client.call(call)
        got = client.call(call)
        assert (got.text, got.resent) == ("again", 1)
        assert [request.connection for request in server.requests] == [0, 0, 1]
        keys = {request.headers["idempotency-key"] for request in server.requests}
        assert keys == {"run/5/0/0/0"}


def test_an_error_says_how_often_the_call_went_out(serve: Serve, client_of: ClientOf, call: Call) -> None:
    for ending in (hang_up, reply({"error": {"message": "no"}}, status=500), reply({"choices": []})):
        client = client_of(serve(reply(chat()), hang_up, ending))
        client.call(call)
        assert failing(client, call).resent == 1


def test_it_is_repeated_on_a_fresh_connection_even_when_others_are_kept(
    serve: Serve, client_of: ClientOf, call: Call
) -> None:
    together = threading.Barrier(2)

    def both(wire: object) -> None:
        together.wait(20)
        reply(chat())(wire)  # type: ignore[arg-type]

    server = serve(both, both, hang_up, reply(chat("again")))
    client = client_of(server)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(client.call, [call, call]))
    assert client.call(call).resent == 1
    assert server.requests[-1].connection == 2


def test_a_fresh_connection_that_fails_is_not_tried_again(serve: Serve, client_of: ClientOf, call: Call) -> None:
    server = serve(hang_up)
    failing(client_of(server), call)
    assert len(server.requests) == 1


def test_a_reply_that_began_is_not_asked_for_again(serve: Serve, client_of: ClientOf, call: Call) -> None:
    for beginning in (b"H", http_bytes(b"{", length=100)):
        server = serve(reply(chat()), raw(beginning), reply(chat()))
        client = client_of(server)
        client.call(call)
        failing(client, call)
        assert len(server.requests) == 2


def test_a_repetition_that_fails_too_says_so(serve: Serve, client_of: ClientOf, call: Call) -> None:
    server = serve(reply(chat()), hang_up, hang_up)
    client = client_of(server)
    client.call(call)
    assert failing(client, call).kind == "connection"
    assert len(server.requests) == 3


def test_what_was_sent_once_stays_sent_when_the_repetition_reaches_nobody(
    serve: Serve, client_of: ClientOf, call: Call
) -> None:
    def leave(wire: Wire) -> None:
        server.stop_listening()
        hang_up(wire)

    server = serve(reply(chat()), leave)
    client = client_of(server)
    client.call(call)
    failed = failing(client, call)
    assert (failed.kind, failed.sent) == ("connection", True)
    assert "refused" in str(failed)


def test_bytes_behind_a_reply_do_not_reach_the_next_call(serve: Serve, client_of: ClientOf, call: Call) -> None:
    server = serve(
        lambda wire: wire.send(http_bytes(json.dumps(chat()).encode()) + b"HTTP/1.1 500 Stray\r\n\r\n"),
        reply(chat("b")),
    )
    client = client_of(server)
    assert client.call(call).text == "return 1"
    assert client.call(call).text == "b"


def test_a_closed_client_fails_and_does_not_hang(serve: Serve, client_of: ClientOf, call: Call) -> None:
    client = client_of(serve(reply(chat())))
    client.close()
    assert isinstance(failing(client, call), PassingError)


def test_a_connection_that_is_kept_while_its_pool_closes_is_closed_too(serve: Serve) -> None:
    with PlainPool("127.0.0.1", serve(reply(chat())).port) as pool:
        exchange = Exchange(time.monotonic() + 30)
        connection = pool.take(exchange)
        pool.reach(connection)
        exchange.release()

        class Kept(list[Watched]):
            def append(self, one: Watched) -> None:
                pool.close()
                super().append(one)

        pool._kept = Kept()
        pool.give_back(connection, keeps=True)
        assert not connection.is_connected
