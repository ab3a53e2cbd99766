"""Workers on a shared server: several at a model, one model's slowness left to that model, plain Celery good enough."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from maze_tasks.restarts import RestartPolicy
from maze_tasks.supervisor import Supervisor, celery_command, divide
from tests.integration.batches import (
    DEFAULT,
    FAST,
    FILLED_BY,
    Row,
    classeval_fills,
    fill_texts,
    small_fills,
)
from tests.integration.stage import Stage, ended, endpoint, staged, until

SLOTS = 2  # calls in flight of one worker process


@pytest.fixture(scope="module")
def two_supervisors(addresses: Callable[[], dict[str, str]]) -> Iterator[Stage]:
    """`maze worker` twice, at four models each."""
    capabilities = ("CodeCompletion", "FastInference", "HighQuality", "SecurityAware")
    ensemble = [
        endpoint(name, capability, max_concurrency=2 * SLOTS)
        for name, capability in zip(FILLED_BY, capabilities, strict=True)
    ]
    recorded = {"answers": "fills.jsonl", "imports_field": "imports", "missing": "404", "latency": 30}
    played = {name: recorded | {"where": {"model": name}} for name in FILLED_BY}
    fills = [*small_fills()[1], *classeval_fills()[1]]
    with staged(ensemble, played, files={"fills.jsonl": fills}) as stage:
        stage.settings = addresses() | {"max_fallback_attempts": 4}
        config = stage.configure()
        for name in ("first", "second"):
            stage.worker("--concurrency", str(SLOTS * len(FILLED_BY)), config=config, name=name)
        until(lambda: stage.consumers() >= 2 * len(FILLED_BY), "two workers at each model")
        yield stage


@pytest.mark.parametrize("batch", [small_fills, classeval_fills])
def test_two_workers_a_model_share_a_batch_on_an_external_server(
    two_supervisors: Stage, batch: Callable[[], tuple[list[Row], list[Row]]]
) -> None:
    stage, (holes, fills), run = two_supervisors, batch(), batch.__name__
    before = stage.stats()
    path = stage.write(f"{run}.jsonl", holes)
    refined = stage.maze("refine", path, "--run", run, "--json")
    assert refined.code == 0, refined
    results = stage.maze("results", run, "--json").lines
    texts = fill_texts(fills)
    assert [(row["hole_id"], row["code"]) for row in results] == [
        (hole["hole_id"], texts[row["model"]][hole["hole_id"]]) for hole, row in zip(holes, results, strict=True)
    ]
    # Two workers, none of them in the other's way: nothing is asked twice, and more is in flight than one could have.
    after = stage.stats()
    assert refined.json["attempts"] == sum(len(row["attempts"]) for row in results)
    assert refined.json["attempts"] == sum(after[name]["requests"] - before[name]["requests"] for name in FILLED_BY)
    assert set(stage.log.places(run).values()) == {1}
    assert max(one["max_in_flight"] for one in after.values()) > SLOTS
    # Everything is on the server that was named.
    assert not (stage.folder / ".maze").exists()
    assert stage.alive("redis-server") == stage.alive("embedded_keeper") == []


def test_a_slow_model_does_not_hold_up_the_holes_of_another(addresses: Callable[[], dict[str, str]]) -> None:
    ensemble = [endpoint("slow", max_concurrency=2), endpoint("fast", "FastInference", max_concurrency=2)]
    with staged(ensemble, {"slow": {"errors": [{"kind": "hang", "every": 1}]}}) as stage:
        stage.settings = addresses()
        stage.configure()
        stage.worker("--concurrency", "4")
        holes = [{"hole_id": number, **(DEFAULT if number % 2 else FAST)} for number in range(60)]
        refining = stage.start("refine", stage.write("holes.jsonl", holes), "--run", "r", "--json")
        until(lambda: stage.status("r").filled == 30, "the end of all of the fast model's holes")
        until(lambda: stage.stats()["slow"]["in_flight"] == 2, "all slots of the slow model in use")
        at_that_time = stage.status("r")
        assert (at_that_time.in_progress, at_that_time.pending) == (2, 28)
        assert stage.maze("cancel", "r").code == 0
        assert ended(refining).code == 1


def test_a_real_worker_that_dies_of_what_it_takes_is_not_given_up(addresses: Callable[[], dict[str, str]]) -> None:
    with staged([endpoint("a")]) as stage:
        stage.settings = addresses()
        supervisor = Supervisor(
            divide(1, stage.endpoints),
            command=celery_command,
            env={**stage.env, "MAZE_CONFIG": str(stage.configure())},
            log=stage.write("worker.log", []),
            policy=RestartPolicy(quick_death_s=3600, give_up_after=1, longest_delay_s=0.1),
            tell=lambda _: None,
        )
        with supervisor:
            until(lambda: " ready." in (stage.folder / "worker.log").read_text(), "a worker that takes messages")
            first = supervisor.pids["a"]
            os.kill(first, signal.SIGKILL)
            until(lambda: supervisor.pids.get("a", first) != first, "another in its place")
            supervisor.check()


def test_plain_celery_serves_the_one_queue_that_it_is_given(cluster: Stage) -> None:
    config = cluster.configure("alone.toml", only=["idle", "quick"])
    holes = [{"hole_id": f"{number}", **(DEFAULT if number % 3 else FAST)} for number in range(12)]
    path = cluster.write("alone.jsonl", holes)
    before = cluster.waiting("idle")
    assert cluster.maze("refine", path, "--run", "alone", "--detach", config=config).code == 0
    until(lambda: cluster.status("alone").filled == 4, "the end of the holes that somebody serves")
    assert cluster.waiting("idle") - before == cluster.status("alone").pending == 8
    assert cluster.maze("cancel", "alone", config=config).code == 0
    status = until(lambda: (found := cluster.status("alone")).ended and found, "the end of the run")
    assert (status.state, status.filled, status.skipped) == ("cancelled", 4, 8)


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_the_command_of_the_documentation_is_enough(addresses: Callable[[], dict[str, str]], pool: str) -> None:
    """``celery -A workers.app worker -Q fill.a``, with or without threads."""
    with staged([endpoint("a"), endpoint("b")]) as stage:
        stage.settings = addresses()
        config = stage.configure()
        stage.celery(["a"], concurrency=2, pool=pool, config=config)
        path = stage.write("holes.jsonl", [{"hole_id": number} for number in range(6)])
        refined = stage.maze("refine", path, "--run", f"plain-{pool}", "--json", config=config)
        assert (refined.code, refined.json["filled"]) == (0, 6), stage.said("celery")
        assert stage.stats()["a"]["requests"] == 6


def test_a_hole_that_takes_long_to_read_is_filled_beside_others(addresses: Callable[[], dict[str, str]]) -> None:
    with staged([endpoint("a", max_concurrency=SLOTS)]) as stage:
        stage.settings = addresses()
        stage.configure()
        stage.worker()
        holes = [{"hole_id": number, "prompt": "x" * (30_000 if number % 3 == 0 else 10)} for number in range(12)]
        refined = stage.maze("refine", stage.write("long.jsonl", holes), "--run", "long", "--json")
        assert refined.code == 0, refined
        assert stage.status("long").filled == 12
