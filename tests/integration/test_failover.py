"""A master that dies while a replica stands by: Sentinel names it, and everybody goes on with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest

from maze_tasks.store import connect
from maze_tasks.store.reading import read_status
from tests.integration.servers import OwnRedis, own_redis, sentinel_of
from tests.integration.stage import Stage, ended, endpoint, staged, until

HOLES = 60
SLOTS = 4


@pytest.fixture
def pair() -> Iterator[tuple[OwnRedis, OwnRedis]]:
    """A master and its replica."""
    with own_redis() as master, own_redis() as replica:
        replica.command("REPLICAOF", "127.0.0.1", str(master.port))
        with closing(replica.client()) as client:
            until(lambda: client.info("replication").get("master_link_status") == "up", "a replica in step")
        yield master, replica


@pytest.fixture
def stage(pair: tuple[OwnRedis, OwnRedis]) -> Iterator[Stage]:
    with sentinel_of(pair[0]) as port, staged([endpoint("a", max_concurrency=SLOTS)], {"a": {"latency": 150}}) as made:
        address = f"sentinel://127.0.0.1:{port}"
        made.settings = {f"{name}_url": f"{address}/{db}?master_name=m" for db, name in enumerate(("redis", "broker"))}
        made.settings["lease_s"] = 5
        made.configure()
        yield made


def filled(stage: Stage) -> int:
    with closing(connect(stage.settings["redis_url"])) as client:
        status = read_status(client, "maze", "r")
    return status.filled if status else 0


def test_a_run_goes_on_at_the_replica_and_nothing_is_accepted_twice(
    stage: Stage, pair: tuple[OwnRedis, OwnRedis]
) -> None:
    worker = stage.worker()
    path = stage.write("holes.jsonl", [{"hole_id": number} for number in range(HOLES)])
    refining = stage.start("refine", path, "--run", "r", "--json")
    until(lambda: filled(stage) >= 10, "a run in the middle")
    before = filled(stage)
    pair[0].kill()
    refined = ended(refining)
    assert (refined.code, refined.json["filled"]) == (0, HOLES), refined
    assert worker.poll() is None
    assert before < HOLES
    rows = stage.maze("results", "r", "--json").lines
    assert len(rows) == HOLES
    for row in rows:
        assert Counter(one["outcome"] for one in row["attempts"])["accepted"] == 1
    # What the replica had not heard of yet may have been asked again; everything else was asked once.
    asked_again = sum(count > 1 for count in stage.log.places("r").values())
    assert asked_again <= SLOTS
    assert "Traceback" not in stage.said("worker") + refined.err
