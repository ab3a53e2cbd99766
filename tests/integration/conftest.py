"""A Redis server on a TCP port, and a stage with workers that many tests share."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import redis_binary
from tests.integration.stage import Stage, endpoint, staged, tcp_redis

HERE = Path(__file__).parent

ENSEMBLE = (
    endpoint("general"),
    endpoint("quick", "FastInference"),
    endpoint("strict", "ConstrainedGeneration"),
    endpoint("fine", "HighQuality"),
    endpoint("secure", "SecurityAware", cost_per_1k_tokens=0.001),
    endpoint("bad", "LongContext"),
    endpoint("steady", "LongContext"),
    endpoint("sampler", "LongContext", protocol="ananke", cost_per_1k_tokens=0.001),
    endpoint("hang", "SecurityAware"),
    endpoint("idle", "LongContext"),  # nobody consumes its queue
)
PLAYED = {
    "bad": {"errors": [{"kind": 400, "every": 1}]},
    "steady": {"latency": 100},
    "hang": {"errors": [{"kind": "hang", "every": 1}]},
}
SLOW = ("steady", "hang")
SLOW_SLOTS = 3  # calls to these that may be in flight


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these start real processes."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def redis_address() -> Iterator[str]:
    """Host and port of a Redis server for all tests of a session."""
    with tcp_redis(redis_binary()) as address:
        yield address


@pytest.fixture(scope="session")
def addresses(redis_address: str) -> Callable[[], dict[str, str]]:
    """Settings that put store and broker into databases of that server which nobody else uses."""
    numbers = itertools.count()

    def databases() -> dict[str, str]:
        return {name: f"redis://{redis_address}/{next(numbers)}" for name in ("redis_url", "broker_url")}

    return databases


@pytest.fixture(scope="session")
def cluster(addresses: Callable[[], dict[str, str]]) -> Iterator[Stage]:
    """A stage whose store and broker are an external server, with plain Celery workers at all queues but ``idle``."""
    with staged(ENSEMBLE, PLAYED) as stage:
        stage.settings = addresses()
        everything = stage.configure()
        served = [one.name for one in ENSEMBLE if one.name not in (*SLOW, "idle")]
        stage.celery(served, concurrency=12, config=everything, name="main")
        stage.celery(SLOW, concurrency=SLOW_SLOTS, config=everything, name="slow")
        yield stage
