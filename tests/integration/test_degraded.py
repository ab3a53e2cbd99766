"""A Redis that is full, read-only, frozen or gone for a while: everybody waits, and nothing is lost or paid twice."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator

import pytest

from tests.integration.servers import OwnRedis, own_redis
from tests.integration.stage import Stage, ended, endpoint, staged, until

HOLES = 40
SLOTS = 4
COMPLAINTS = 30  # of a worker meanwhile: more would be a loop that does not wait


@pytest.fixture
def server() -> Iterator[OwnRedis]:
    with own_redis() as made:
        yield made


@pytest.fixture
def stage(server: OwnRedis) -> Iterator[Stage]:
    """One model that takes its time, and a worker."""
    with staged([endpoint("a", max_concurrency=SLOTS)], {"a": {"latency": 150}}) as made:
        made.settings = server.address | {"lease_s": 5}
        made.configure()
        yield made


def starved(server: OwnRedis) -> Iterator[None]:
    server.command("CONFIG", "SET", "maxmemory", "1")
    yield
    server.command("CONFIG", "SET", "maxmemory", "0")


def read_only(server: OwnRedis) -> Iterator[None]:
    server.command("REPLICAOF", "127.0.0.1", "1")
    yield
    server.command("REPLICAOF", "NO", "ONE")


def frozen(server: OwnRedis) -> Iterator[None]:
    server.signal(signal.SIGSTOP)
    yield
    server.signal(signal.SIGCONT)


def gone(server: OwnRedis) -> Iterator[None]:
    server.kill()
    yield
    server.start()


@pytest.mark.parametrize("how", [starved, read_only, frozen, gone])
def test_everybody_waits_and_goes_on(stage: Stage, server: OwnRedis, how: Callable[[OwnRedis], Iterator[None]]) -> None:
    worker = stage.worker()
    path = stage.write("holes.jsonl", [{"hole_id": number} for number in range(HOLES)])
    refining = stage.start("refine", path, "--run", "r", "--json")
    until(lambda: stage.status("r").filled >= 8, "a run in the middle")
    until(lambda: stage.stats()["a"]["in_flight"] == SLOTS, "calls in flight")
    trouble = how(server)
    next(trouble)
    time.sleep(8)  # longer than a lease
    next(trouble, None)
    refined = ended(refining)
    assert (refined.code, refined.json["filled"], refined.json["attempts"]) == (0, HOLES, HOLES)
    assert worker.poll() is None
    assert set(stage.log.places("r").values()) == {1}
    # Reading goes on where writing does not, and a frozen server answers at last.
    assert ("cannot reach Redis" in refined.err) is (how is gone)
    assert "Traceback" not in stage.said("worker") + refined.err
    complaints = [line for line in stage.said("worker").splitlines() if "WARNING" in line or "ERROR" in line]
    assert len(complaints) < COMPLAINTS


def test_a_server_that_may_evict_is_refused_at_every_door(stage: Stage, server: OwnRedis) -> None:
    for name, value in (("maxmemory", "100mb"), ("maxmemory-policy", "allkeys-lru")):
        server.command("CONFIG", "SET", name, value)
    path = stage.write("holes.jsonl", [{"hole_id": 1}])
    plain = stage.celery(["a"], concurrency=1, name="plain")
    for refused in (stage.maze("refine", path), stage.maze("worker"), stage.maze("status")):
        assert (refused.code, refused.out) == (2, "")
        assert "maxmemory-policy allkeys-lru" in refused.err
        assert "noeviction" in refused.err
    assert plain.wait(timeout=30) == 2
    assert "maxmemory-policy allkeys-lru" in stage.said("plain")
    assert "Traceback" not in stage.said("plain")


def test_a_node_of_a_redis_cluster_is_refused_at_every_door(stage: Stage, server: OwnRedis) -> None:
    with own_redis(cluster_enabled="yes") as node:
        stage.configure(redis_url=f"redis://127.0.0.1:{node.port}/0", broker_url=server.address["broker_url"])
        path = stage.write("holes.jsonl", [{"hole_id": 1}])
        for refused in (stage.maze("refine", path), stage.maze("worker"), stage.maze("status"), stage.maze("check")):
            assert refused.code == 2
            assert "Redis Cluster" in refused.err


def test_a_worker_that_comes_before_its_redis_waits_for_it(stage: Stage, server: OwnRedis) -> None:
    server.kill()
    worker = stage.worker()
    until(lambda: "cannot reach Redis" in stage.said("worker"), "a word of what is wrong")
    server.start()
    path = stage.write("holes.jsonl", [{"hole_id": 1}])
    assert stage.maze("refine", path, "--run", "r", "--json").json["filled"] == 1
    assert worker.poll() is None
