"""Who is compared, and how each is started."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from benchmarks.compare.job import Job

Ready = Literal["pops", "said"]
Scene = Literal["plain", "fails", "best"]

_APPS = "benchmarks.compare.apps"
_DRIVERS = "benchmarks.compare.drivers"


@dataclass(frozen=True)
class Contender:
    """Something that can do the work, or a part of it.

    Args:
        name: as it is shown.
        driver: module and arguments of the process that hands the work in.
        needs: module that must be there.
        plays: what it can do: a plain fill, a first candidate that fails, the best of several answers.
        workers: command lines of its worker processes; None where drivers make the calls themselves, as many of them
            as there would be workers.
        ready: how it is known that a worker takes messages: it waits in Redis for one, or it has said so.
        calls: whether it calls endpoints at all.
        durable: what becomes of a hole whose process is killed, for the reader.
    """

    name: str
    driver: tuple[str, ...]
    needs: str
    plays: frozenset[Scene]
    workers: Callable[[Job, str], list[list[str]]] | None = None
    ready: Ready = "said"
    calls: bool = True
    durable: str = "no"

    def there(self, python: str) -> bool:
        """Whether that Python has what it needs."""
        look = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({self.needs!r}) is None)"
        return subprocess.run([python, "-c", look], check=False).returncode == 0


def ours(job: Job, python: str) -> list[list[str]]:
    """`maze worker`, which has one process a model."""
    models = len(job.candidates)
    command = [python, "-m", "maze_tasks.cli", "worker", "--loglevel", "ERROR", "--concurrency"]
    events = ["--events"] if job.events else []
    return [[*command, str(job.slots * models), *events] for _ in range(max(1, job.processes // models))]


def celery(job: Job, python: str) -> list[list[str]]:
    """Plain Celery workers, as ours are started."""
    command = [python, "-m", "celery", "-A", f"{_APPS}.celery_app", "worker", "-Q", "bench", "-P", "threads"]
    quiet = ["-c", str(job.slots), "-l", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    return [[*command, *quiet, "-n", f"bench{number}@%h"] for number in range(job.processes)]


def dramatiq(job: Job, python: str) -> list[list[str]]:
    """One command, which forks."""
    command = [python, "-m", "dramatiq", f"{_APPS}.dramatiq_app", "--processes", str(job.processes)]
    return [[*command, "--threads", str(job.slots), "--queues", "bench"]]


def taskiq(job: Job, python: str) -> list[list[str]]:
    """One command, which forks."""
    command = [python, "-m", "taskiq", "worker", f"{_APPS}.taskiq_app:broker", "--workers", str(job.processes)]
    return [[*command, "--max-async-tasks", str(job.slots), "--log-level", "ERROR"]]


ALL_SCENES: frozenset[Scene] = frozenset({"plain", "fails", "best"})

OURS = Contender(
    "maze-tasks",
    (f"{_DRIVERS}.ours",),
    "maze_tasks",
    ALL_SCENES,
    ours,
    "pops",
    durable="yes, and on the books",
)
CELERY_NOOP = Contender(
    "Celery no-op",
    (f"{_DRIVERS}.celery_tasks", "noop"),
    "celery",
    frozenset({"plain"}),
    celery,
    "pops",
    calls=False,
    durable="the message",
)
CELERY_REQUESTS = Contender(
    "Celery + requests",
    (f"{_DRIVERS}.celery_tasks", "call"),
    "celery",
    ALL_SCENES,
    celery,
    "pops",
    durable="the message",
)

# Others of the same kind, for what is not a plain fill.
OURS_COMMAND = replace(OURS, name="maze refine", driver=(f"{_DRIVERS}.ours_command",))
OURS_SINGLE = replace(OURS, driver=(f"{_DRIVERS}.ours_single",))
CELERY_SINGLE = replace(CELERY_REQUESTS, driver=(f"{_DRIVERS}.celery_single",))

LITELLM = Contender("LiteLLM Router", (f"{_DRIVERS}.litellm_router",), "litellm", ALL_SCENES)
TENSORZERO = Contender("TensorZero embedded", (f"{_DRIVERS}.tensorzero_embedded",), "tensorzero", ALL_SCENES)
DRAMATIQ = Contender(
    "dramatiq + requests",
    (f"{_DRIVERS}.dramatiq_actors",),
    "dramatiq",
    frozenset({"plain", "fails"}),
    dramatiq,
    durable="the message",
)
TASKIQ = Contender(
    "taskiq + aiohttp",
    (f"{_DRIVERS}.taskiq_tasks",),
    "taskiq_redis",
    frozenset({"plain", "fails"}),
    taskiq,
    durable="the message",
)

SENDERS = (
    replace(CELERY_SINGLE, name="Celery apply_async"),
    replace(CELERY_REQUESTS, name="Celery in batches"),
    replace(DRAMATIQ, name="dramatiq"),
    replace(TASKIQ, name="taskiq"),
)
CONTENDERS = (OURS, CELERY_NOOP, CELERY_REQUESTS, LITELLM, TENSORZERO, DRAMATIQ, TASKIQ)


def python_of(contender: Contender, rivals: str) -> str:
    """The Python that a contender runs with: ours has Celery, the one for rivals has the others."""
    return sys.executable if contender.needs in ("maze_tasks", "celery") else rivals
