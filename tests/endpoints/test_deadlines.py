"""Whatever a server does, and wherever a call is, a deadline or a cancellation ends it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import replace
from typing import Any

import pytest

from maze_tasks.endpoints import EndpointClient, HttpRequest, connections
from maze_tasks.endpoints.exchange import Exchange, Watchdog
from maze_tasks.endpoints.session import Session
from maze_tasks.errors import EndpointError, FinalError, PassingError
from maze_tasks.models.calls import Call
from tests.endpoints.scripted import WAIT_S, Script, ScriptedServer, Wire, chat, hang, http_bytes, reply, trickle

Serve = Callable[..., ScriptedServer]
ClientOf = Callable[..., EndpointClient]

SHORT_S = 0.15  # a deadline that ends a test soon; nothing depends on how exactly it is kept
BODY = json.dumps(chat("x" * 2000)).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY)
STALLS: dict[str, Script] = {
    "no reply": hang(),
    "a status line without end": hang(b"HTTP/1.1 200"),
    "headers without end": hang(b"HTTP/1.1 200 OK\r\nContent-Type: text"),
    "a body without end": hang(HEAD + BODY[:50]),
    "a body without length": hang(b"HTTP/1.1 200 OK\r\n\r\n" + BODY),
    "a chunk without end": hang(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100\r\n{"),
    "an error's body without end": hang(b"HTTP/1.1 500 Oops\r\nContent-Length: 10\r\n\r\n{"),
    "a redirect's body without end": hang(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 10\r\n\r\n{"),
    "trickled headers": trickle(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 60_000),
    "a trickled body": trickle(HEAD + BODY),
    "trickled first words": trickle(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
}


@pytest.mark.parametrize("script", STALLS.values(), ids=STALLS)
def test_a_deadline_ends_every_stall(serve: Serve, client_of: ClientOf, call: Call, script: Script) -> None:
    server = serve(script)
    with pytest.raises(PassingError) as caught:
        client_of(server).call(call, deadline_s=SHORT_S)
    assert (caught.value.kind, caught.value.sent) == ("timeout", True)
    assert len(server.requests) == 1


@pytest.mark.parametrize("script", STALLS.values(), ids=STALLS)
def test_a_cancellation_ends_every_stall(serve: Serve, client_of: ClientOf, call: Call, script: Script) -> None:
    server, cancelled = serve(script), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(client_of(server).call, call, cancelled=cancelled)
        assert server.received.acquire(timeout=WAIT_S)
        cancelled.set()
        error = running.exception(WAIT_S)
    assert isinstance(error, FinalError)
    assert (error.kind, error.sent) == ("cancelled", True)
    assert error.__context__ is None


def test_the_server_sees_the_connection_end(serve: Serve, client_of: ClientOf, call: Call) -> None:
    server = serve(hang())
    with pytest.raises(PassingError):
        client_of(server).call(call, deadline_s=1.0)  # long enough for a busy machine to connect within
    assert server.wires[0].hung_up.wait(WAIT_S)


def test_the_endpoint_s_own_timeout_is_the_default_deadline(serve: Serve, client_of: ClientOf, call: Call) -> None:
    with pytest.raises(PassingError) as caught:
        client_of(serve(hang()), timeout_secs=SHORT_S).call(call)
    assert caught.value.kind == "timeout"
    assert caught.value.latency_ms >= SHORT_S * 1000


def test_a_call_cancelled_or_late_before_it_begins_sends_nothing(serve: Serve, client_of: ClientOf, call: Call) -> None:
    server, cancelled = serve(reply(chat())), threading.Event()
    client = client_of(server)
    with pytest.raises(PassingError) as late:
        client.call(call, deadline_s=0.0)
    cancelled.set()
    with pytest.raises(FinalError) as stopped:
        client.call(call, cancelled=cancelled)
    assert (late.value.kind, late.value.sent) == ("timeout", False)
    assert (stopped.value.kind, stopped.value.sent) == ("cancelled", False)
    assert not server.wires


def test_a_server_that_does_not_read_ends_a_long_prompt_at_its_deadline(client_of: ClientOf, call: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(PassingError) as caught:
        client_of(f"http://127.0.0.1:{listener.getsockname()[1]}").call(
            replace(call, prompt="x" * 20_000_000), deadline_s=SHORT_S
        )
    assert (caught.value.kind, caught.value.sent) == ("timeout", True)


def test_a_deadline_ends_a_call_on_a_kept_connection(serve: Serve, client_of: ClientOf, call: Call) -> None:
    server = serve(reply(chat()), STALLS["trickled headers"])
    client = client_of(server)
    client.call(call)
    with pytest.raises(PassingError) as caught:
        client.call(call, deadline_s=SHORT_S)
    assert caught.value.kind == "timeout"
    assert [request.connection for request in server.requests] == [0, 0]  # and it is not repeated


def test_the_deadline_covers_the_repetition_too(serve: Serve, client_of: ClientOf, call: Call) -> None:
    def leave(wire: Wire) -> None:
        wire.sock.shutdown(socket.SHUT_RDWR)

    server = serve(reply(chat()), leave, hang())
    client = client_of(server)
    client.call(call)
    with pytest.raises(PassingError) as caught:
        client.call(call, deadline_s=SHORT_S)
    assert caught.value.kind == "timeout"
    assert len(server.requests) == 3


def test_a_connection_cut_by_a_deadline_is_not_used_again(serve: Serve, client_of: ClientOf, call: Call) -> None:
    server = serve(hang(), reply(chat()))
    client = client_of(server)
    with pytest.raises(PassingError):
        client.call(call, deadline_s=SHORT_S)
    assert client.call(call).text == "return 1"
    assert [request.connection for request in server.requests] == [0, 1]


def test_cancelling_one_call_leaves_the_others_alone(serve: Serve, client_of: ClientOf, call: Call) -> None:
    go_on = threading.Event()

    def wait(wire: Wire) -> None:
        go_on.wait(WAIT_S)
        wire.send(http_bytes(json.dumps(chat()).encode()))

    server, cancelled = serve(wait), threading.Event()
    client = client_of(server)
    with ThreadPoolExecutor(2) as pool:
        spared = pool.submit(client.call, call, cancelled=threading.Event())
        doomed = pool.submit(client.call, call, cancelled=cancelled)
        for _ in range(2):
            assert server.received.acquire(timeout=WAIT_S)
        cancelled.set()
        assert isinstance(doomed.exception(WAIT_S), FinalError)
        go_on.set()
        assert spared.result(WAIT_S).text == "return 1"


@pytest.fixture
def full_listener() -> Iterator[int]:
    """Port of a listener whose queue is full, so that further connections hang while connecting."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(listener.getsockname())
        yield int(listener.getsockname()[1])


