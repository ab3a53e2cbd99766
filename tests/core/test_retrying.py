"""Holes that ended without a fill are tried again when somebody asks for it."""

from __future__ import annotations

import pytest

from maze_tasks import control
from maze_tasks.errors import Refused, UnknownRun
from maze_tasks.lost import lost_record
from maze_tasks.models import FailureStrategy, read_hole
from maze_tasks.models.runs import RunRules
from maze_tasks.producer import Producer, RunOptions
from maze_tasks.retrying import dead, retry_failed
from maze_tasks.store import care
from maze_tasks.store.runs import Ticket

from .conftest import RUN, Bench, MakeBench

DEATHS = 5


def retry(bench: Bench, kind: str | None = None) -> int:
    return retry_failed(bench.store, bench.sent.extend, RUN, kind=kind)


def kill_workers(bench: Bench, hole_id: int) -> None:
    """Let a hole cost its workers their lives until it is set aside."""
    for death in range(DEATHS):
        message = next(one for one in bench.sent if one.holes == (hole_id,))
        bench.sent.remove(message)
        ticket = Ticket(RUN, hole_id, message.cursor, message.send_no, message.model)
        bench.store.lease_ms = 0
        begun = bench.store.begin(ticket, f"dead {death}", lost_record(ticket.cursor, ticket.model), (1, 1))
        assert begun.verdict == "go"
        control.Sweeper(bench.store, bench.sent.extend, lambda _: 1, "one").sweep(queues=False)
    bench.store.lease_ms = 15_000


def test_failed_holes_are_tried_a_round_more_under_keys_of_their_own(make_bench: MakeBench) -> None:
    bench = make_bench(a={"errors": [{"kind": 400, "first": 2}]})
    bench.submit(1, 2, 3)
    bench.run_all()
    assert (bench.status().state, bench.status().failed, bench.status().filled) == ("done", 2, 1)
    care.retire(bench.store, RUN, expires_at=0.0)
    assert retry(bench) == 2
    assert (bench.status().state, bench.status().pending) == ("running", 2)
    assert care.active_runs(bench.store) == [RUN]
    assert care.expired_runs(bench.store, 1.0) == []
    assert retry(bench) == 0, "what is open already is left alone"
    bench.run_all()
    assert (bench.status().state, bench.status().filled) == ("done", 3)
    assert [[one.round for one in result.attempts] for result in bench.results()] == [[0, 1], [0, 1], [0]]
    assert bench.counted("a")["distinct_keys"] == 5


def test_what_whoever_opened_it_did_not_send_is_sent_by_the_sweeper(make_bench: MakeBench) -> None:
    bench = make_bench(a={"errors": [{"kind": 400, "first": 1}]})
    bench.submit(1)
    bench.run_all()
    retry_failed(bench.store, lambda _: None, RUN)
    _, due = care.overdue(bench.store, RUN, care.server_ms(bench.store) + 60_000)
    assert due == [], "it is queued, and its queue is looked after"
    assert care.queued_before(bench.store, RUN, "a", care.server_ms(bench.store) + 1) == [(1, "0")]


def test_dependents_that_ended_with_it_wait_for_it_again(make_bench: MakeBench) -> None:
    bench = make_bench(a={"errors": [{"kind": 400, "first": 1}]})
    rules = RunRules(max_retries=0, failure_strategy=FailureStrategy.SKIP)
    producer = Producer(bench.store, bench.sent.extend, bench.settings.endpoints, RunOptions(rules=rules))
    graph: dict[int, list[int]] = {1: [], 2: [1]}
    holes = (read_hole({"hole_id": one, "prompt": "x", "depends_on": on}) for one, on in graph.items())
    producer.submit(RUN, holes, input_digest="in", config_digest="c", ordered=True)
    bench.run_all()
    assert [one.status for one in bench.results()] == ["skipped", "skipped"]
    assert retry(bench) == 2
    assert [one.holes for one in bench.sent] == [(1,)]
    bench.run_all()
    assert [one.status for one in bench.results()] == ["filled", "filled"]


def test_a_hole_set_aside_is_listed_with_the_evidence_and_can_be_tried_again(make_bench: MakeBench) -> None:
    bench = make_bench(a={"errors": [{"kind": 400, "first": 1}]})
    bench.submit(1, 2)
    bench.run_link(bench.sent.pop(1))
    kill_workers(bench, 1)
    assert (bench.status().state, bench.status().failed, bench.status().set_aside) == ("done", 2, 1)
    (found,) = dead(bench.store, RUN)
    report = found.report()
    assert (report["run"], report["hole_id"], report["status"], report["sample"]) == (RUN, 1, "failed", 0)
    assert [one["worker"] for one in report["deaths"]] == [bench.store.worker] * DEATHS
    assert report["cost_usd"] > 0
    assert retry(bench, "suspect") == 1
    assert list(dead(bench.store, RUN)) == []
    bench.run_all()
    assert (bench.status().filled, bench.status().failed, bench.status().set_aside) == (1, 1, 0)


def test_a_cancelled_run_and_an_unknown_one_are_refused(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    bench.submit(1)
    control.cancel(bench.store, RUN)
    with pytest.raises(Refused, match="cancelled"):
        retry(bench)
    with pytest.raises(UnknownRun):
        retry_failed(bench.store, bench.sent.extend, "nobody")
    with pytest.raises(UnknownRun):
        list(dead(bench.store, "nobody"))
