"""Holes that kill whoever tries them: set aside in the end, and nobody beside them is blamed."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from maze_tasks.dispatch import make_celery
from maze_tasks.names import FILL_TASK, suspects_of
from tests.integration.stage import Stage, ended, endpoint, staged

HOLES = 8
BAD = 3  # the hole that kills
DEATHS = 2 + 3  # in company, and alone


class Deadly(ThreadingHTTPServer):
    """An endpoint that kills the process which asks it about the bad hole, and fills all others."""

    daemon_threads = True
    killed: list[int]
    kills = True


class Answer(BaseHTTPRequestHandler):
    """One call."""

    server: Deadly
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.kills and f"hole {BAD}." in json.dumps(asked):
            pid = owner_of(self.client_address[1], self.server.server_address[1])
            self.server.killed.append(pid)
            os.kill(pid, signal.SIGKILL)
            return
        reply = {"choices": [{"message": {"content": "return 1"}, "finish_reason": "stop"}], "usage": {}}
        body = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def owner_of(port: int, remote: int) -> int:
    """The process at the other end of a connection from one local port to another (Linux)."""
    here = f"{struct.unpack('=I', socket.inet_aton('127.0.0.1'))[0]:08X}"
    ends = [f"{here}:{port:04X}", f"{here}:{remote:04X}"]
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    (inode,) = [row[9] for row in rows if row[1:3] == ends and row[3] == "01"]  # established
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with suppress(OSError):
            if any(str(one.readlink()) == f"socket:[{inode}]" for one in folder.iterdir()):
                return int(folder.parent.name)
    raise AssertionError(f"nobody owns port {port}")


@pytest.fixture
def deadly() -> Iterator[Deadly]:
    server = Deadly(("127.0.0.1", 0), Answer)
    server.killed = []
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def stage(addresses: Callable[[], dict[str, str]], deadly: Deadly) -> Iterator[Stage]:
    """One model that kills; nobody works yet."""
    address = f"http://127.0.0.1:{deadly.server_address[1]}/v1"
    with staged([endpoint("a", max_concurrency=HOLES)]) as made:
        made.endpoints = (made.endpoints[0].model_copy(update={"endpoint_url": address}),)
        made.settings = addresses() | {"lease_s": 1}
        made.configure()
        yield made


def batch(stage: Stage) -> Path:
    return stage.write("holes.jsonl", [{"hole_id": number, "prompt": f"hole {number}."} for number in range(HOLES)])


def in_a_parcel(stage: Stage) -> None:
    """One message for all holes, in the place of those that were sent."""
    with closing(stage.redis("broker_url")) as client:
        client.delete("fill.a")
    message = {"model": "a", "holes": list(range(HOLES)), "run": "r", "round": 0, "candidate": 0, "sample": 0}
    with make_celery(stage.settings["broker_url"]) as app:
        app.send_task(FILL_TASK, kwargs=message | {"send_no": 1, "v": 1}, queue="fill.a")


def test_a_hole_that_kills_its_workers_is_set_aside_and_its_neighbours_are_filled(stage: Stage, deadly: Deadly) -> None:
    assert stage.maze("refine", batch(stage), "--run", "r", "--detach").code == 0
    in_a_parcel(stage)
    worker = stage.worker()
    watched = ended(stage.start("watch", "r", "--json"))
    assert (watched.code, watched.json["filled"], watched.json["failed"]) == (1, HOLES - 1, 1)
    assert worker.poll() is None, "the supervisor outlives it"
    assert len(deadly.killed) == len(set(deadly.killed)) == DEATHS
    check_evidence(stage, deadly)

    # It is shown, and can be tried again by whoever has put right what was wrong.
    assert "1 were set aside" in stage.maze("status", "r").err
    (shown,) = stage.maze("dead", "--json").lines
    assert (shown["run"], shown["hole_id"], shown["status"]) == ("r", BAD, "failed")
    assert [int(one["worker"].split(":")[1]) for one in shown["deaths"]] == deadly.killed
    assert str(deadly.killed[-1]) in stage.maze("dead", "r").out
    deadly.kills = False
    assert stage.maze("resume", "r", "--failed", "--error", "suspect").code == 0
    watched = ended(stage.start("watch", "r", "--json"))
    assert (watched.code, watched.json["filled"]) == (0, HOLES)
    assert stage.maze("dead", "--json").lines == []


def test_children_of_a_prefork_pool_that_die_are_no_more_to_blame(stage: Stage, deadly: Deadly) -> None:
    stage.celery(["a"], concurrency=2, pool="prefork", name="company")
    stage.celery([suspects_of("a")], concurrency=1, pool="prefork", name="alone")
    assert stage.maze("refine", batch(stage), "--run", "r", "--detach").code == 0
    watched = ended(stage.start("watch", "r", "--json"))
    assert (watched.json["filled"], watched.json["failed"]) == (HOLES - 1, 1)
    check_evidence(stage, deadly)


def check_evidence(stage: Stage, deadly: Deadly) -> None:
    """The bad hole's attempts name the workers it killed, and nobody else lost a worker where it was tried alone."""
    rows = stage.maze("results", "r", "--json").lines
    (bad,) = [row for row in rows if row["status"] == "failed"]
    assert (bad["hole_id"], bad["error"]["kind"]) == (BAD, "suspect")
    assert [one["outcome"] for one in bad["attempts"]] == ["lost"] * DEATHS
    assert [int(one["worker"].split(":")[1]) for one in bad["attempts"]] == deadly.killed
    alone = set(deadly.killed[2:])
    for row in rows:
        lost = [one for one in row["attempts"] if one["outcome"] == "lost"]
        assert row is bad or not {int(one["worker"].split(":")[1]) for one in lost} & alone
    assert stage.status("r").set_aside == 1
