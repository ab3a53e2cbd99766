"""Simulated endpoints over real connections."""

from __future__ import annotations

import http.client
import io
import json
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from maze_tasks.errors import ConfigError, Refused
from maze_tasks.models import ModelEndpoint
from maze_tasks.simulate.server import SimulatedServer
from maze_tasks.simulate.settings import SimulatedEndpoint

Ask = Callable[..., Any]

FAST = ModelEndpoint(name="fast", endpoint_url="http://localhost:8001/v1", model="fast-model")
DEEP = ModelEndpoint(name="deep", endpoint_url="http://localhost:8002/api", model="deep-model", protocol="ananke")
KEY = "run/h1/0/0/0"


def serving(*endpoints: ModelEndpoint, **settings: Any) -> SimulatedServer:
    """A server of these endpoints, all with the same settings and no latency unless they say so."""
    one = SimulatedEndpoint.model_validate({"latency": 0, **settings})
    return SimulatedServer(endpoints, {endpoint.name: one for endpoint in endpoints}, env={})


@pytest.mark.parametrize("operation", ["chat/completions", "completions"])
def test_openai_is_spoken_and_labelled(ask: Ask, operation: str) -> None:
    with serving(FAST) as server:
        got = ask(server.url("fast"), operation, key=KEY)
    assert got.status == 200
    assert got.text == "pass  # simulated"
    assert got.headers["X-Maze-Simulated"] == "true"
    assert got.headers["Server"] == "maze-simulator"
    assert got.json["system_fingerprint"] == "simulated"
    assert got.json["model"] == "fast-model"


@pytest.mark.parametrize("form", ["client", "service"])
def test_ananke_is_spoken_and_labelled(ask: Ask, form: str) -> None:
    with serving(DEEP, ananke_reply=form) as server:
        got = ask(server.url("deep"), "generate", key=KEY)
    assert got.text == "pass  # simulated"
    assert got.headers["X-Maze-Simulated"] == "true"
    assert got.json.get("model", got.json.get("model_name")) == "deep-model"


def test_models_and_health(ask: Ask) -> None:
    with serving(FAST, DEEP, health_status=503) as server:
        models = ask(server.url("fast"), "models", method="GET")
        assert [model["id"] for model in models.json["data"]] == ["fast-model"]
        assert ask(server.url("deep"), "models", method="GET").json == ["deep-model"]
        assert ask(server.url("deep"), "health", method="GET").status == 503


def test_recorded_answers_are_replayed(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "fills.jsonl").write_text('{"hole_id": "h 1", "code": "return 1"}\n')
    settings = {"fast": SimulatedEndpoint.model_validate({"latency": 0, "answers": "fills.jsonl"})}
    with SimulatedServer([FAST], settings, folder=tmp_path) as server:
        assert ask(server.url("fast"), key="run/h%201/0/0/0").text == "return 1"


def test_endpoints_of_one_path_are_told_apart_by_the_model(ask: Ask) -> None:
    other = FAST.model_copy(update={"name": "other", "model": "other-model"})
    with serving(FAST, other) as server:
        assert server.url("fast") == server.url("other")
        body = {"prompt": "fill", "model": "other-model"}
        assert ask(server.url("fast"), "completions", body).json["model"] == "other-model"
        assert ask(server.url("fast"), "completions", body | {"model": "neither"}).status == 404
        assert len(ask(server.url("fast"), "models", method="GET").json["data"]) == 2
    assert server.stats()["endpoints"]["other"]["requests"] == 1
    assert server.stats()["unrouted"] == 1


def test_endpoints_of_one_port_are_told_apart_by_the_path(ask: Ask) -> None:
    other = FAST.model_copy(update={"name": "other", "endpoint_url": "http://localhost:8001/v2"})
    with serving(FAST, other) as server:
        assert ask(server.url("other")).status == 200
        assert ask(server.url("other") + "/nowhere").status == 404
    counts = server.stats()
    assert (counts["endpoints"]["other"]["requests"], counts["unrouted"]) == (1, 1)