def test_a_deadline_ends_connecting(full_listener: int, client_of: ClientOf, call: Call) -> None:
    with pytest.raises(PassingError) as caught:
        client_of(f"http://127.0.0.1:{full_listener}").call(call, deadline_s=SHORT_S)
    assert (caught.value.kind, caught.value.sent) == ("timeout", False)


def test_a_cancellation_ends_connecting(full_listener: int, client_of: ClientOf, call: Call) -> None:
    cancelled = threading.Event()
    threading.Timer(SHORT_S, cancelled.set).start()
    with pytest.raises(FinalError) as caught:
        client_of(f"http://127.0.0.1:{full_listener}").call(call, cancelled=cancelled)
    assert (caught.value.kind, caught.value.sent) == ("cancelled", False)
    assert caught.value.latency_ms < 9000  # the connect timeout, which is not what ended it, is ten seconds


@pytest.mark.parametrize("end", ["deadline", "cancel"])
def test_a_resolver_that_does_not_answer_is_left_behind(
    end: str, client_of: ClientOf, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answer = threading.Event(), threading.Event()

    def never(*_: Any, **__: Any) -> list[Any]:
        asked.set()
        answer.wait(WAIT_S)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", never)
    cancelled = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        deadline_s = SHORT_S if end == "deadline" else None
        running = pool.submit(client_of("http://slow.test").call, call, deadline_s=deadline_s, cancelled=cancelled)
        assert asked.wait(WAIT_S)
        if end == "cancel":
            cancelled.set()
        error = running.exception(WAIT_S)
    answer.set()
    assert isinstance(error, EndpointError)
    assert (error.kind, error.sent) == ({"deadline": "timeout", "cancel": "cancelled"}[end], False)
    assert error.latency_ms < 9000


def test_sending_a_long_prompt_may_take_longer_than_connecting(
    client_of: ClientOf, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONNECT_TIMEOUT_S", SHORT_S)
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        client = client_of(f"http://127.0.0.1:{listener.getsockname()[1]}")
        running = pool.submit(client.call, replace(call, prompt="x" * 20_000_000))
        slow, _ = listener.accept()
        with slow:
            assert not running.done()
            with pytest.raises(FutureTimeout):
                running.result(3 * SHORT_S)  # it waits for us to read
            left = 20_000_000
            while left > 0:
                left -= len(slow.recv(1_000_000))
            slow.sendall(http_bytes(json.dumps(chat()).encode()))
            assert running.result(WAIT_S).text == "return 1"


def test_an_exchange_that_wants_a_fresh_connection_gets_one(serve: Serve) -> None:
    server = serve(reply(chat()))
    pool = Session(server.url, pool_size=2, headers={}, verify_tls=True, max_reply_bytes=10_000)
    for fresh_only in (False, False, True):
        exchange = Exchange(time.monotonic() + WAIT_S)
        exchange.fresh_only = fresh_only
        pool.fetch(HttpRequest("GET", server.url), exchange)
        exchange.release()
        assert exchange.reused is (len(server.requests) == 2)
    pool.close()
    assert [request.connection for request in server.requests] == [0, 0, 1]


def test_a_hundred_stalled_calls_need_one_watchdog(serve: Serve, client_of: ClientOf, call: Call) -> None:
    server, cancelled = serve(hang()), threading.Event()
    client = client_of(server, pool_size=100)
    with ThreadPoolExecutor(100) as pool:
        running = [pool.submit(client.call, call, cancelled=cancelled) for _ in range(100)]
        for _ in range(100):
            assert server.received.acquire(timeout=WAIT_S)
        names = [thread.name for thread in threading.enumerate()]
        cancelled.set()
        errors = [task.exception(WAIT_S) for task in running]
    assert {getattr(error, "kind", None) for error in errors} == {"cancelled"}
    assert names.count("maze-watchdog") == 1


def test_no_descriptor_is_left_behind(serve: Serve, client_of: ClientOf, call: Call) -> None:
    server = serve(reply(chat()))
    client = client_of(server)
    client.call(call)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the folder of this process's descriptors
    for _ in range(20):
        client.call(call, cancelled=threading.Event())
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


class TestWatchdog:
    """The watchdog by itself."""

    def test_what_is_held_after_the_end_is_stopped_at_once(self) -> None:
        exchange = Exchange(float("inf"))
        exchange.stop("cancelled")
        ours, theirs = socket.socketpair()
        with ours, theirs:
            exchange.hold(ours)
            assert theirs.recv(1) == b""
            exchange.release()

    def test_the_first_reason_stands(self) -> None:
        exchange = Exchange(float("inf"))
        exchange.stop("cancelled")
        exchange.stop("timeout")
        assert exchange.stopped == "cancelled"

    def test_a_socket_shut_before_it_connects_is_shut_again(self) -> None:
        watchdog, cancelled = Watchdog(poll_s=0.01), threading.Event()
        cancelled.set()
        exchange = Exchange(float("inf"), cancelled)
        stops = threading.Semaphore(0)
        with watchdog.watching(exchange):
            exchange.on_stop(stops.release)
            for _ in range(3):
                assert stops.acquire(timeout=WAIT_S)

    def test_what_is_over_is_let_go(self) -> None:
        watchdog, released = Watchdog(), []
        exchange = Exchange(float("inf"))
        with watchdog.watching(exchange):
            exchange.on_stop(lambda: None, lambda: released.append(1))
        assert released == [1]

    def test_an_earlier_deadline_wakes_a_waiting_watchdog(self) -> None:
        watchdog, stopped = Watchdog(), threading.Event()
        later, sooner = Exchange(float("inf")), Exchange(0.0)
        sooner.on_stop(stopped.set)
        with watchdog.watching(later), watchdog.watching(sooner):
            assert stopped.wait(WAIT_S)
        assert (sooner.stopped, later.stopped) == ("timeout", None)

    def test_a_forked_child_watches_for_itself(self, serve: Serve, client_of: ClientOf, call: Call) -> None:
        server = serve(reply(chat()), STALLS["trickled headers"])
        client_of(server).call(call)
        child = os.fork()
        if child == 0:
            code = 1
            with contextlib.suppress(BaseException):
                try:
                    client_of(server).call(call, deadline_s=SHORT_S)
                except PassingError as error:
                    code = 0 if error.kind == "timeout" else 2
            os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
