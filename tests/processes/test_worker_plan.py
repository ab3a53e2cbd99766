"""How calls in flight are divided over the models, and what a worker process is started as."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.models import ModelEndpoint
from maze_tasks.names import queue_name
from maze_tasks.supervisor import WorkerSpec, celery_command, divide
from maze_tasks.worker_plan import suspects_spec, verifier_spec


def endpoints(*limits: int) -> list[ModelEndpoint]:
    return [
        ModelEndpoint(name=f"m{index}", endpoint_url="http://localhost:1/v1", max_concurrency=limit)
        for index, limit in enumerate(limits)
    ]


def shares(total: int | None, *limits: int) -> list[int]:
    return [spec.concurrency for spec in divide(total, endpoints(*limits))]


def test_by_default_each_endpoint_gets_what_it_can_take() -> None:
    assert shares(None, 8, 1, 30) == [8, 1, 30]


@pytest.mark.parametrize(
    ("total", "limits", "expected"),
    [
        (64, (8, 8), [32, 32]),
        (12, (30, 10), [9, 3]),
        (7, (8, 8, 8), [3, 2, 2]),
        (2, (8, 8, 8), [1, 1, 1]),
        (5, (1000, 1, 1), [3, 1, 1]),
    ],
)
def test_a_total_is_divided_in_proportion(total: int, limits: tuple[int, ...], expected: list[int]) -> None:
    assert shares(total, *limits) == expected


@given(st.integers(1, 5000), st.lists(st.integers(1, 500), min_size=1, max_size=8))
def test_the_shares_add_up_none_is_empty_and_who_can_take_more_gets_no_less(total: int, limits: list[int]) -> None:
    found = shares(total, *limits)
    assert sum(found) == max(total, len(limits))
    assert min(found) >= 1
    assert all(found[a] >= found[b] for a in range(len(limits)) for b in range(len(limits)) if limits[a] > limits[b])


def test_each_worker_has_its_model_and_the_queue_of_its_namespace() -> None:
    (spec,) = divide(3, endpoints(8), namespace="team")
    assert spec == WorkerSpec("m0", queue_name("m0", "team"), 3, green=True)
    assert divide(3, []) == []


def test_the_command_is_a_celery_worker_with_threads_for_that_queue_alone() -> None:
    command = celery_command(WorkerSpec("a", "fill.a", 5), loglevel="WARNING")
    said = " ".join(command)
    for part in ("-A workers.app worker", "-Q fill.a", "-P threads", "-c 5", "-l WARNING", "-n a."):
        assert part in said
    assert "--without-heartbeat" in command
    assert "worker_send_task_events=False" in command


def test_who_waits_for_calls_has_greenlets_for_threads_and_who_computes_has_not() -> None:
    green = [spec.green for spec in (*divide(3, endpoints(8)), verifier_spec(2), suspects_spec(["m0"]))]
    assert green == [True, False, False]
    said = [" ".join(celery_command(WorkerSpec("a", "fill.a", 5, green=each))) for each in (True, False)]
    assert ["become_green()" in one for one in said] == [True, False]
    assert said[0].index("become_green()") < said[0].index("import workers.app")


def test_with_events_it_answers_to_flower() -> None:
    command = celery_command(WorkerSpec("a", "fill.a", 5), events=True)
    assert "-E" in command
    assert "--without-heartbeat" not in command
    assert "worker_enable_remote_control=True" in command


def test_names_of_nodes_hold_nothing_that_celery_would_expand_and_differ_where_models_do() -> None:
    names = set()
    for model in ("a/b", "a%2Fb", "a=2Fb", "a b", "ä"):
        command = celery_command(WorkerSpec(model, "q", 1))
        names.add(command[command.index("-n") + 1])
    assert len(names) == 5
    assert all(name.removesuffix("@%h").isascii() and "%" not in name.removesuffix("@%h") for name in names)


CONFIG = """
redis_url = "redis://localhost:1/0"

[[endpoints]]
name = "a/b"
endpoint_url = "http://localhost:1/v1"
"""


@pytest.mark.integration
def test_celery_understands_the_command_whatever_lies_in_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "maze.toml").write_text(CONFIG)
    (tmp_path / "workers.py").write_text("raise SystemExit('a package of the project that holes are filled in')")
    command = celery_command(WorkerSpec("a/b", "fill.a%2Fb", 5), events=True)
    command.insert(command.index("--"), "--help")
    helped = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert helped.returncode == 0, helped.stderr
    assert "--without-gossip" in helped.stdout