def test_a_key_is_asked_for_where_this_process_has_it(ask: Ask) -> None:
    endpoint = FAST.model_copy(update={"api_key_env": "FAST_KEY"})
    settings = {"fast": SimulatedEndpoint.model_validate({"latency": 0})}
    with SimulatedServer([endpoint], settings, env={"FAST_KEY": "secret"}) as server:
        assert ask(server.url("fast")).status == 401
        assert ask(server.url("fast"), headers={"Authorization": "Bearer wrong"}).status == 401
        assert ask(server.url("fast"), headers={"Authorization": "Bearer secret"}).status == 200
    assert server.stats()["endpoints"]["fast"]["errors"] == {"unauthorized": 2}
    with SimulatedServer([endpoint], settings, env={}) as server:
        assert ask(server.url("fast")).status == 200


@pytest.mark.parametrize("body", [b"{", b"\xff", b"", b"[]", b"{}", b"[" * 100_000], ids=len)
def test_what_is_no_request_is_a_400(ask: Ask, body: bytes) -> None:
    with serving(FAST) as server:
        assert ask(server.url("fast"), body=body).status == 400


def test_a_large_prompt_is_taken(ask: Ask) -> None:
    with serving(FAST) as server:
        assert ask(server.url("fast"), "completions", {"prompt": "x" * 3_000_000}).status == 200


def raw(url: str) -> bytes:
    """Everything that comes until the other side closes."""
    parts = urlsplit(url)
    body = b'{"prompt": "fill"}'
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30) as connection:
        head = f"POST {parts.path}/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def fault(kind: str, **more: Any) -> dict[str, Any]:
    return {"errors": [{"kind": kind, "every": 1, **more}]}


@pytest.mark.parametrize("kind", ["closed", "hang"])
def test_a_connection_may_end_without_a_reply(kind: str) -> None:
    with serving(FAST, **fault(kind, duration_s=0.01)) as server:
        assert raw(server.url("fast")) == b""
    assert server.stats()["endpoints"]["fast"]["errors"] == {kind: 1}


def test_a_connection_may_be_reset() -> None:
    with serving(FAST, **fault("reset")) as server, pytest.raises(ConnectionResetError):
        raw(server.url("fast"))
    assert server.stats()["endpoints"]["fast"]["errors"] == {"reset": 1}


def test_a_body_may_be_cut_short() -> None:
    with serving(FAST, **fault("cut")) as server:
        head, _, body = raw(server.url("fast")).partition(b"\r\n\r\n")
    announced = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    assert 0 < len(body) < announced


def test_a_connection_may_end_after_a_reply_that_promised_to_keep_it() -> None:
    with serving(FAST, **fault("close_after")) as server:
        head, _, body = raw(server.url("fast")).partition(b"\r\n\r\n")
    assert b"connection: keep-alive" in head.lower()
    assert b"x-maze-simulated: true" in head.lower()
    assert json.loads(body)["choices"]


@pytest.mark.parametrize("kind", ["trickle", "trickle_headers"])
def test_a_reply_may_trickle(ask: Ask, kind: str) -> None:
    with serving(FAST, **fault(kind, interval_ms=0)) as server:
        assert ask(server.url("fast")).text == "pass  # simulated"
    assert server.stats()["endpoints"]["fast"]["errors"] == {kind: 1}


def test_a_client_that_goes_away_frees_its_place() -> None:
    log = Lines(1)
    settings = {"fast": SimulatedEndpoint.model_validate({**fault("hang"), "max_concurrency": 1, "latency": 0})}
    with SimulatedServer([FAST], settings, log=log) as server:
        parts = urlsplit(server.url("fast"))
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        connection.request("POST", "/v1/completions", b'{"prompt": "fill"}')
        while not server.stats()["endpoints"]["fast"]["in_flight"]:
            pass
        connection.close()
        assert log.came.wait(30)
        counts = server.stats()["endpoints"]["fast"]
    assert (counts["in_flight"], counts["errors"]) == (0, {"hang": 1})
    assert json.loads(log.getvalue())["status"] is None


