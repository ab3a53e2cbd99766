"""Which worker processes there are, and the command line of each: pure decisions."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from maze_tasks.models import ModelEndpoint
from maze_tasks.names import DEFAULT_NAMESPACE, VERIFIERS, escape, queue_name, suspects_of

# Celery puts the current folder ahead of everything it imports: a project that has a package called `workers` would be
# run in the place of ours. -P keeps the folder out, and what is imported already is not looked for again.
_CELERY = "import workers.app; from celery.__main__ import main; main()"
# Ahead of everything else: what is imported before keeps blocking the thread that all of them share.
_GREEN = f"from workers.green import become_green; become_green(); {_CELERY}"


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """One worker process.

    Args:
        model: name of the endpoint it serves.
        queue: the queue it consumes, or several with commas between them.
        concurrency: calls it may have in flight.
        lanes: who it waits for, where it is started only when something lies in their queues.
        green: whether its threads are greenlets: it waits for calls, and computes little.
    """

    model: str
    queue: str
    concurrency: int
    lanes: tuple[str, ...] = ()
    green: bool = False


def divide(
    total: int | None, endpoints: Sequence[ModelEndpoint], *, namespace: str = DEFAULT_NAMESPACE
) -> list[WorkerSpec]:
    """One worker for each endpoint, so that a slow model fills no other's slots.

    Args:
        total: calls in flight of all together, divided in proportion to each `max_concurrency` (largest remainders
            first), at least 1 each; None gives each its `max_concurrency`.
        endpoints: the endpoints to serve.
        namespace: prefix of the queues.

    Source: PROTOCOL, "Workers".
    """
    weights = [endpoint.max_concurrency for endpoint in endpoints]
    shares = weights if total is None else _apportion(total, weights)
    return [
        WorkerSpec(endpoint.name, queue_name(endpoint.name, namespace), share, green=True)
        for endpoint, share in zip(endpoints, shares, strict=True)
    ]


def verifier_spec(concurrency: int, *, namespace: str = DEFAULT_NAMESPACE) -> WorkerSpec:
    """The worker that verifies fills.

    Args:
        concurrency: verifications at a time; each runs a command of its own, so that threads are enough.
        namespace: prefix of the queue.
    """
    return WorkerSpec("verify", queue_name(VERIFIERS, namespace), concurrency)


def suspects_spec(lanes: Sequence[str], *, namespace: str = DEFAULT_NAMESPACE) -> WorkerSpec:
    """The worker for holes over which others died: one at a time, in a process where nobody else can be harmed.

    Such holes are rare: the process is started when there is one.

    Args:
        lanes: the endpoints served, and `VERIFIERS` where fills are verified.
        namespace: prefix of the queues.

    Source: PROTOCOL, "Leases and the sweeper".
    """
    suspects = tuple(map(suspects_of, lanes))
    queues = ",".join(queue_name(lane, namespace) for lane in suspects)
    return WorkerSpec("suspects", queues, 1, suspects)


def _apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Shares of `total` by weight, none below 1; they add up to `total`, or to their number where that is more."""
    spare = max(total - len(weights), 0)  # beyond the one that everybody gets
    whole = sum(weights)
    shares = [1 + spare * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: -(spare * weights[index] % whole))
    for index in by_remainder[: len(weights) + spare - sum(shares)]:
        shares[index] += 1
    return shares


def celery_command(spec: WorkerSpec, *, loglevel: str = "INFO", events: bool = False) -> list[str]:
    """The command line of a worker process.

    Its name on the wire is ``<model>.<pid of the supervisor>@<host>``: several supervisors of a host may serve one
    model.

    Args:
        spec: the worker.
        loglevel: Celery's log level.
        events: whether it sends events and answers remote control, as Flower needs; whatever the configuration says.
    """
    # Percent signs are Celery's abbreviations in node names.
    node = f"{escape(spec.model).replace('%', '=')}.{os.getpid()}@%h"
    return [
        *(sys.executable, "-P", "-c", _GREEN if spec.green else _CELERY, "-A", "workers.app", "worker"),
        *("-Q", spec.queue, "-P", "threads", "-c", str(spec.concurrency), "-n", node, "-l", loglevel),
        # Workers need not know of one another: the store holds all that they share.
        *("--without-gossip", "--without-mingle", "-E" if events else "--without-heartbeat", "--"),
        *(f"{setting}={events}" for setting in ("worker_send_task_events", "worker_enable_remote_control")),
    ]
