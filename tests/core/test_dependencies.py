"""Holes that depend on holes are filled in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from maze_tasks import control
from maze_tasks.freeing import free_dependents
from maze_tasks.models import FailureStrategy, read_hole
from maze_tasks.models.calls import Call, Reply
from maze_tasks.models.runs import RunRules
from maze_tasks.producer import Producer, RunOptions
from maze_tasks.store import care

from .conftest import RUN, Bench, MakeBench


def submit(bench: Bench, graph: Mapping[int, Sequence[int]], strategy: str = "RetryAlternate") -> None:
    rules = RunRules(max_retries=0, failure_strategy=FailureStrategy(strategy))
    producer = Producer(bench.store, bench.sent.extend, bench.settings.endpoints, RunOptions(rules=rules))
    holes = (read_hole({"hole_id": one, "prompt": "x", "depends_on": list(others)}) for one, others in graph.items())
    producer.submit(RUN, holes, input_digest="in", config_digest="c", ordered=True)


def sent(bench: Bench) -> list[int]:
    return [hole_id for message in bench.sent for hole_id in message.holes]


def test_a_hole_waits_for_all_it_depends_on_and_the_graph_is_walked_as_wide_as_it_allows(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    submit(bench, {4: [2, 3], 1: [], 2: [1], 3: [1]})
    assert sent(bench) == [1]
    bench.run_link(bench.sent.pop())
    assert sorted(sent(bench)) == [2, 3]
    bench.run_link(bench.sent.pop())
    assert len(sent(bench)) == 1
    bench.run_all()
    assert bench.status().state == "done"
    assert [one.status for one in bench.results()] == ["filled"] * 4
    assert bench.counted("a")["requests"] == 4


@pytest.mark.parametrize(
    ("strategy", "statuses"),
    [
        ("Skip", ["skipped", "skipped", "skipped"]),
        ("HumanReview", ["needs_review", "needs_review", "needs_review"]),
        ("RetryAlternate", ["failed", "filled", "filled"]),
    ],
)
def test_a_failed_dependency_leads_to_what_the_strategy_says(
    make_bench: MakeBench, strategy: str, statuses: list[str]
) -> None:
    bench = make_bench(a={"errors": [{"kind": 400, "first": 1}]})
    submit(bench, {1: [], 2: [1], 3: [2]}, strategy)
    bench.run_all()
    assert [one.status for one in bench.results()] == statuses
    assert bench.status().state == "done"


def test_who_dies_before_freeing_is_replaced_by_the_sweeper(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(a={})
    submit(bench, {1: [], 2: [1]})
    monkeypatch.setattr("maze_tasks.fill.free_dependents", lambda *_: None)
    bench.run_all()
    monkeypatch.undo()
    due = bench.store.keys(RUN).due
    assert bench.store.client.zrange(due, 0, -1) == ["i1|free"]
    bench.store.client.zadd(due, {"i1|free": 1})
    control.Sweeper(bench.store, bench.sent.extend, lambda _: 0, "one").sweep(queues=False)
    bench.run_all()
    assert bench.status().filled == 2
    assert bench.store.client.zrange(due, 0, -1) != ["i1|free"]


def test_freeing_twice_sends_once(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    submit(bench, {1: [], 2: [1]})
    bench.run_link(bench.sent.pop())
    assert sent(bench) == [2]
    free_dependents(bench.store, bench.sent.extend, RUN, 1)
    assert sent(bench) == [2]


def test_a_hole_that_waits_is_not_sent_by_a_resume_and_a_dependency_that_ended_meanwhile_is_seen(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(a={})
    submit(bench, {1: [], 2: [1]})
    control.pause(bench.store, RUN)
    bench.sent.clear()
    assert control.resume(bench.store, bench.sent.extend, RUN) == 1
    assert sent(bench) == [1]
    monkeypatch.setattr("maze_tasks.fill.free_dependents", lambda *_: None)
    bench.run_all()
    control.pause(bench.store, RUN)
    control.resume(bench.store, bench.sent.extend, RUN)
    assert sent(bench) == [2]


def test_cancelling_ends_holes_that_wait(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    submit(bench, {1: [], 2: [1]})
    assert control.cancel(bench.store, RUN).state == "cancelled"


def test_an_expired_run_leaves_nothing_of_its_graph(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    submit(bench, {1: [], 2: [1]})
    bench.run_all()
    care.expire(bench.store, RUN)
    left = {str(key).rsplit(":", 1)[-1] for key in bench.store.client.scan_iter("*{r:*")}
    assert left == {"meta", "accounts"}


def test_the_fill_of_a_dependency_is_shown_to_those_who_depend_on_it(make_bench: MakeBench) -> None:
    bench = make_bench(a={"missing": "echo"})
    rules = RunRules(max_retries=0)
    producer = Producer(bench.store, bench.sent.extend, bench.settings.endpoints, RunOptions(rules=rules))
    first = read_hole({"hole_id": 1, "prompt": "tell me: forty-two"})
    second = read_hole({"hole_id": 2, "prefix": "x = ", "depends_on": [1]})
    producer.submit(RUN, [second, first], input_digest="in", config_digest="c", ordered=True)
    bench.run_all()
    one, two = bench.results()
    assert two.code is not None
    assert "forty-two" in two.code
    assert one.hole_id == 2 or "forty-two" in (one.code or "")


def test_why_an_answer_was_rejected_is_shown_to_the_next_candidate(make_bench: MakeBench) -> None:
    bench = make_bench(a={"missing_text": "x" * 300_000}, b={})
    clients, prompts = bench.filler.client, {}

    class Listening:
        def __init__(self, name: str) -> None:
            self.name = name

        def call(self, call: Call, **how: Any) -> Reply:
            prompts[self.name] = call.prompt
            return clients(self.name).call(call, **how)

    bench.filler.client = Listening  # type: ignore[assignment]
    producer = Producer(bench.store, bench.sent.extend, bench.settings.endpoints, RunOptions())
    producer.submit(RUN, [read_hole({"hole_id": 1, "prefix": "x = "})], input_digest="in", config_digest="c")
    bench.run_all()
    (result,) = bench.results()
    assert (result.model, result.attempts[0].outcome, result.attempts[0].code) == ("b", "rejected", None)
    assert "300000 characters" in prompts["b"]
    assert "300000 characters" not in prompts["a"]
