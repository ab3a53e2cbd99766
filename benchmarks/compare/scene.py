"""One measurement: everything is started, warmed up, measured from the word go to the last fill, and ended."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import redis

from benchmarks.compare.contenders import OURS, Contender, python_of
from benchmarks.compare.job import VARIABLE, Job
from benchmarks.compare.processes import busy_s, cpu_s, last_words, peak_bytes, started, until
from benchmarks.compare.steps import MARK, PART
from benchmarks.compare.tally import READY
from benchmarks.servers import redis_binary
from maze_tasks.embedded_keeper import server_command

KINDS = ("producer", "workers", "redis", "endpoint")
Processes = Mapping[str, list[subprocess.Popen[str]]]

_CONFIG = """
redis_url = "{redis_url}"
broker_url = "{broker_url}"
best_of_n = 0
"""
_ENDPOINT = """
[[endpoints]]
name = "{name}"
endpoint_url = "{url}"
capabilities = ["FastInference"]
cost_per_1k_tokens = 0.001
max_concurrency = {slots}
"""


@dataclass(frozen=True)
class Sample:
    """What one measurement gave.

    Args:
        contender: name of who did it.
        count: holes.
        elapsed_s: from the word go to the last fill.
        cpu_us: processor time a hole of each kind of process, in microseconds.
        peak_mib: the most memory of each kind of process, the sum of its processes, in MiB.
        redis_bytes: memory of Redis a hole, beyond what it had before; 0 where there is none.
        capacity: calls at once that there could be.
        others_cores: processor time of everything else on the machine, in seconds a second.
        endpoint: what the endpoint counted.
        said: what the driver said besides.
    """

    contender: str
    count: int
    elapsed_s: float
    cpu_us: Mapping[str, float]
    peak_mib: Mapping[str, float]
    redis_bytes: float
    capacity: int
    others_cores: float
    endpoint: Mapping[str, Any]
    said: Mapping[str, Any]

    @property
    def per_s(self) -> float:
        """Holes a second."""
        return self.count / self.elapsed_s

    @property
    def own_cpu_us(self) -> float:
        """Processor time a hole of all but the endpoint, which is no part of anybody."""
        return sum(value for kind, value in self.cpu_us.items() if kind != "endpoint")

    @property
    def utilisation(self) -> float:
        """Share of the call slots that were waiting for the endpoint, on the average of the measured time."""
        return float(self.endpoint["busy_s"]) / (self.elapsed_s * self.capacity)


@dataclass(frozen=True)
class Ground:
    """What all measurements of a run share.

    Args:
        folder: to work in.
        endpoint: the process of the endpoint.
        url: where it listens.
        rivals: the Python that the rivals run with.
    """

    folder: Path
    endpoint: subprocess.Popen[str]
    url: str
    rivals: str

    def told(self, path: str) -> dict[str, Any]:
        """What the endpoint says."""
        with urllib.request.urlopen(f"{self.url}/{path}", timeout=30) as reply:
            return dict(json.loads(reply.read()))

    def command(self, module: str, *arguments: str) -> list[str]:
        """A module of ours, run by our own Python."""
        return [python_of(OURS, self.rivals), "-m", module, *arguments]


@contextmanager
def prepared(rivals: str) -> Iterator[Ground]:
    """The endpoint, while the block lasts."""
    with tempfile.TemporaryDirectory(prefix="mb-") as name, ExitStack() as stack:
        folder = Path(name)
        ready = folder / "port"
        command = [python_of(OURS, rivals), "-m", "benchmarks.compare.endpoint", str(ready)]
        endpoint = stack.enter_context(started(command, {}, folder / "endpoint.log"))
        until(ready.exists, "the simulated endpoint", endpoint)
        yield Ground(folder, endpoint, f"http://127.0.0.1:{ready.read_text()}", rivals)


@contextmanager
def private_redis(folder: Path) -> Iterator[tuple[subprocess.Popen[str], redis.Redis, dict[str, str]]]:
    """A Redis set as a project's own and the compose file's are: its process, a client, its URLs for a job."""
    socket = folder / "r.sock"
    with started(server_command(redis_binary(), folder, str(socket)), {}, folder / "redis.log") as server:
        urls = {"redis_url": f"unix://{socket}?db=0", "broker_url": f"redis+socket://{socket}?virtual_host=1"}
        with redis.Redis.from_url(urls["redis_url"]) as client:
            until(lambda: _answers(client), "Redis", server)
            yield server, client, urls


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def measure(ground: Ground, contender: Contender, job: Job) -> Sample:
    """Have a contender do a job.

    Args:
        ground: with the endpoint.
        contender: who.
        job: what; addresses and folder are filled in here.

    Raises:
        SystemExit: a process failed or took too long.
    """
    with tempfile.TemporaryDirectory(prefix="m", dir=ground.folder) as name, ExitStack() as stack:
        folder = Path(name)
        job = replace(job, endpoint=ground.url, folder=name)
        running: dict[str, list[subprocess.Popen[str]]] = {kind: [] for kind in KINDS}
        running["endpoint"] = [ground.endpoint]
        client = None
        if contender.workers is not None:
            server, client, urls = stack.enter_context(private_redis(folder))
            running["redis"] = [server]
            job = replace(job, **urls)
        configure(job)
        python = python_of(contender, ground.rivals)
        env = {VARIABLE: job.dumped(), "MAZE_CONFIG": str(folder / "maze.toml")}
        if contender.workers is not None and client is not None and not job.only_send:
            for command in contender.workers(job, python):
                running["workers"].append(stack.enter_context(started(command, env, folder / "workers.log")))
            _until_ready(contender, job, client, running["workers"], folder / "workers.log")
        drivers = job.processes if contender.workers is None else 1
        log = folder / "driver.log"
        for number in range(drivers):
            command = [python, "-m", *contender.driver]
            each = env | {PART: str(number)}
            running["producer"].append(stack.enter_context(started(command, each, log, talks=True)))
        _all_heard(running["producer"], log)
        return _timed(ground, contender, job, running, client, log)


def configure(job: Job) -> None:
    """Write the configuration of ours: one endpoint a candidate."""
    text = _CONFIG.format(redis_url=job.redis_url, broker_url=job.broker_url)
    for number, url in enumerate(job.candidates, 1):
        text += _ENDPOINT.format(name=f"m{number}", url=url, slots=job.slots * job.processes)
    if job.events:
        text = f"events = true\n{text}"
    (Path(job.folder) / "maze.toml").write_text(text, encoding="utf-8")


def _until_ready(
    contender: Contender, job: Job, client: redis.Redis, workers: list[subprocess.Popen[str]], log: Path
) -> None:
    def there() -> bool:
        if any(one.poll() is not None for one in workers):
            raise SystemExit(f"a worker of {contender.name} has ended:\n{last_words(log)}")
        if contender.ready == "pops":
            return sum(one["cmd"] == "brpop" for one in client.client_list()) >= job.processes
        return int(client.scard(READY)) >= job.processes  # type: ignore[arg-type]

    until(there, f"the workers of {contender.name}")


def _timed(
    ground: Ground, contender: Contender, job: Job, running: Processes, client: redis.Redis | None, log: Path
) -> Sample:
    """From the word go to the last fill."""
    ground.told(f"_reset?keys={int(job.keys)}")
    held = _used(client)
    before = {kind: cpu_s(running[kind]) for kind in KINDS}
    busy, began = busy_s(), time.monotonic()
    for driver in running["producer"]:
        _go(driver)
    said = _all_heard(running["producer"], log)
    elapsed = time.monotonic() - began
    after = {kind: cpu_s(running[kind]) for kind in KINDS}
    used = {kind: after[kind] - before[kind] for kind in KINDS}
    others = max(0.0, busy_s() - busy - sum(used.values())) / elapsed
    present = {kind for kind in KINDS if running[kind]}
    return Sample(
        contender.name,
        job.count,
        elapsed,
        {kind: used[kind] / job.count * 1e6 for kind in present},
        {kind: peak_bytes(running[kind]) / 2**20 for kind in present},
        (_used(client) - held) / job.count,
        job.slots * job.processes,
        others,
        ground.told("_stats"),
        said[0] if len(said) == 1 else {name: sum(one[name] for one in said) for name in said[0]},
    )


def _used(client: redis.Redis | None) -> int:
    return int(client.info("memory")["used_memory"]) if client is not None else 0


def _go(driver: subprocess.Popen[str]) -> None:
    assert driver.stdin is not None
    driver.stdin.write("go\n")
    driver.stdin.flush()


def _all_heard(drivers: Sequence[subprocess.Popen[str]], log: Path) -> list[Any]:
    """The next thing that each says. All are listened to at once: one whose log fills its pipe would stand still."""
    with ThreadPoolExecutor(len(drivers)) as listeners:
        return list(listeners.map(lambda driver: _heard(driver, log), drivers))


def _heard(driver: subprocess.Popen[str], log: Path) -> Any:
    """The next thing that a driver says.

    Raises:
        SystemExit: it has ended.
    """
    assert driver.stdout is not None
    for line in driver.stdout:
        if line.startswith(MARK):
            return json.loads(line.removeprefix(MARK))
    raise SystemExit(f"{' '.join(driver.args[1:])} has ended:\n{last_words(log)}")  # type: ignore[index]
