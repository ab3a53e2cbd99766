"""Proxies and certificates: taken from the environment once, when the client is made."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from maze_tasks.endpoints import EndpointClient
from maze_tasks.errors import ConfigError, EndpointError, FinalError, PassingError
from maze_tasks.models.calls import Call
from tests.endpoints.scripted import WAIT_S, ScriptedServer, Wire, chat, hang, http_bytes, reply

Serve = Callable[..., ScriptedServer]
ClientOf = Callable[..., EndpointClient]


def test_a_proxy_of_the_environment_is_used_and_found_only_once(
    serve: Serve, client_of: ClientOf, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(reply(chat()))
    monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", "//user:proxy-password@"))
    monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//user:proxy-password@"))
    client = client_of("http://endpoint.test/v1")
    monkeypatch.delenv("HTTP_PROXY")
    monkeypatch.delenv("http_proxy")
    assert client.call(call).text == "return 1"
    (request,) = proxy.requests
    assert request.target == "http://endpoint.test/v1/chat/completions"
    assert request.headers["proxy-authorization"].startswith("Basic ")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert client.call(call).text == "return 1"


def test_a_proxy_s_password_is_kept_secret(
    serve: Serve, client_of: ClientOf, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(reply(b"who is user:proxy-password?", 407))
    monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", "//user:proxy-password@"))
    with pytest.raises(FinalError, match=r"who is user:\[redacted\]\?"):
        client_of("http://endpoint.test/v1").call(call)


def test_no_proxy_is_honoured(serve: Serve, client_of: ClientOf, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert client_of(serve(reply(chat()))).call(call).text == "return 1"


def test_a_deadline_ends_a_stalled_tunnel(
    serve: Serve, client_of: ClientOf, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(hang(b"HTTP/1.1 200 Conn"))
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    with pytest.raises(PassingError) as caught:
        client_of("https://endpoint.test/v1").call(call, deadline_s=0.15)
    assert (caught.value.kind, caught.value.sent) == ("timeout", False)
    assert proxy.requests[0].method == "CONNECT"
    assert "authorization" not in proxy.requests[0].headers


def test_a_call_goes_through_a_tunnel_and_its_secrets_within(
    serve: Serve, client_of: ClientOf, call: Call, monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext
) -> None:
    within: list[bytes] = []

    def tunnel(wire: Wire) -> None:
        wire.send(b"HTTP/1.1 200 Connected\r\n\r\n")
        with tls.wrap_socket(wire.sock, server_side=True) as inner:
            for _ in range(2):
                asked = b""
                while b"Fill it." not in asked:
                    asked += inner.recv(65_536)
                within.append(asked)
                inner.sendall(http_bytes(json.dumps(chat()).encode()))
        wire.over = True

    proxy = serve(tunnel)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//user:proxy-password@"))
    client = client_of("https://endpoint.test/v1", verify_tls=False)
    assert [client.call(call).text for _ in range(2)] == ["return 1"] * 2
    (request,) = proxy.requests
    assert (request.method, request.target) == ("CONNECT", "endpoint.test:443")
    assert request.headers["proxy-authorization"].startswith("Basic ")
    assert "authorization" not in request.headers
    for asked in within:
        assert asked.startswith(b"POST /v1/chat/completions HTTP/1.1\r\nHost: endpoint.test\r\n")
        assert b"\r\nAuthorization: Bearer " in asked
        assert b"proxy-authorization" not in asked.lower()


def test_a_socks_proxy_is_refused_by_name(client_of: ClientOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(ConfigError, match="SOCKS"):
        client_of("http://endpoint.test/v1")


@pytest.mark.parametrize("proxy", ["gopher://u:secret-word@127.0.0.1:1", "http://u:secret-word@h:port", "http://"])
def test_a_proxy_that_cannot_be_used_is_refused_without_being_repeated(
    client_of: ClientOf, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(ConfigError, match="proxy") as caught:
        client_of("http://endpoint.test/v1")
    assert "secret-word" not in "".join(traceback.format_exception(caught.value))


def test_a_proxy_without_a_scheme_speaks_http(
    serve: Serve, client_of: ClientOf, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{(proxy := serve(reply(chat()))).port}")
    client_of("http://endpoint.test/v1").call(call)
    assert len(proxy.requests) == 1


def test_a_ca_bundle_that_is_not_there_is_refused_by_name(client_of: ClientOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    with pytest.raises(ConfigError, match="REQUESTS_CA_BUNDLE"):
        client_of("https://endpoint.test/v1")
    client_of("http://endpoint.test/v1")  # which needs none


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1, signed by itself, with its key in the same file."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    (folder / "both.pem").write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return folder / "both.pem"


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_certificate_is_checked_against_the_bundle_named(
    serve: Serve,
    client_of: ClientOf,
    call: Call,
    tls: ssl.SSLContext,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = serve(reply(chat()), tls=tls)
    with pytest.raises(PassingError, match="certificate") as caught:
        client_of(server).call(call)
    assert (caught.value.kind, caught.value.sent) == ("connection", False)
    assert not server.requests
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    client = client_of(server)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    assert client.call(call).text == "return 1"
    assert client.call(call).text == "return 1"
    assert {request.connection for request in server.requests} == {server.requests[0].connection}


def test_the_check_can_be_switched_off(serve: Serve, client_of: ClientOf, call: Call, tls: ssl.SSLContext) -> None:
    assert client_of(serve(reply(chat()), tls=tls), verify_tls=False).call(call).text == "return 1"


def test_a_kept_tls_connection_found_closed_is_replaced(
    serve: Serve, client_of: ClientOf, call: Call, tls: ssl.SSLContext
) -> None:
    def leave(wire: Wire) -> None:
        wire.sock.close()
        wire.over = True

    server = serve(reply(chat()), leave, reply(chat("again")), tls=tls)
    client = client_of(server, verify_tls=False)
    client.call(call)
    got = client.call(call)
    assert (got.text, got.resent) == ("again", 1)


@pytest.mark.parametrize("end", ["deadline", "cancel"])
@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\nX: ", http_bytes(b"{", length=100)])
def test_a_stalled_tls_reply_is_ended(
    serve: Serve, client_of: ClientOf, call: Call, tls: ssl.SSLContext, end: str, before: bytes
) -> None:
    server, cancelled = serve(hang(before), tls=tls), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        deadline_s = 0.3 if end == "deadline" else None
        running = pool.submit(
            client_of(server, verify_tls=False).call, call, deadline_s=deadline_s, cancelled=cancelled
        )
        assert server.received.acquire(timeout=WAIT_S)
        if end == "cancel":
            cancelled.set()
        error = running.exception(WAIT_S)
    assert getattr(error, "kind", None) == {"deadline": "timeout", "cancel": "cancelled"}[end]


@pytest.mark.parametrize("end", ["deadline", "cancel"])
def test_a_stalled_handshake_is_ended(client_of: ClientOf, call: Call, end: str) -> None:
    cancelled = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        client = client_of(f"https://127.0.0.1:{listener.getsockname()[1]}", verify_tls=False)
        deadline_s = 0.15 if end == "deadline" else None
        running = pool.submit(client.call, call, deadline_s=deadline_s, cancelled=cancelled)
        mute, _ = listener.accept()
        with mute:
            assert mute.recv(1)  # the handshake has begun
            if end == "cancel":
                cancelled.set()
            error = running.exception(WAIT_S)
    assert isinstance(error, EndpointError)
    assert (error.kind, error.sent) == ({"deadline": "timeout", "cancel": "cancelled"}[end], False)
    assert error.latency_ms < 9000  # the connect timeout, which is not what ended it, is ten seconds
