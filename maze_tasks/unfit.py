"""Whether a message fits its run, and why a worker leaves a hole to others."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from maze_tasks.errors import ConfigError
from maze_tasks.messages import FillMessage
from maze_tasks.models import ModelEndpoint
from maze_tasks.names import FORMAT_VERSION
from maze_tasks.store.runs import RunInfo


def plans_for(info: RunInfo, message: FillMessage) -> list[int]:
    """Numbers of a run's plans that have the message's model at its cursor."""
    at = message.cursor
    return [
        number
        for number, plan in enumerate(info.plans)
        if at.candidate < plan.stages and plan.model_at(at) == message.model
    ]


def unfit(
    info: RunInfo, model: str, endpoints: Mapping[str, ModelEndpoint], client: Callable[[str], object]
) -> str | None:
    """Why a worker cannot make a call of a run; None where it can.

    Args:
        info: what never changes in the run.
        model: who is to be asked.
        endpoints: the worker's own endpoints by name.
        client: the HTTP client of an endpoint; raises `ConfigError` where a key is missing.
    """
    if info.version > FORMAT_VERSION:
        return f"a worker of an older release (format {FORMAT_VERSION}) leaves records of format {info.version}"
    endpoint = endpoints.get(model)
    if endpoint is None:
        return f"a worker does not know the endpoint {model!r}: its configuration differs from the run's"
    if info.rules.endpoints.get(model) != endpoint.digest():
        return f"a worker has another configuration of endpoint {model!r} than the run was made with"
    try:
        client(model)
    except ConfigError as error:
        return f"a worker cannot use endpoint {model!r}: {error.reason}"
    return None
