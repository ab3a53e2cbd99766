"""A Redis server of a test's own, which it may starve, freeze, kill and start again."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis

from tests.conftest import redis_binary
from tests.integration.stage import until


def free_port() -> int:
    """A TCP port that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@dataclass
class OwnRedis:
    """One server with an append-only file that is written at once.

    Args:
        folder: of its data.
        options: more of its options.
        binary: redis-server.
    """

    folder: Path
    options: dict[str, str] = field(default_factory=dict)
    binary: str = field(default_factory=redis_binary)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> dict[str, str]:
        """Settings that put store and broker there."""
        return {
            "redis_url": f"redis://127.0.0.1:{self.port}/0",
            "broker_url": f"redis://127.0.0.1:{self.port}/1",
        }

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = {"port": str(self.port), "bind": "127.0.0.1", "dir": str(self.folder), "save": ""}
        options |= {"appendonly": "yes", "appendfsync": "always"} | self.options
        given = [part for name, value in options.items() for part in (f"--{name}", value)]
        self.process = subprocess.Popen([self.binary, *given], stdout=subprocess.DEVNULL)
        until(self.answers, "the start of redis-server")

    def answers(self) -> bool:
        """Whether it takes commands."""
        with suppress(redis.RedisError), closing(self.client()) as client:
            return bool(client.ping())
        return False

    def client(self, database: int = 0) -> redis.Redis:
        """A client of one of its databases."""
        return redis.Redis(port=self.port, db=database, decode_responses=True, socket_timeout=5)

    def command(self, *words: str) -> object:
        """What it answers to a command."""
        with closing(self.client()) as client:
            return client.execute_command(*words)

    def signal(self, number: signal.Signals) -> None:
        """Send its process a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def own_redis(**options: str) -> Iterator[OwnRedis]:
    """A running server; gone with the block."""
    folder = Path(tempfile.mkdtemp(prefix="mo-", dir="/tmp"))
    server = OwnRedis(folder, {name.replace("_", "-"): value for name, value in options.items()})
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder)


@contextmanager
def sentinel_of(master: OwnRedis) -> Iterator[int]:
    """A sentinel that watches a master by the name of ``m``, quickly; yields its port."""
    folder, port = Path(tempfile.mkdtemp(prefix="ms-", dir="/tmp")), free_port()
    config = folder / "sentinel.conf"
    config.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor m 127.0.0.1 {master.port} 1\n"
        "sentinel down-after-milliseconds m 1000\nsentinel failover-timeout m 3000\n"
    )
    process = subprocess.Popen([master.binary, str(config), "--sentinel"], stdout=subprocess.DEVNULL)
    try:
        with closing(redis.Redis(port=port, decode_responses=True)) as client:
            until(lambda: _replicas(client) == 1, "a sentinel that knows the replica")
        yield port
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def _replicas(client: redis.Redis) -> int:
    with suppress(redis.RedisError):
        return len(client.sentinel_slaves("m"))
    return 0
