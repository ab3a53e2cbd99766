"""Limits that all workers keep to together: requests are counted where they arrive."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.integration.stage import Stage, ended, endpoint, staged, until

HOLES = 24
MANY = 300
DIRECT = """
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from maze_tasks import EnsembleClient, HoleSpec, InferenceRequest

config, name, window_ms = sys.argv[1], sys.argv[2], int(sys.argv[3])
with EnsembleClient.from_config(config, cache=False) as client:
    gates = client.direct_run().filler.gates
    gates.limits = {model: replace(known, window_ms=window_ms) for model, known in gates.limits.items()}
    asked = InferenceRequest(prompt="Fill it.", max_tokens=8)
    with ThreadPoolExecutor(12) as threads:
        list(threads.map(lambda number: client.generate_routed(asked, HoleSpec(hole_id=number)), range(12)))
"""


@pytest.fixture
def stage(addresses: Callable[[], dict[str, str]]) -> Iterator[Stage]:
    with staged([endpoint("a", requests_per_minute=5), endpoint("b")]) as made:
        made.settings = addresses()
        made.write("holes.jsonl", [{"hole_id": number} for number in range(HOLES)])
        yield made


def two_workers(stage: Stage, *models: str) -> None:
    for name in ("first", "second"):
        stage.worker(*(f"--models={model}" for model in models), name=name)
    until(lambda: stage.consumers() >= 2 * len(models), "two workers at each model")


def nobody_is_at_work(stage: Stage, run: str) -> bool:
    """Whether every open hole waits in the store, none in a queue or a slot."""
    status = stage.status(run)
    with closing(stage.redis()) as client:
        return status.sealed and status.pending == client.zcard(f"maze:{{r:{run}}}:due")


def test_two_workers_send_no_more_requests_than_a_minute_has_and_the_rest_waits_in_no_slot(stage: Stage) -> None:
    stage.configure(fallback_enabled=False)
    two_workers(stage, "a")
    refining = stage.start("refine", "holes.jsonl", "--run", "r", "--json")
    until(lambda: nobody_is_at_work(stage, "r"), "a turn for every hole")
    status = stage.maze("status", "r", "--json").json
    assert (status["filled"], status["in_progress"], status["pending"]) == (5, 0, HOLES - 5)
    assert (status["attempts"], stage.stats()["a"]["requests"]) == (5, 5)
    shown = status["endpoints"]["a"]
    assert (shown["requests_last_minute"], shown["in_flight"], shown["breaker"]) == (5, 0, "closed")
    assert stage.maze("cancel", "r").code == 0
    assert ended(refining).code == 1


def test_workers_with_more_slots_than_calls_at_once_send_no_hole_round(addresses: Callable[[], dict[str, str]]) -> None:
    with staged([endpoint("a", max_concurrency=2)], {"a": {"latency": 20}}) as stage:
        stage.settings = addresses()
        stage.configure()
        stage.write("holes.jsonl", [{"hole_id": number} for number in range(MANY)])
        two_workers(stage, "a")
        done = stage.maze("refine", "holes.jsonl", "--run", "r", "--json")
        assert (done.code, done.json["filled"], stage.stats()["a"]["max_in_flight"]) == (0, MANY, 2)
        with closing(stage.redis()) as client:
            # At its end what a worker has in hand looks forgotten; each hole that had waited in the store would count.
            assert int(client.hget("maze:{r:r}:meta", "sn")) < MANY / 3


def test_what_a_minute_has_no_room_for_goes_to_a_candidate_that_is_free(stage: Stage) -> None:
    stage.configure()
    two_workers(stage, "a", "b")
    done = stage.maze("refine", "holes.jsonl", "--run", "r", "--json")
    assert (done.code, done.json["filled"], done.json["attempts"]) == (0, HOLES, HOLES)
    assert [stage.stats()[name]["requests"] for name in ("a", "b")] == [5, HOLES - 5]
    assert done.json["fallbacks"] == HOLES - 5


def test_a_pause_that_one_worker_is_asked_for_holds_for_both(addresses: Callable[[], dict[str, str]]) -> None:
    throttled = {"errors": [{"kind": 429, "every": 1, "retry_after_s": 600}]}
    with staged([endpoint("a", max_concurrency=2), endpoint("b")], {"a": throttled}) as stage:
        stage.settings = addresses()
        stage.configure()
        stage.write("holes.jsonl", [{"hole_id": number} for number in range(HOLES)])
        two_workers(stage, "a", "b")
        done = stage.maze("refine", "holes.jsonl", "--run", "r", "--json")
        assert (done.code, done.json["filled"]) == (0, HOLES)
        assert stage.stats()["a"]["requests"] <= 2, "those that were in flight when the first was refused"
        shown = stage.maze("metrics", "--json").json["endpoints"]["a"]
        assert 0 < shown["paused_until"] - time.time() <= 600
        assert "s " in stage.maze("status", "r").out


def test_an_endpoint_that_stays_away_is_left_alone_and_the_run_ends(addresses: Callable[[], dict[str, str]]) -> None:
    with staged([endpoint("a", max_concurrency=4)], {"a": {"errors": [{"kind": 401, "every": 1}]}}) as stage:
        stage.settings = addresses()
        stage.configure()
        stage.write("holes.jsonl", [{"hole_id": number} for number in range(200)])
        two_workers(stage, "a")
        done = stage.maze("refine", "holes.jsonl", "--run", "r", "--json")
        assert (done.code, done.json["failed"]) == (1, 200)
        assert stage.stats()["a"]["requests"] <= 4
        assert stage.maze("status", "r", "--json").json["endpoints"]["a"]["breaker"] != "closed"


@contextmanager
def counting() -> Iterator[tuple[str, list[float]]]:
    """An endpoint that writes down when each request arrived."""
    arrived: list[float] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            arrived.append(time.monotonic())
            self.rfile.read(int(self.headers["Content-Length"]))
            reply: dict[str, Any] = {"choices": [{"message": {"content": "return 1"}, "finish_reason": "stop"}]}
            body = json.dumps(reply).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", arrived
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_within_no_window_do_more_arrive_than_the_limit(addresses: Callable[[], dict[str, str]]) -> None:
    limit, window_ms = 8, 2_000  # a permit counts for the window and the second within which it must be used
    with counting() as (url, arrived), staged([endpoint("a")]) as stage:
        stage.settings = addresses()
        stage.endpoints = (endpoint("a", endpoint_url=url, requests_per_minute=limit, max_concurrency=64),)
        config = stage.configure()
        command = [sys.executable, "-c", DIRECT, str(config)]
        both = [stage.run_process([*command, name, str(window_ms + 1_000)]) for name in ("x", "y")]
        said = [ended(one) for one in both]
        assert [(one.code, one.err) for one in said] == [(0, "")] * 2
    assert len(arrived) == 24
    most = max(sum(at <= other < at + window_ms / 1000 for other in arrived) for at in arrived)
    assert most <= limit
