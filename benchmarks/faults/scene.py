"""Everything that is running: two Redis servers behind proxies, simulated endpoints, workers, producer and client."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from benchmarks.faults.hostile import Hostile
from benchmarks.faults.proxy import Proxies, Proxy
from benchmarks.project import MAZE, ROOT
from benchmarks.servers import redis_binary
from maze_tasks.names import queue_name

T = TypeVar("T")

RUN, TIGHT = "faults", "tight"  # the second has a budget that is too small for it
PATIENCE_S = 120.0  # for what must come; a busy machine takes its time
FORKED = "throttling"  # the endpoint whose queue a plain Celery process with prefork children consumes too
CHILDREN = 2
LOST_S = 1.0  # of an append-only file that is written to the disk every second
ANYWHERE = "http://127.0.0.1/v1"  # until the simulator has a port


def until(holds: Callable[[], T], what: str) -> T:
    """The first true value of `holds`, asked again and again.

    Raises:
        SystemExit: it takes too long.
    """
    end = time.monotonic() + PATIENCE_S
    while not (found := holds()):
        if time.monotonic() > end:
            raise SystemExit(f"gave up waiting for {what}")
        time.sleep(0.05)
    return found


class Server:
    """A Redis server that can be killed and started again.

    Args:
        folder: of its data.
        appendfsync: of its append-only file, None for a server that keeps nothing. With ``everysec`` a kill takes what
            was written in the last second, as a power cut may; one of the process alone would leave it to the kernel.
    """

    def __init__(self, folder: Path, appendfsync: str | None = None) -> None:
        folder.mkdir()
        self._file = folder / "appendonly.aof"
        self._sizes: deque[tuple[float, int]] | None = deque() if appendfsync == "everysec" else None
        options = ("--appendonly", "yes", "--appendfsync", appendfsync) if appendfsync else ()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        where = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(folder), "--save", "")
        self._command = [redis_binary(), *where, *options]
        self._process: subprocess.Popen[bytes] | None = None
        self.client = redis.Redis(port=self.port, decode_responses=True, socket_timeout=5, retry=Retry(NoBackoff(), 0))

    def start(self) -> None:
        """Start it, and wait until it has read its file."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, start_new_session=True)
        until(self.answers, "redis-server")
        if self._sizes is not None:
            threading.Thread(target=self._measure, args=(self._sizes, self._process), daemon=True).start()

    def answers(self) -> bool:
        """Whether it can be used."""
        with suppress(redis.RedisError):
            return bool(self.client.ping())
        return False

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        if self._sizes:
            os.truncate(self._file, self._sizes[0][1])
            self._sizes.clear()

    def _measure(self, sizes: deque[tuple[float, int]], process: subprocess.Popen[bytes]) -> None:
        """Know how long its file was a second ago."""
        while process.poll() is None:
            now = time.monotonic()
            sizes.append((now, self._file.stat().st_size))
            while sizes[0][0] < now - LOST_S:
                sizes.popleft()
            time.sleep(LOST_S / 20)


@dataclass
class Crew:
    """A process of ours that has workers below it, and the way it reaches the servers.

    Args:
        name: of its log.
        command: its command line.
        links: the proxies in front of the store and of the broker.
        process: the process as it runs now.
    """

    name: str
    command: Sequence[str]
    links: tuple[Proxy, Proxy]
    process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        """Whether its own process runs."""
        return self.process is not None and self.process.poll() is None

    def workers(self) -> list[psutil.Process]:
        """The processes that may hold leases: those below it that are Celery's, or the children it has forked."""
        if self.process is None or not self.alive:
            return []
        with suppress(psutil.Error):
            found = psutil.Process(self.process.pid).children(recursive=True)
            return [one for one in found if _celery(one)]
        return []


