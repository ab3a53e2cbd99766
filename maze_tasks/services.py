"""Whether all that a configuration names can be reached: the store, the broker, and every endpoint."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from maze_tasks.config import Settings, redact_url
from maze_tasks.endpoints import EndpointClient
from maze_tasks.errors import ConfigError, EndpointError, Refused, ServiceUnavailable
from maze_tasks.models import ModelEndpoint

_MOST_THREADS = 32


@dataclass(frozen=True, slots=True)
class ServiceCheck:
    """What was found out about the store or the broker.

    Args:
        service: ``Redis`` or ``broker``.
        setting: the setting that names it.
        address: where that says it is, without passwords.
        ok: whether it can be used.
        reached: whether it answered at all.
        detail: why it cannot be used; empty if it can.
        latency_ms: time until this was known.
    """

    service: str
    setting: str
    address: str
    ok: bool
    reached: bool
    detail: str
    latency_ms: float


@dataclass(frozen=True, slots=True)
class EndpointCheck:
    """What was found out about one endpoint.

    Args:
        name: its name.
        url: its address.
        model: the model it is asked for.
        ok: whether it says that it is well.
        status: HTTP status of its answer, None if there was none.
        detail: what it said, or why it could not be reached.
        latency_ms: time of the exchange.
        model_listed: whether the endpoint lists the model; None where it lists none.
        key_problems: variables of keys and headers that are not set here, one sentence each.
    """

    name: str
    url: str
    model: str
    ok: bool
    status: int | None
    detail: str
    latency_ms: float
    model_listed: bool | None
    key_problems: tuple[str, ...] = field(default=())


def ping_services(settings: Settings) -> tuple[ServiceCheck, ...]:
    """Reach the store and the broker; nothing is started, so an embedded project has nothing to reach.

    Args:
        settings: the configuration.
    """
    if settings.embedded:
        return ()
    broker = "broker_url" if settings.broker_url else "redis_url"
    return (
        _ping("Redis", "redis_url", settings.require_redis_url(), lambda: _ping_redis(settings)),
        _ping("broker", broker, settings.require_broker_url(), lambda: _ping_broker(settings)),
    )


def probe_endpoints(settings: Settings) -> tuple[EndpointCheck, ...]:
    """Ask every endpoint at once for its health and its models.

    Args:
        settings: the configuration. An endpoint whose key is not set here is asked without one.
    """
    with ThreadPoolExecutor(min(_MOST_THREADS, len(settings.endpoints))) as threads:
        return tuple(threads.map(lambda endpoint: _probe(settings, endpoint), settings.endpoints))


def _ping(service: str, setting: str, url: str, reach: Callable[[], None]) -> ServiceCheck:
    start = time.perf_counter()
    reached, detail = True, ""
    try:
        reach()
    except ServiceUnavailable as error:
        reached, detail = False, error.reason
    except Refused as error:
        detail = str(error)
    return ServiceCheck(service, setting, redact_url(url), not detail, reached, detail, _ms_since(start))


def _ping_redis(settings: Settings) -> None:
    from maze_tasks.store import connect, require_fit

    client = connect(settings.require_redis_url())
    try:
        require_fit(client)
    finally:
        client.close()


def _ping_broker(settings: Settings) -> None:
    from maze_tasks.dispatch import Dispatcher, make_celery

    dispatcher = Dispatcher(make_celery(settings.require_broker_url()), settings.namespace)
    try:
        dispatcher.ping()
    finally:
        dispatcher.close()


def _probe(settings: Settings, endpoint: ModelEndpoint) -> EndpointCheck:
    key, headers, problems = _secrets(settings, endpoint)
    client = EndpointClient(endpoint, api_key=key, pool_size=1, headers=headers)
    try:
        health = client.health()
        listed = _listed(client, endpoint.model) if health.ok else None
    finally:
        client.close()
    return EndpointCheck(
        name=endpoint.name,
        url=endpoint.endpoint_url,
        model=endpoint.model,
        ok=health.ok,
        status=health.status,
        detail=health.detail,
        latency_ms=health.latency_ms,
        model_listed=listed,
        key_problems=problems,
    )


def _secrets(settings: Settings, endpoint: ModelEndpoint) -> tuple[str | None, dict[str, str], tuple[str, ...]]:
    """Key and headers of an endpoint as far as they are set, and what is not."""
    key: str | None = None
    headers: dict[str, str] = {}
    problems: list[str] = []
    try:
        key = settings.api_key(endpoint)
    except ConfigError as error:
        problems.append(str(error))
    try:
        headers = settings.extra_headers(endpoint)
    except ConfigError as error:
        problems.append(str(error))
    return key, headers, tuple(problems)


def _listed(client: EndpointClient, model: str) -> bool | None:
    try:
        models = client.models()
    except EndpointError:
        return None
    return model in models if models else None


def _ms_since(start: float) -> float:
    return round((time.perf_counter() - start) * 1000, 3)
