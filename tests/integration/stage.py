"""A place to run the real thing: simulated endpoints, a configuration, the `maze` command and what it starts."""

from __future__ import annotations

import http.client
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import redis

from maze_tasks.models import ModelEndpoint
from maze_tasks.models.runs import RunStatus
from maze_tasks.names import parse_idempotency_key, queue_name
from maze_tasks.simulate.server import SimulatedServer
from maze_tasks.simulate.settings import SimulatedEndpoint
from maze_tasks.store.reading import read_status

T = TypeVar("T")

PATIENCE_S = 120.0  # nothing takes that long on an idle machine; it only ends a test that would hang
ANYWHERE = "http://127.0.0.1/v1"  # until the simulator has a port
Place = tuple[str, str, int, int, int]  # endpoint, hole, round, candidate, sample of a call


def until(holds: Callable[[], T], what: str) -> T:
    """The first true value of `holds`, asked again and again."""
    end = time.monotonic() + PATIENCE_S
    while not (found := holds()):
        assert time.monotonic() < end, f"{what}: not within {PATIENCE_S:g} s"
        time.sleep(0.02)
    return found


def endpoint(name: str, *capabilities: str, **settings: Any) -> ModelEndpoint:
    """An endpoint that a simulator will give its address."""
    known = {"endpoint_url": ANYWHERE, "model": f"{name}-model", **settings}
    return ModelEndpoint.model_validate(
        {"name": name, **known, **({"capabilities": capabilities} if capabilities else {})}
    )


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its one JSON value."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Its JSON values, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


class RequestLog(io.StringIO):
    """What the simulator logs of each request."""

    def entries(self, run: str | None = None) -> list[dict[str, Any]]:
        """Requests in the order in which they ended, of one run or all; each with its `place`."""
        found = []
        for line in self.getvalue().splitlines():
            entry = json.loads(line)
            parts = parse_idempotency_key(entry["key"] or "")
            assert parts is not None, f"a request without a key of ours: {entry}"
            if run in (None, parts[0]):
                found.append({**entry, "place": (entry["endpoint"], *parts[1:])})
        return found

    def places(self, run: str | None = None) -> Counter[Place]:
        """How often each call arrived."""
        return Counter(entry["place"] for entry in self.entries(run))


@dataclass
class Stage:
    """A folder with a project, and everything that its commands have started.

    Args:
        folder: the project's; short, for sockets lie in it.
        env: environment of the commands.
        settings: what every configuration says.
    """

    folder: Path
    env: dict[str, str]
    settings: dict[str, Any] = field(default_factory=dict)
    log: RequestLog = field(default_factory=RequestLog)
    endpoints: tuple[ModelEndpoint, ...] = ()
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def write(self, name: str, rows: Iterable[Mapping[str, Any]]) -> Path:
        """A JSONL file."""
        path = self.folder / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    def configure(self, name: str = "maze.toml", *, only: Sequence[str] = (), **settings: Any) -> Path:
        """A configuration of the endpoints (or some of them, in that order)."""
        by_name = {one.name: one for one in self.endpoints}
        chosen = [by_name[one] for one in only] if only else self.endpoints
        # Tests that count calls mean calls; those of the cache switch it on.
        given = {"cache": False} | self.settings | settings
        text = "".join(f"{key} = {_toml(value)}\n" for key, value in given.items())
        for one in chosen:
            dumped = one.model_dump(mode="json", exclude_defaults=True)
            text += "[[endpoints]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in dumped.items())
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def start(self, *arguments: str | Path, config: Path | None = None, **env: str) -> subprocess.Popen[str]:
        """`maze ARGUMENTS`, in a process group of its own, not waited for."""
        return self.run_process([*maze_command(), *map(str, arguments)], config=config, **env)

    def run_process(
        self, command: Sequence[str], *, config: Path | None = None, output: Any = subprocess.PIPE, **env: str
    ) -> subprocess.Popen[str]:
        """Any command, in the project's folder."""
        env = {**self.env, **({"MAZE_CONFIG": str(config)} if config else {}), **env}
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def maze(self, *arguments: str | Path, config: Path | None = None, **env: str) -> Done:
        """`maze ARGUMENTS` to its end."""
        return ended(self.start(*arguments, config=config, **env))

    def worker(self, *arguments: str, config: Path | None = None, name: str = "worker") -> subprocess.Popen[str]:
        """`maze worker ARGUMENTS`; what it says goes into NAME.log."""
        with (self.folder / f"{name}.log").open("a") as log:
            return self.run_process([*maze_command(), "worker", *arguments], config=config, output=log)

    def celery(
        self,
        models: Sequence[str],
        *,
        concurrency: int,
        pool: str = "threads",
        config: Path | None = None,
        name: str = "celery",
    ) -> subprocess.Popen[str]:
        """One plain Celery process for the queues of some models; what it says goes into NAME.log."""
        queues = ",".join(queue_name(model) for model in models)
        with (self.folder / f"{name}.log").open("a") as log:
            return self.run_process(
                [
                    *(sys.executable, "-m", "celery", "-A", "workers.app", "worker", "-Q", queues),
                    *("-P", pool, "-c", str(concurrency), "-n", f"{name}@%h", "-l", "INFO"),
                ],
                config=config,
                output=log,
            )

    def redis(self, which: str = "redis_url") -> redis.Redis:
        """A client of the store's database, or of the broker's."""
        return redis.Redis.from_url(self.settings[which], decode_responses=True)

    def status(self, run: str) -> RunStatus:
        """Counts of a run, from the store, as soon as there is one of that name."""
        with closing(self.redis()) as client:
            return until(lambda: read_status(client, "maze", run), f"the making of run {run}")

    def waiting(self, model: str) -> int:
        """Messages in a model's queue."""
        with closing(self.redis("broker_url")) as client:
            return int(client.llen(queue_name(model)))

    def consumers(self) -> int:
        """Workers that wait for messages of this stage at this moment; others may wait at other databases."""
        with closing(self.redis("broker_url")) as client:
            number = client.client_info()["db"]
            return sum((one["cmd"], int(one["db"])) == ("brpop", int(number)) for one in client.client_list())

    def said(self, name: str) -> str:
        """What a worker has said so far."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def stats(self) -> dict[str, dict[str, Any]]:
        """What the simulator has counted, by endpoint, as it tells over HTTP."""
        parts = urlsplit(self.endpoints[0].endpoint_url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        try:
            connection.request("GET", "/__simulator__/stats")
            return dict(json.loads(connection.getresponse().read())["endpoints"])
        finally:
            connection.close()

    def processes(self) -> dict[int, str]:
        """Command lines of all living processes that descend from this stage's commands, by process id."""
        mark = f"TMPDIR={self.env['TMPDIR']}".encode()
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                # Redis writes its title over its environment, and names its socket there.
                if line and (mark in (path / "environ").read_bytes().split(b"\0") or str(self.folder) in line):
                    found[int(path.name)] = line
        found.pop(os.getpid(), None)
        return found

    def alive(self, *words: str) -> list[int]:
        """Those of `processes` whose command lines hold all the words."""
        return [pid for pid, line in self.processes().items() if all(word in line for word in words)]

    def nothing_runs(self) -> None:
        """Wait until no process is left, nor a socket."""
        until(lambda: not self.processes(), f"the end of {self.processes()}")
        assert list(Path(self.env["TMPDIR"]).iterdir()) == []

    def end(self) -> None:
        """Kill whatever is left."""
        for process in self.started:
            # One that has been waited for is gone, and its number may be anybody's by now.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until(lambda: not self.processes(), "the end of everything")


