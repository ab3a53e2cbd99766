"""`maze worker`: run workers for the queues of some or all models."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

import click

from maze_tasks.cli.options import State, config_option, pass_state

if TYPE_CHECKING:
    from maze_tasks.config import Settings
    from maze_tasks.models import ModelEndpoint
    from maze_tasks.worker_plan import WorkerSpec

CLEAN_UP_S = 15.0  # beyond the longest call: for its result to reach the store
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@click.command(name="worker")
@click.option("--models", metavar="A,B", multiple=True, help="Endpoints to serve, by name; by default all.")
@click.option(
    "--concurrency", type=click.IntRange(min=1), help="Calls in flight over all models; by default each one's own."
)
@click.option(
    "--verifiers",
    type=click.IntRange(min=0),
    help="Verifications at a time; by default one a core where profiles are configured and no --models are named.",
)
@click.option(
    "--loglevel", type=click.Choice(LEVELS, case_sensitive=False), default="INFO", show_default=True, help="Of Celery."
)
@click.option("--events/--no-events", default=None, help="Send Celery events, for Flower; by default as configured.")
@config_option
@pass_state
def command(
    state: State,
    models: tuple[str, ...],
    concurrency: int | None,
    verifiers: int | None,
    loglevel: str,
    *,
    events: bool | None,
) -> None:
    """Run a Celery worker process for each model, and restart what dies.

    Ends on Ctrl-C or SIGTERM once the running calls have finished; a second signal drops them, and their holes are
    asked again elsewhere.
    """
    from maze_tasks.cli.output import say
    from maze_tasks.dispatch import Dispatcher, make_celery
    from maze_tasks.foreground import run_until_signalled
    from maze_tasks.names import VERIFIERS
    from maze_tasks.project import anything_waits
    from maze_tasks.supervisor import Supervisor, celery_command, divide
    from maze_tasks.worker_plan import suspects_spec

    settings = state.settings()
    _require_server(settings)
    endpoints = _chosen(settings, models)
    _require_keys(settings, endpoints)
    judges = _verifiers(settings, verifiers, models)
    if judges:
        _require_sandbox(settings)
    _require_lasting_store(settings)
    lanes = [*(endpoint.name for endpoint in endpoints), *([VERIFIERS] if judges else [])]
    dispatcher = Dispatcher(make_celery(settings.require_broker_url()), settings.namespace)
    supervisor = Supervisor(
        [
            *divide(concurrency, endpoints, namespace=settings.namespace),
            *judges,
            suspects_spec(lanes, namespace=settings.namespace),
        ],
        wanted=partial(anything_waits, dispatcher),
        command=partial(celery_command, loglevel=loglevel, events=settings.events if events is None else events),
        env={**os.environ, **({"MAZE_CONFIG": str(settings.config_path)} if settings.config_path else {})},
        tell=say,
    )
    grace_s = max(endpoint.timeout_secs for endpoint in endpoints) + CLEAN_UP_S
    click.get_current_context().exit(run_until_signalled(supervisor, grace_s=grace_s, tell=say))


def _require_lasting_store(settings: Settings) -> None:
    """Refuse a Redis that may evict what it is told to keep; one that is away is waited for.

    Raises:
        Refused: it may.
    """
    from contextlib import closing

    from maze_tasks.cli.output import warn
    from maze_tasks.errors import ServiceUnavailable
    from maze_tasks.store import connect, require_fit

    try:
        with closing(connect(settings.require_redis_url(), max_connections=1)) as client:
            require_fit(client)
    except ServiceUnavailable as error:
        warn(f"{error}; the workers wait for it")


def _verifiers(settings: Settings, wanted: int | None, models: tuple[str, ...]) -> list[WorkerSpec]:
    """The worker that verifies, if there is to be one.

    Raises:
        Refused: verifications are asked for, and no profile is configured.
    """
    from maze_tasks.errors import Refused
    from maze_tasks.worker_plan import verifier_spec

    if wanted and not settings.verify:
        raise Refused("--verifiers: no [verify.NAME] table is configured, so that there is nothing to verify with")
    count = wanted if wanted is not None else (os.cpu_count() or 1) * bool(settings.verify and not models)
    return [verifier_spec(count, namespace=settings.namespace)] if count else []


def _require_sandbox(settings: Settings) -> None:
    """A worker that can verify nothing would only keep fills waiting.

    Raises:
        Refused: no sandbox can be made here, or no profile can run in it.
    """
    from maze_tasks.cli.output import warn
    from maze_tasks.errors import Refused
    from maze_tasks.verifying import verifier_of

    try:
        opened = verifier_of(settings)
    except Refused as refused:
        raise Refused(f"{refused}; `--verifiers 0` starts a worker that leaves verifying to others") from None
    for error in opened.broken.values():
        warn(f"holes are left to other workers: {error}")
    opened.close()


def _require_server(settings: Settings) -> None:
    """Workers of an embedded project belong to the command that made the run.

    Raises:
        ConfigError: no `redis_url` is set.
    """
    from maze_tasks.errors import ConfigError

    if settings.embedded:
        raise ConfigError(
            "`maze worker` serves a shared Redis, and there is none: without redis_url `maze refine` starts workers of "
            "its own; set redis_url here or MAZE_REDIS_URL",
            file=str(settings.config_path) if settings.config_path else None,
            field="redis_url",
        )


def _chosen(settings: Settings, models: tuple[str, ...]) -> list[ModelEndpoint]:
    """The endpoints named, each once, in the order of the configuration; all where none is.

    Raises:
        Refused: a name is not configured.
    """
    from maze_tasks.errors import Refused

    known = {endpoint.name: endpoint for endpoint in settings.endpoints}
    # A name may hold a comma: what is a name as a whole is not split.
    named = [part.strip() for text in models for part in ([text] if text in known else text.split(","))]
    for name in named:
        if name not in known:
            raise Refused(f"--models: {_not_known(name, list(known))}")
    return [endpoint for name, endpoint in known.items() if not models or name in named]


def _not_known(name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"no endpoint is named {name!r}{hint} (configured: {', '.join(known)})"


def _require_keys(settings: Settings, endpoints: list[ModelEndpoint]) -> None:
    """A worker without its keys would only fail every call.

    Raises:
        ConfigError: a variable that holds a key is not set.
    """
    for endpoint in endpoints:
        settings.api_key(endpoint)
        settings.extra_headers(endpoint)