class Lines(io.StringIO):
    """A log that says when it has a number of lines."""

    def __init__(self, expected: int) -> None:
        super().__init__()
        self._expected, self.came = expected, threading.Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        if self.getvalue().count("\n") >= self._expected:
            self.came.set()
        return written


def test_a_server_that_is_left_drops_what_still_hangs() -> None:
    with ThreadPoolExecutor(1) as pool:
        with serving(FAST, **fault("hang")) as server:
            waiting = pool.submit(raw, server.url("fast"))
            while not server.stats()["endpoints"]["fast"]["in_flight"]:
                pass
        assert waiting.result(30) == b""
    assert server.stats()["endpoints"]["fast"]["in_flight"] == 0


def test_every_request_is_logged(ask: Ask) -> None:
    log = io.StringIO()
    settings = {"fast": SimulatedEndpoint.model_validate({"latency": 0, "errors": [{"kind": 429, "every": 2}]})}
    with SimulatedServer([FAST], settings, log=log) as server:
        for _ in range(2):
            ask(server.url("fast"), key=KEY)
    entries = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(entry["outcome"], entry["status"]) for entry in entries] == [("answered", 200), ("429", 429)]
    assert {(entry["endpoint"], entry["key"], entry["simulated"]) for entry in entries} == {("fast", KEY, True)}
    counted = server.stats()["endpoints"]["fast"]["tokens"]
    assert [entry["prompt_tokens"] for entry in entries] == [counted["prompt"], 0]
    assert [entry["generated_tokens"] for entry in entries] == [counted["generated"], 0]


def test_counts_are_served_at_each_port(ask: Ask) -> None:
    with serving(FAST, DEEP) as server:
        ask(server.url("fast"), key=KEY)
        for name in ("fast", "deep"):
            parts = urlsplit(server.url(name))
            got = ask(f"http://{parts.netloc}", "__simulator__/stats", method="GET")
            assert got.json == server.stats()
    assert got.json["endpoints"]["fast"]["answered"] == 1


def test_requests_that_come_together_are_all_counted(ask: Ask) -> None:
    with serving(FAST, latency=5) as server, ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda index: ask(server.url("fast"), key=f"run/{index}/0/0/0"), range(40)))
        counts = server.stats()["endpoints"]["fast"]
    assert {reply.status for reply in got} == {200}
    assert (counts["answered"], counts["distinct_keys"], counts["in_flight"]) == (40, 40, 0)
    assert 1 <= counts["max_in_flight"] <= 8


def test_without_settings_all_endpoints_are_simulated_else_only_those_named() -> None:
    with SimulatedServer([FAST, DEEP]) as server:
        assert [endpoint.name for endpoint in server.endpoints] == ["fast", "deep"]
    with SimulatedServer([FAST, DEEP], {"deep": SimulatedEndpoint()}) as server:
        assert [endpoint.endpoint_url for endpoint in server.endpoints] == [server.url("deep")]
        assert server.endpoint("deep").model == "deep-model"


def test_settings_of_an_unknown_endpoint_are_refused() -> None:
    with pytest.raises(ConfigError, match="fast"):
        SimulatedServer([FAST], {"typo": SimulatedEndpoint()})
    with pytest.raises(ConfigError, match="no endpoints"):
        SimulatedServer([])


def test_a_port_in_use_is_named_and_no_other_stays_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        ports = {"taken": taken.getsockname()[1], "free": free.getsockname()[1]}
        free.close()
        endpoints = [
            ModelEndpoint(name=name, endpoint_url=f"http://127.0.0.1:{ports[name]}/v1") for name in ("free", "taken")
        ]
        with pytest.raises(Refused, match=f"port {ports['taken']}"), SimulatedServer(endpoints, free_ports=False):
            pass
        with socket.create_server(("127.0.0.1", ports["free"])):
            pass