def maze_command() -> list[str]:
    """The installed command, or the same from the sources."""
    installed = Path(sys.executable).with_name("maze")
    return [str(installed)] if installed.exists() else [sys.executable, "-c", "from maze_tasks.cli import main; main()"]


def ended(process: subprocess.Popen[str]) -> Done:
    """A command that is waited for."""
    try:
        out, err = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGABRT)
        out, err = process.communicate()
        raise AssertionError(f"{process.args} did not end; it said:\n{out}\n{err}") from None
    return Done(process.returncode, out, err)


def interrupt(process: subprocess.Popen[str]) -> Done:
    """Ctrl-C at a terminal: the whole foreground group gets it."""
    os.killpg(process.pid, signal.SIGINT)
    return ended(process)


@contextmanager
def staged(
    endpoints: Sequence[ModelEndpoint],
    simulations: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    files: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
    **env: str,
) -> Iterator[Stage]:
    """A stage with simulated endpoints; at its end nothing of it is left.

    Args:
        endpoints: the ensemble.
        simulations: how each is simulated, by name; by default quick and well.
        files: rows of JSONL files in the stage's folder, by name.
        env: added to the environment of commands, and of the simulator.
    """
    folder = Path(tempfile.mkdtemp(prefix="mi-", dir="/tmp"))  # pytest's own are too long for a socket
    (folder / "s").mkdir()
    known = {name: value for name, value in os.environ.items() if not name.startswith("MAZE_")}
    stage = Stage(folder, {**known, **env, "TMPDIR": str(folder / "s")})
    for name, rows in (files or {}).items():
        stage.write(name, rows)
    quick = {"latency": 0, "missing_text": "pass  # {hole} {candidate} {sample} {model}"}
    made = {
        one.name: SimulatedEndpoint.model_validate(quick | dict((simulations or {}).get(one.name, {})))
        for one in endpoints
    }
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        server = stack.enter_context(SimulatedServer(endpoints, made, folder=folder, env=env, log=stage.log))
        stack.callback(stage.end)
        stage.endpoints = server.endpoints
        yield stage


@contextmanager
def tcp_redis(binary: str) -> Iterator[str]:
    """A Redis server on a TCP port of its own; yields host and port."""
    folder = Path(tempfile.mkdtemp(prefix="mr-", dir="/tmp"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--databases", "64"],
        stdout=subprocess.DEVNULL,
    )
    try:
        until(lambda: _listens(port), "the start of redis-server")
        yield f"127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder)


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(16).startswith(b"+PONG")
    return False


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
    return json.dumps(value)
