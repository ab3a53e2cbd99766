"""The command line in this process, and HTTP servers that answer as a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from maze_tasks.cli import main

Maze = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with nothing of maze in the environment."""
    for variable in ("MAZE_CONFIG", "MAZE_REDIS_URL", "MAZE_BROKER_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def maze(folder: Path) -> Maze:
    """`maze ARGUMENTS` in that folder."""

    def call(*arguments: str, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(main, arguments, input=stdin, prog_name="maze", catch_exceptions=False)

    return call


class Scripted(ThreadingHTTPServer):
    """A server that answers each path with a status and a body, and notes the headers it was sent."""

    def __init__(self, replies: dict[str, tuple[int, str]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies = replies
        self.seen: list[tuple[str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Scripted

    def do_GET(self) -> None:
        self.server.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        status, body = self.server.replies.get(self.path, (404, "{}"))
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def serve() -> Iterator[Callable[[dict[str, tuple[int, str]]], Scripted]]:
    """Starts servers, and ends them with the test."""
    servers: list[tuple[Scripted, threading.Thread]] = []

    def start(replies: dict[str, tuple[int, str]]) -> Scripted:
        server = Scripted(replies)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return server

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()
