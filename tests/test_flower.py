"""What Flower shows of a run, with real processes: a worker, Flower and a Redis."""

from __future__ import annotations

import base64
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
USER = "maze:secret"
PATIENCE_S = 60.0  # for processes to start on a busy machine

pytestmark = pytest.mark.integration

CONFIG = """\
events = true
max_retries = 0
[[endpoints]]
name = "fast"
endpoint_url = "http://127.0.0.1:9/v1"
[[endpoints]]
name = "quality 70b"
endpoint_url = "http://127.0.0.1:9/v1"
"""


@contextmanager
def running(command: list[str], env: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def get(port: int, path: str, user: str | None = USER) -> tuple[int, bytes]:
    headers = {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"} if user else {}
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers=headers)
        reply = connection.getresponse()
        return reply.status, reply.read()
    except (OSError, HTTPException):
        return 0, b""
    finally:
        connection.close()


def await_that(holds: Callable[[], bool], what: str, logs: Path) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        said = "\n".join(path.read_text()[-2000:] for path in logs.glob("*.log"))
        assert time.monotonic() < end, f"{what}\n{said}"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def flower(redis_socket: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, dict[str, str], Path]]:
    """Port of a Flower with a worker for both endpoints, their environment, and the folder of the configuration."""
    folder = tmp_path_factory.mktemp("flower")
    (folder / "maze.toml").write_text(CONFIG)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    given = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["flower"]["environment"]
    env = {
        **os.environ,
        **{name: value for name, value in given.items() if name.startswith("FLOWER_")},
        "FLOWER_BASIC_AUTH": USER,
        "MAZE_CONFIG": str(folder / "maze.toml"),
        "MAZE_REDIS_URL": f"unix://{redis_socket}?db=4",
        "MAZE_BROKER_URL": f"redis+socket://{redis_socket}?virtual_host=5",
    }
    with ExitStack() as stack:
        for name, command in (
            ("worker", [str(BIN / "maze"), "worker", "--events"]),
            ("flower", [str(BIN / "celery"), "-A", "workers.app", "flower", "--address=127.0.0.1", f"--port={port}"]),
        ):
            stack.enter_context(running(command, env, folder / f"{name}.log"))
        await_that(lambda: get(port, "/healthcheck", None)[0] == 200, "Flower answers", folder)
        await_that(lambda: len(known_workers(port)) == 2, "Flower knows both workers", folder)
        yield port, env, folder


def known_workers(port: int) -> dict[str, Any]:
    get(port, "/workers?refresh=1")
    status, body = get(port, "/api/workers")
    return json.loads(body) if status == 200 else {}


def shown_tasks(port: int, run: str) -> list[dict[str, Any]]:
    status, body = get(port, "/api/tasks?limit=100")
    assert status == 200
    return [one for one in json.loads(body).values() if f"'run': '{run}'" in (one["kwargs"] or "")]


def submit(env: dict[str, str], folder: Path, run: str, hole_id: object) -> None:
    command = [str(BIN / "maze"), "refine", "-", "--run", run, "--quiet"]
    line = json.dumps({"hole_id": hole_id, "prefix": "x = "})
    done = subprocess.run(
        command, input=line, env=env, cwd=folder, text=True, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 1, done.stderr  # the endpoints do not exist: the hole fails


def test_each_task_tells_model_hole_run_and_queue(flower: tuple[int, dict[str, str], Path]) -> None:
    port, env, folder = flower
    submit(env, folder, "seen", "a/b:c")
    await_that(lambda: len(shown_tasks(port, "seen")) == 2, "both attempts appear", folder)
    tasks = sorted(shown_tasks(port, "seen"), key=lambda one: one["routing_key"])
    assert [one["routing_key"] for one in tasks] == ["fill.fast", "fill.quality%2070b"]
    for task, model in zip(tasks, ("fast", "quality 70b"), strict=True):
        assert task["name"] == "maze.fill"
        assert f"'model': '{model}'" in task["kwargs"]
        assert "'holes': ['a/b:c']" in task["kwargs"]


def test_a_long_hole_id_hides_neither_itself_nor_the_model(flower: tuple[int, dict[str, str], Path]) -> None:
    port, env, folder = flower
    submit(env, folder, "long", "h" * 200)

    def both_appear() -> bool:
        status, body = get(port, "/api/tasks?limit=100")
        kwargs = [one["kwargs"] or "" for one in json.loads(body).values()] if status == 200 else []
        return sum("h" * 200 in text and "'model': " in text for text in kwargs) == 2

    await_that(both_appear, "both attempts tell the whole id", folder)


def test_pages_are_for_the_user_alone(flower: tuple[int, dict[str, str], Path]) -> None:
    port, _, _ = flower
    for page in ("/", "/workers", "/tasks", "/broker", "/api/tasks", "/api/workers"):
        assert get(port, page, None)[0] == 401, page
        assert get(port, page, "maze:guess")[0] == 401, page


def test_the_pages_show_what_is_configured_to_be_shown(flower: tuple[int, dict[str, str], Path]) -> None:
    port, _, folder = flower
    columns = [f'data-column="{name}"'.encode() for name in ("name", "kwargs", "routing_key")]
    assert all(column in get(port, "/tasks")[1] for column in columns)
    await_that(lambda: b"fill.quality%2070b" in get(port, "/broker")[1], "the broker's page lists the queues", folder)


def test_the_health_checks_of_the_containers_pass(
    flower: tuple[int, dict[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, env, folder = flower
    check = runpy.run_path(str(ROOT / "deploy" / "flower_health.py"))["main"]
    check.__globals__["PORT"] = port
    monkeypatch.setenv("FLOWER_BASIC_AUTH", USER)
    assert check() == 0
    monkeypatch.setenv("FLOWER_BASIC_AUTH", "maze:guess")
    assert check() == 1
    worker = subprocess.run([sys.executable, ROOT / "deploy" / "worker_health.py"], env=env, cwd=folder, check=False)
    assert worker.returncode == 0
