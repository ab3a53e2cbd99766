"""Everything a command or a client needs to work with runs, opened together: server, store, queues, workers."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from maze_tasks import control
from maze_tasks.config import Settings
from maze_tasks.decide.money import usd_to_nano
from maze_tasks.dispatch import Dispatcher, make_celery
from maze_tasks.embedded import join
from maze_tasks.errors import ConfigError, ServiceUnavailable
from maze_tasks.models import default_templates
from maze_tasks.models.runs import RunRules
from maze_tasks.names import VERIFIERS
from maze_tasks.producer import Producer, RunOptions
from maze_tasks.store import RunStore, care, connect, require_fit
from maze_tasks.store.gauges import Gates, Gauge

if TYPE_CHECKING:
    from maze_tasks.supervisor import Supervisor
    from maze_tasks.worker_plan import WorkerSpec

logger = logging.getLogger(__name__)

WORKER_LOG = "worker.log"
_STOP_GRACE_S = 2.0  # an ending command does not wait for calls that run: their holes are sent again on resume


@dataclass(frozen=True, slots=True)
class Project:
    """An open project.

    Args:
        settings: the configuration, with the addresses in use.
        store: the store.
        dispatcher: publishes messages.
        fresh: whether the embedded server was just started: no worker can be alive, what is unfinished was interrupted.
        embedded: whether the server is the project's own.
        state_dir: folder of the server's data and of the workers' log, where the server is the project's own.
    """

    settings: Settings
    store: RunStore
    dispatcher: Dispatcher
    fresh: bool
    embedded: bool
    state_dir: Path

    def producer(
        self,
        *,
        best_of_n: int | None = None,
        tree: Path | None = None,
        verify: str | None = None,
        snapshot: str | None = None,
    ) -> Producer:
        """A producer with the configuration's options.

        Args:
            best_of_n: answers to ask of each candidate, where it differs from the configuration.
            tree: the folder that the holes were scanned from.
            verify: the profile that judges fills, where a hole names no other.
            snapshot: digest of `tree` as `pack_tree` gave it, None where no hole is verified.
        """
        options = run_options(self.settings, best_of_n)
        known = {"tree": str(tree) if tree else None, "verify": verify, "snapshot": snapshot}
        rules = options.rules.model_copy(update=known)
        return Producer(self.store, self.dispatcher.send, self.settings.endpoints, replace(options, rules=rules))


def gauges(project: Project) -> list[Gauge]:
    """How the gates of the configured endpoints stand, in the order of the configuration.

    Raises:
        ServiceUnavailable: Redis cannot be reached.
    """
    endpoints = project.settings.endpoints
    return Gates.beside(project.store, endpoints).read_gauges([endpoint.name for endpoint in endpoints])


def run_options(settings: Settings, best_of_n: int | None = None) -> RunOptions:
    """Options of a run from the configuration."""
    return RunOptions(
        fallback_enabled=settings.fallback_enabled,
        max_fallback_attempts=settings.max_fallback_attempts,
        best_of_n=settings.best_of_n if best_of_n is None else best_of_n,
        spread=settings.spread,
        rules=run_rules(settings),
    )


def run_rules(settings: Settings) -> RunRules:
    """How the holes of a run are tried, from the configuration."""
    refinement = settings.refinement
    return RunRules(
        max_retries=settings.max_retries,
        scorer=settings.scorer,
        temperature_schedule=refinement.temperature_schedule,
        max_iterations=refinement.max_iterations,
        min_confidence=refinement.min_confidence,
        failure_strategy=refinement.failure_strategy,
        templates=None if settings.templates == default_templates() else settings.templates,
        cache=settings.cache,
        cache_days=settings.cache_days,
        budget_nano=None if settings.budget_usd is None else usd_to_nano(settings.budget_usd),
        deadline_s=settings.deadline_s,
        endpoints={endpoint.name: endpoint.digest() for endpoint in settings.endpoints},
    )


def run_digest(settings: Settings, best_of_n: int | None = None, verify: str | None = None) -> str:
    """Digest of all that decides what a run does: the configuration and what overrides it."""
    wanted = settings.best_of_n if best_of_n is None else best_of_n
    digest = settings.model_copy(update={"best_of_n": wanted}).digest()
    return hashlib.sha256(f"{digest} {verify}".encode()).hexdigest() if verify else digest


@contextmanager
def open_project(settings: Settings, *, state_dir: Path | None = None) -> Iterator[Project]:
    """Open the store and the queues; without a `redis_url`, join the embedded server or start it.

    Args:
        settings: the configuration.
        state_dir: where an embedded server keeps its data, by default `settings.state_dir`.

    Raises:
        ServiceUnavailable: Redis cannot be reached or started.
        Refused: the server may evict keys.
    """
    with ExitStack() as stack:
        fresh = False
        embedded, folder = settings.embedded, state_dir or settings.state_dir
        if embedded:
            server = stack.enter_context(join(folder))
            fresh = server.fresh
            settings = settings.model_copy(update={"redis_url": server.redis_url, "broker_url": server.broker_url})
        client = connect(settings.require_redis_url())
        stack.callback(client.close)
        require_fit(client)
        store = RunStore(client, namespace=settings.namespace, lease_ms=round(settings.lease_s * 1000))
        dispatcher = Dispatcher(make_celery(settings.require_broker_url(), events=settings.events), settings.namespace)
        stack.callback(dispatcher.close)
        project = Project(settings, store, dispatcher, fresh, embedded, folder)
        if fresh:
            pause_interrupted(project)
            # Or holes would go to other candidates until the leases of calls that died have run out.
            Gates.beside(store, settings.endpoints).forget()
        yield project


def pause_interrupted(project: Project) -> None:
    """Hold the runs that a fresh embedded server finds unfinished, and forget their messages.

    Only the run that its user asks for goes on: no other is paid for unseen. The store knows what to send again.
    """
    for run in care.active_runs(project.store):
        found = care.set_state(project.store, run, "paused", ["running"])
        info = project.store.info(run)
        if found and info is not None:
            project.dispatcher.purge(control.asked_of(info))


def require_keys(settings: Settings) -> None:
    """Refuse to start workers that would lack a key.

    Raises:
        ConfigError: a key variable is not set; names the place.
    """
    for endpoint in settings.endpoints:
        settings.api_key(endpoint)
        settings.extra_headers(endpoint)


def refuse_literal_keys(settings: Settings) -> None:
    """Refuse to submit with keys in the configuration where workers run elsewhere.

    Raises:
        ConfigError: an endpoint has a literal key and the project has a `redis_url`.
    """
    names = settings.literal_key_names
    if names and not settings.embedded:
        raise ConfigError(
            f"endpoint {names[0]!r} has a literal api_key, which never travels to workers of another machine; "
            "name its environment variable with api_key_env",
            field="endpoints",
        )


@contextmanager
def local_workers(
    project: Project, *, total: int | None = None, verifies: bool = False, log: Path | None = None
) -> Iterator[Supervisor]:
    """Worker processes that live as long as the block: one a model, ended with this process however it ends.

    Args:
        project: an open project.
        total: calls in flight over all models; by default each endpoint's `max_concurrency`.
        verifies: whether fills are to be verified; a machine that can make no sandbox may do without.
        log: file for what the workers say; by default ``worker.log`` in the state folder.
    """
    from maze_tasks.supervisor import Supervisor, celery_command, divide
    from maze_tasks.worker_plan import suspects_spec, verifier_spec

    settings = project.settings
    cores = os.cpu_count() or 1
    verifiers = [verifier_spec(cores, namespace=settings.namespace)] if verifies else []
    lanes = [*(endpoint.name for endpoint in settings.endpoints), *([VERIFIERS] if verifies else [])]
    # Configuration and keys go through a pipe: neither a file nor the process list ever shows them.
    handed = {"settings": settings.model_dump(mode="json", exclude={"warnings"}), "keys": _keys(settings)}
    supervisor = Supervisor(
        [
            *divide(total, settings.endpoints, namespace=settings.namespace),
            *verifiers,
            suspects_spec(lanes, namespace=settings.namespace),
        ],
        wanted=partial(anything_waits, project.dispatcher),
        command=partial(celery_command, loglevel="WARNING", events=settings.events),
        env=os.environ,
        secrets=json.dumps(handed).encode(),
        tell=logger.info,  # what became of them is in their log; giving up is an error of its own
        log=log or project.state_dir / WORKER_LOG,
    )
    supervisor.start()
    try:
        yield supervisor
    finally:
        supervisor.stop(_STOP_GRACE_S)


def anything_waits(dispatcher: Dispatcher, spec: WorkerSpec) -> bool:
    """Whether something lies in the queues of a worker; nobody knows while the broker is away."""
    try:
        return any(dispatcher.queue_lengths(spec.lanes))
    except ServiceUnavailable:
        return False


def _keys(settings: Settings) -> dict[str, str]:
    return {
        endpoint.name: endpoint.api_key.get_secret_value()
        for endpoint in settings.endpoints
        if endpoint.api_key is not None
    }


def resume_run(project: Project, run: str) -> int:
    """Let a run go on; leases of workers that died with an embedded server count as run out.

    Returns:
        How many samples were sent again.
    """
    return control.resume(project.store, project.dispatcher.send, run, holders_gone=project.fresh)
