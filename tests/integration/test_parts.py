"""Holes of a source tree that are filled in parts by real workers, one of which is killed in the middle."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.answering import Answering, Asked
from tests.integration.stage import Stage, ended, endpoint, staged, until

FUNCTIONS = 4
SLOTS = 4
CALL_S = 0.1
LINES = {1: "total = sum(xs)", 2: "count = len(xs)", 3: "return total / count"}
CODE = "\n\n".join(f"def mean{number}(xs):\n    raise NotImplementedError\n" for number in range(FUNCTIONS))


def answer(asked: Asked) -> str:
    threading.Event().wait(CALL_S)
    return next((line for part, line in LINES.items() if f"Write part {part} of 3" in asked.prompt), "I cannot.")


@pytest.fixture
def scene(addresses: Callable[[], dict[str, str]]) -> Iterator[tuple[Stage, Answering]]:
    """A tree of functions that only parts fill, and an endpoint that takes its time; nobody works yet."""
    with ExitStack() as stack:
        server = stack.enter_context(Answering(answer))
        stage = stack.enter_context(staged([endpoint("unused")]))
        stage.endpoints = (server.endpoint("a", max_concurrency=SLOTS),)
        stage.settings = addresses() | {"lease_s": 2, "refinement": {"failure_strategy": "Decompose"}}
        stage.configure()
        (stage.folder / "src").mkdir()
        (stage.folder / "src" / "m.py").write_text(CODE)
        yield stage, server


def test_a_worker_killed_among_parts_costs_a_lease_and_every_whole_is_made(scene: tuple[Stage, Answering]) -> None:
    stage, server = scene
    stage.worker()
    refining = stage.start("refine", "src", "--run", "r", "--json")
    until(lambda: stage.status("r").parts >= 3, "holes that were divided")
    until(lambda: server.calls_now, "a call in flight")
    (victim,) = stage.alive("celery", "-Q fill.a")
    os.kill(victim, signal.SIGKILL)
    refined = ended(refining)
    assert refined.code == 0
    shown = {name: refined.json[name] for name in ("state", "holes", "filled", "parts")}
    assert shown == {"state": "done", "holes": 4 * FUNCTIONS, "filled": 4 * FUNCTIONS, "parts": 3 * FUNCTIONS}

    results = stage.maze("results", "r", "--json").lines
    wholes = [row for row in results if row["parent_id"] is None]
    assert [len(row["child_ids"]) for row in wholes] == [3] * FUNCTIONS
    assert {row["code"] for row in wholes} == {"".join(f"    {line}\n" for line in LINES.values())}
    assert {row["hole_id"]: row["parent_id"] for row in results if row["parent_id"] is not None} == {
        part: row["hole_id"] for row in wholes for part in row["child_ids"]
    }
    outcomes = Counter(one["outcome"] for row in results for one in row["attempts"])
    assert outcomes["accepted"] == 4 * FUNCTIONS
    assert outcomes["lost"] <= SLOTS
    # Nothing is asked twice but what the killed worker had in hand.
    keys = Counter(asked.key for asked in server.asked)
    assert len(keys) == 4 * FUNCTIONS
    assert sum(keys.values()) - len(keys) <= outcomes["lost"]
    assert refined.json["attempts"] == 4 * FUNCTIONS + outcomes["lost"]

    patch = stage.maze("diff", "r").out
    assert patch.count("\n+    return total / count\n") == FUNCTIONS
    assert stage.maze("apply", "r").code == 0
    names: dict[str, Callable[[list[int]], float]] = {}
    exec((stage.folder / "src" / "m.py").read_text(), names)
    assert [names[f"mean{number}"]([1, 3]) for number in range(FUNCTIONS)] == [2.0] * FUNCTIONS


def test_an_embedded_run_killed_among_parts_goes_on_where_it_was(scene: tuple[Stage, Answering]) -> None:
    stage, server = scene
    for name in ("redis_url", "broker_url"):
        del stage.settings[name]
    stage.configure()
    refining = stage.start("refine", "src", "--run", "r", "--json")
    until(lambda: len([asked for asked in server.asked if "Write part" in asked.prompt]) >= 3, "parts asked for")
    os.killpg(refining.pid, signal.SIGKILL)
    ended(refining)
    until(lambda: not stage.processes(), "the end of its workers")
    refined = stage.maze("refine", "src", "--run", "r", "--json")
    assert (refined.code, refined.json["filled"], refined.json["parts"]) == (0, 4 * FUNCTIONS, 3 * FUNCTIONS)
    keys = Counter(asked.key for asked in server.asked)
    assert len(keys) == 4 * FUNCTIONS
    assert sum(keys.values()) - len(keys) <= SLOTS