def _celery(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.status() != psutil.STATUS_ZOMBIE and any("celery" in part for part in process.cmdline())
    return False


@dataclass
class Scene:
    """All of it.

    Args:
        folder: to work in; configurations and logs lie there.
        store, broker: the servers.
        crews: two supervisors and one plain Celery process with prefork children, the last.
        links: proxies of producer and client.
    """

    folder: Path
    store: Server
    broker: Server
    crews: list[Crew] = field(default_factory=list)
    links: tuple[Proxy, Proxy] | None = None
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def proxies(self) -> list[Proxy]:
        """Every proxy."""
        every = [crew.links for crew in self.crews] + ([self.links] if self.links else [])
        return [proxy for links in every for proxy in links]

    def start(self, crew: Crew) -> None:
        """Start a crew, for the first time or again."""
        crew.process = self.launch(crew.command, crew.links, crew.name)

    def maze(self, *arguments: str, name: str) -> subprocess.Popen[bytes]:
        """`maze ARGUMENTS` as the producer or the client, not waited for; its output goes to NAME.out and NAME.log."""
        assert self.links is not None
        return self.launch([*MAZE, *arguments], self.links, name)

    def launch(self, command: Sequence[str], links: tuple[Proxy, Proxy], name: str) -> subprocess.Popen[bytes]:
        """Any command, which reaches the servers through some proxies."""
        known = {name: value for name, value in os.environ.items() if not name.startswith("MAZE_")}
        urls = {
            "MAZE_REDIS_URL": f"redis://127.0.0.1:{links[0].port}/0",
            "MAZE_BROKER_URL": f"redis://127.0.0.1:{links[1].port}/0",
        }
        env = known | urls | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", "MAZE_CONFIG": str(self.folder / "maze.toml")}
        with (self.folder / f"{name}.out").open("ab") as out, (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def requests(self) -> list[dict[str, Any]]:
        """What the endpoints have logged."""
        return [json.loads(line) for line in (self.folder / "requests.jsonl").read_text().splitlines()]

    def end(self) -> None:
        """End everything that was started here."""
        # Of those that run only: the number of one that has ended may be somebody else's by now.
        running = [process for process in self.started if process.poll() is None]
        below = []
        for process in running:
            with suppress(psutil.Error):
                below += psutil.Process(process.pid).children(recursive=True)
        for process in running:
            process.kill()
        for one in below:
            with suppress(psutil.Error):
                one.kill()
        for process in self.started:
            process.wait()


@contextmanager
def opened(
    folder: Path, endpoints: Sequence[Hostile], settings: Mapping[str, Any], *, appendfsync: str, supervisors: int
) -> Iterator[Scene]:
    """Everything running, with no run yet.

    Args:
        folder: to work in, empty.
        endpoints: the ensemble.
        settings: of the configuration besides.
        appendfsync: of the store.
        supervisors: how many `maze worker` there are.
    """
    with ExitStack() as stack:
        store = Server(folder / "store", appendfsync)
        broker = Server(folder / "broker")
        for server in (store, broker):
            server.start()
            stack.callback(server.kill)
        proxies = stack.enter_context(Proxies())

        def links() -> tuple[Proxy, Proxy]:
            return proxies.add(store.port), proxies.add(broker.port)

        scene = Scene(folder, store, broker, links=links())
        stack.callback(scene.end)
        configure(folder, endpoints, settings, simulate(scene, endpoints, settings))
        worker = [*MAZE, "worker", "--loglevel", "WARNING"]
        scene.crews = [Crew(f"worker{number}", worker, links()) for number in range(supervisors)]
        scene.crews.append(Crew("forked", _forked(), links()))
        for crew in scene.crews:
            scene.start(crew)
        expected = supervisors * len(endpoints) + CHILDREN
        until(lambda: sum(len(crew.workers()) for crew in scene.crews) >= expected, "the workers")
        until(lambda: _consumers(broker) >= supervisors * len(endpoints) + 1, "workers that wait for messages")
        yield scene


def _forked() -> list[str]:
    celery = (sys.executable, "-m", "celery", "-A", "workers.app", "worker", "-Q", queue_name(FORKED))
    return [*celery, "-P", "prefork", "-c", str(CHILDREN), "-n", "forked@%h", "-l", "WARNING"]


def _consumers(broker: Server) -> int:
    return sum(one["cmd"] == "brpop" for one in broker.client.client_list())


def simulate(scene: Scene, endpoints: Sequence[Hostile], settings: Mapping[str, Any]) -> dict[str, str]:
    """Start the simulator; the URL of each endpoint."""
    folder = scene.folder
    configure(folder, endpoints, settings, {one.name: f"{ANYWHERE}/{one.name}" for one in endpoints})
    ready = folder / "ready.json"
    files = ("--log", str(folder / "requests.jsonl"), "--ready-file", str(ready))
    process = scene.maze("simulate", str(folder / "maze.toml"), "--quiet", "--free-ports", *files, name="simulator")
    until(lambda: ready.exists() or process.poll() is not None, "the simulator")
    if not ready.exists():
        raise SystemExit((folder / "simulator.log").read_text())
    return dict(json.loads(ready.read_text())["endpoints"])


def configure(folder: Path, endpoints: Sequence[Hostile], settings: Mapping[str, Any], urls: Mapping[str, str]) -> None:
    """Write the configuration; the simulator reads its part from the same file."""
    text = "".join(f"{key} = {_toml(value)}\n" for key, value in settings.items())
    for one in endpoints:
        said = {"name": one.name, "endpoint_url": urls[one.name], "model": one.name, **one.settings}
        text += "\n[[endpoints]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in said.items())
    for one in endpoints:
        text += f"\n[simulate.{one.name}]\n"
        text += "".join(f"{key} = {_toml(value)}\n" for key, value in one.simulation.items())
    (folder / "maze.toml").write_text(text, encoding="utf-8")


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


def signalled(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to all of some processes, those left out that are gone."""
    for one in processes:
        with suppress(psutil.Error):
            one.send_signal(number)


def clean(folder: Path) -> None:
    """Remove a scene's folder."""
    shutil.rmtree(folder, ignore_errors=True)
