"""Holes that nobody fills in one piece are filled in parts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from maze_tasks import control
from maze_tasks.clients import ClientPool
from maze_tasks.config import Settings
from maze_tasks.fill import Filler
from maze_tasks.leases import LeaseKeeper
from maze_tasks.lost import lost_record
from maze_tasks.models import FailureStrategy, Hole, read_hole
from maze_tasks.models.runs import HoleResult, RunRules
from maze_tasks.names import HoleId
from maze_tasks.overdue import see_to_overdue
from maze_tasks.producer import Producer, RunOptions
from maze_tasks.retrying import retry_failed
from maze_tasks.source.scanner import scan
from maze_tasks.store import RunStore, care
from maze_tasks.store.runs import Ticket
from tests.answering import Answer, Answering, Asked

from .conftest import RUN, Bench

CODE = b"def mean(xs):\n    raise NotImplementedError\n"
PARTS = ["total = sum(xs)", "count = len(xs)", "return total / count"]

MakeDivider = Callable[..., tuple[Bench, Answering]]


@pytest.fixture
def divider(store: RunStore) -> Iterator[MakeDivider]:
    """Makes a bench whose endpoints answer as one function says, on Redis and on fakeredis."""
    with ExitStack() as stack:

        def make(answer: Answer, *names: str) -> tuple[Bench, Answering]:
            server = stack.enter_context(Answering(answer))
            endpoints = tuple(server.endpoint(name, priority=one) for one, name in enumerate(names or ("a",)))
            settings = Settings(endpoints=endpoints, redis_url="redis://unused")
            bench = Bench(store, settings, server)  # type: ignore[arg-type]
            clients, leases = ClientPool(settings, pool_size=4), LeaseKeeper(store)
            stack.callback(clients.close)
            stack.callback(leases.close)
            known = {endpoint.name: endpoint for endpoint in endpoints}
            bench.filler = Filler(store, leases, bench.sent.extend, known, clients.get, draw=lambda: 0.5)
            return bench, server

        yield make


def scanned(code: bytes = CODE, **fields: Any) -> Hole:
    (hole,) = scan("m.py", code, "python")
    state = hole.state.model_copy(update={"id": 1, **fields}) if hole.state else None
    return hole.model_copy(update={"id": 1, "state": state})


def submit(bench: Bench, *holes: Hole, **options: Any) -> None:
    rules = RunRules(max_retries=0, failure_strategy=FailureStrategy.DECOMPOSE)
    producer = Producer(bench.store, bench.sent.extend, bench.settings.endpoints, RunOptions(rules=rules, **options))
    producer.submit(RUN, holes, input_digest="in", config_digest="c")


def by_id(bench: Bench) -> dict[HoleId, HoleResult]:
    return {one.hole_id: one for one in bench.results()}


def whole_fails(asked: Asked) -> str | int:
    """Refuses the whole; answers each part with its own line."""
    if "Write part" not in asked.prompt:
        return 400
    return next(text for number, text in enumerate(PARTS, 1) if f"Write part {number} of 3" in asked.prompt)


def test_a_hole_is_filled_with_the_fills_of_its_parts(divider: MakeDivider) -> None:
    bench, server = divider(whole_fails, "a", "b")
    submit(bench, scanned())
    bench.run_all()
    results = by_id(bench)
    whole = results[1]
    assert whole.status == "filled"
    assert whole.code == "    total = sum(xs)\n    count = len(xs)\n    return total / count\n"
    assert len(whole.child_ids) == 3
    children = [results[one] for one in whole.child_ids]
    assert [one.status for one in children] == ["filled"] * 3
    assert [one.parent_id for one in children] == [1, 1, 1]
    assert [one.code for one in children] == [f"    {text}\n" for text in PARTS]
    status = bench.status()
    assert (status.state, status.holes, status.filled, status.parts) == ("done", 4, 4, 3)
    assert status.attempts == len(server.asked) == 5
    assert [(one.model, one.outcome, one.joined) for one in whole.attempts] == [
        ("a", "failed", False), ("b", "failed", False), ("a", "accepted", True),
    ]  # fmt: skip
    accounts = control.metrics_accounts(bench.store)
    assert {name: account.accepted for name, account in accounts.items()} == {"a": 3, "b": 0}


def test_each_part_is_told_which_it_is_and_shown_what_stands_before_it(divider: MakeDivider) -> None:
    bench, server = divider(whole_fails)
    submit(bench, scanned())
    bench.run_all()
    _, first, second, third = server.asked
    assert "Write part 1 of 3" in first.prompt
    assert "left to the later parts" in first.prompt
    assert "def mean(xs):\n    total = sum(xs)\n    count = len(xs)\n<<<FILL>>>" in third.prompt
    assert "With it the whole must be complete" in third.prompt
    assert "count = len" not in second.prompt
    assert second.body["max_tokens"] == 512
    assert [one.key.split("/", 2)[2] for one in (first, second, third)] == ["0/0/0"] * 3


def test_parts_are_divided_again_down_to_the_smallest(divider: MakeDivider) -> None:
    texts = (f"x = {number}" for number in itertools.count())

    def answer(asked: Asked) -> str | int:
        return next(texts) if asked.body["max_tokens"] == 64 else 400

    bench, _ = divider(answer)
    submit(bench, scanned())
    bench.run_all()
    status = bench.status()
    # 1 macro, 3 meso, 6 micro, 12 nano.
    assert (status.holes, status.filled, status.parts, status.state) == (22, 22, 21, "done")
    assert by_id(bench)[1].code == "".join(f"    x = {number}\n" for number in range(12))


def test_the_smallest_hole_is_not_divided_and_fails(divider: MakeDivider) -> None:
    bench, server = divider(lambda _: 400)
    submit(bench, read_hole({"id": 1, "scale": "nano", "origin": "m.py:1:1", "status": "Pending"}))
    bench.run_all()
    (result,) = bench.results()
    assert (result.status, result.child_ids, len(server.asked)) == ("failed", (), 1)
    assert bench.status().state == "done"


def test_a_hole_of_unknown_scale_has_two_parts_and_text_ids_beget_text_ids(divider: MakeDivider) -> None:
    def answer(asked: Asked) -> str | int:
        return "one" if "part 1 of 2" in asked.prompt else "two" if "part 2 of 2" in asked.prompt else 400

    bench, server = divider(answer)
    submit(bench, read_hole({"hole_id": "h", "prompt": "Say two words."}))
    bench.run_all()
    results = by_id(bench)
    assert results["h"].code == "one\ntwo"
    assert results["h"].child_ids == ("h:child_0", "h:child_1")
    assert server.asked[-1].prompt.startswith("Say two words.")
    assert "The earlier parts:\n<code>\none\n</code>" in server.asked[-1].prompt


@pytest.mark.parametrize("fails", [1, 2, 3])
def test_a_failed_part_makes_its_whole_failed_and_the_parts_behind_it_cost_nothing(
    divider: MakeDivider, fails: int
) -> None:
    def answer(asked: Asked) -> str | int:
        return whole_fails(asked) if f"part {fails} of 3" not in asked.prompt else 400

    bench, server = divider(answer)
    submit(bench, scanned())
    bench.run_all()
    whole = by_id(bench)[1]
    assert whole.status == "failed"
    assert whole.error is not None
    assert whole.error.kind == "part"
    assert f"part {fails} of 3 has no fill" in whole.error.message
    statuses = [by_id(bench)[one].status for one in whole.child_ids]
    assert statuses == ["filled"] * (fails - 1) + ["failed"] + ["skipped"] * (3 - fails)
    assert bench.status().state == "done"
    # The failed part was divided in its turn, down to its first smallest part.
    assert len(server.asked) == 1 + fails + 2


def test_parts_that_do_not_fit_together_are_a_failed_whole(divider: MakeDivider) -> None:
    bench, _ = divider(whole_fails)
    hole = scanned()
    demanding = hole.spec.model_validate(
        {"hole_id": 1, "fill_constraints": [{"kind": "must_use_binding", "value": "statistics"}]}
    )
    submit(bench, hole.model_copy(update={"spec": demanding}))
    bench.run_all()
    whole = by_id(bench)[1]
    assert whole.status == "failed"
    assert whole.error is not None
    assert whole.error.kind == "binding"
    assert [by_id(bench)[one].status for one in whole.child_ids] == ["filled"] * 3, "the demand is made of the whole"
    assert (whole.attempts[-1].outcome, whole.attempts[-1].joined) == ("rejected", True)


def test_a_part_that_does_not_parse_in_its_place_is_rejected(divider: MakeDivider) -> None:
    bench, _ = divider(
        lambda asked: "try:" if asked.model == "a" and "part 1 of 3" in asked.prompt else whole_fails(asked), "a", "b"
    )
    submit(bench, scanned())
    bench.run_all()
    results = by_id(bench)
    first = results[results[1].child_ids[0]]
    assert [(one.model, one.outcome) for one in first.attempts] == [("a", "rejected"), ("b", "accepted")]
    assert results[1].model == "b, a"


def test_who_dies_before_dividing_or_joining_is_replaced_by_the_sweeper(
    divider: MakeDivider, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, server = divider(whole_fails)
    submit(bench, scanned())
    monkeypatch.setattr("maze_tasks.fill.see_to", lambda *_: None)
    monkeypatch.setattr("maze_tasks.fill.free_dependents", lambda *_: None)
    for _ in range(4):
        bench.run_all()
        due = bench.store.keys(RUN).due
        owed = {str(one): 1.0 for one in bench.store.client.zrange(due, 0, -1)}
        assert owed
        bench.store.client.zadd(due, owed)
        assert bench.status().filled < 4
        see_to_overdue(bench.store, bench.sent.extend, RUN, care.server_ms(bench.store))
    assert (bench.status().filled, bench.status().state) == (4, "done")
    assert len(server.asked) == 4


def test_a_paused_run_is_divided_and_joined_when_it_goes_on(
    divider: MakeDivider, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, server = divider(whole_fails)
    submit(bench, scanned())
    monkeypatch.setattr("maze_tasks.fill.see_to", lambda *_: None)
    monkeypatch.setattr("maze_tasks.fill.free_dependents", lambda *_: None)
    for _ in range(4):
        bench.run_all()
        control.pause(bench.store, RUN)
        control.resume(bench.store, bench.sent.extend, RUN)
    assert (bench.status().filled, bench.status().state) == (4, "done")
    assert len(server.asked) == 4


def test_what_comes_twice_divides_and_joins_once(divider: MakeDivider) -> None:
    from maze_tasks.freeing import free_dependents
    from maze_tasks.parts import split_hole

    bench, server = divider(whole_fails)
    submit(bench, scanned())
    bench.run_link(bench.sent.pop(0))
    split_hole(bench.store, bench.sent.extend, RUN, 1)
    assert len(bench.sent) == 1
    assert bench.status().holes == 4
    bench.run_all()
    before = bench.results()
    last = before[0].child_ids[-1]
    free_dependents(bench.store, bench.sent.extend, RUN, last)
    split_hole(bench.store, bench.sent.extend, RUN, 1)
    assert bench.results() == before
    assert bench.sent == []
    assert len(server.asked) == 4


@pytest.mark.parametrize("links", range(1, 5))
def test_cancelling_at_any_point_ends_the_whole_and_its_parts(divider: MakeDivider, links: int) -> None:
    bench, _ = divider(whole_fails)
    submit(bench, scanned())
    for _ in range(links):
        bench.run_link(bench.sent.pop(0))
    status = control.cancel(bench.store, RUN)
    assert status.state == ("cancelled" if links < 4 else "done")
    bench.run_all()
    after = bench.status()
    assert after.closed == after.holes == 4
    assert after.filled == (links - 1 if links < 4 else 4)


def test_holes_that_depend_on_a_divided_one_wait_for_it(divider: MakeDivider) -> None:
    def answer(asked: Asked) -> str | int:
        return "again" if asked.hole == "2" else whole_fails(asked)

    bench, server = divider(answer)
    other = read_hole({"hole_id": 2, "prefix": "x = ", "depends_on": [1]})
    submit(bench, other, scanned())
    bench.run_all()
    assert bench.status().filled == 5
    assert server.asked[-1].hole == "2"
    assert "return total / count" in server.asked[-1].prompt


def test_best_of_n_divides_where_no_sample_is_good(divider: MakeDivider) -> None:
    bench, server = divider(whole_fails)
    submit(bench, scanned(), best_of_n=2)
    bench.run_all()
    assert (bench.status().filled, bench.status().state) == (4, "done")
    assert len(server.asked) == 8


def test_ids_that_are_taken_are_drawn_again(divider: MakeDivider) -> None:
    bench, _ = divider(
        lambda asked: "one" if asked.hole == "h:child_1" else 400 if "Write" not in asked.prompt else "part"
    )
    taken = read_hole({"hole_id": "h:child_1", "prompt": "x"})
    submit(bench, taken, read_hole({"hole_id": "h", "prompt": "y"}))
    bench.run_all()
    results = by_id(bench)
    assert results["h"].child_ids == ("h:child_0_1", "h:child_1_1")
    assert results["h"].code == "part\npart"
    assert results["h:child_1"].parent_id is None


def test_an_expired_run_leaves_nothing_of_its_parts(divider: MakeDivider) -> None:
    bench, _ = divider(whole_fails)
    submit(bench, scanned())
    bench.run_all()
    care.expire(bench.store, RUN)
    left = {str(key).rsplit(":", 1)[-1] for key in bench.store.client.scan_iter("*{r:*")}
    assert left == {"meta", "accounts"}


@pytest.mark.parametrize("kind", [None, "part", "bad_request"])
def test_a_failed_part_that_is_tried_again_makes_its_whole_whole(divider: MakeDivider, kind: str | None) -> None:
    refused = ["part 2 of 3"]

    def answer(asked: Asked) -> str | int:
        if any(one in asked.prompt for one in refused):
            return 400
        return "count = len(xs)" if "of part 2 of 3" in asked.prompt else whole_fails(asked)

    bench, server = divider(answer)
    submit(bench, scanned())
    bench.run_all()
    assert by_id(bench)[1].status == "failed"
    before = len(server.asked)
    refused.clear()
    assert retry_failed(bench.store, bench.sent.extend, RUN, kind=kind) > 0
    assert bench.status().state == "running"
    bench.run_all()
    results = by_id(bench)
    assert results[1].status == "filled"
    assert [results[one].status for one in results[1].child_ids] == ["filled"] * 3
    assert bench.status().state == "done"
    assert not any("Write part 1 of 3:" in asked.prompt for asked in server.asked[before:]), (
        "what is filled is not paid for again"
    )


def test_a_whole_whose_parts_did_not_fit_is_tried_whole_again_and_divided_anew(divider: MakeDivider) -> None:
    asked_for = "min"
    bench, server = divider(
        lambda asked: whole_fails(asked).replace("sum", asked_for) if "1 of 3" in asked.prompt else whole_fails(asked)
    )  # type: ignore[union-attr]
    hole = scanned()
    spec = {"hole_id": 1, "fill_constraints": [{"kind": "must_use_binding", "value": "max"}]}
    submit(bench, hole.model_copy(update={"spec": hole.spec.model_validate(spec)}))
    bench.run_all()
    first = by_id(bench)[1]
    assert first.error is not None
    assert first.error.kind == "binding"
    asked_for = "max"
    assert retry_failed(bench.store, bench.sent.extend, RUN) == 1
    bench.run_all()
    second = by_id(bench)[1]
    assert second.status == "filled"
    assert not set(first.child_ids) & set(second.child_ids)
    assert (bench.status().holes, bench.status().filled, bench.status().state) == (7, 7, "done")
    assert len(server.asked) == 8


def test_a_part_that_kills_its_workers_ends_its_whole(divider: MakeDivider) -> None:
    bench, _ = divider(whole_fails)
    submit(bench, scanned())
    bench.run_link(bench.sent.pop(0))
    (part,) = bench.sent[0].holes
    for death in range(5):
        message = bench.sent.pop()
        ticket = Ticket(RUN, part, message.cursor, message.send_no, message.model)
        bench.store.lease_ms = 0
        assert bench.store.begin(ticket, f"dead {death}", lost_record(ticket.cursor, "a"), (1, 1)).verdict == "go"
        see_to_overdue(bench.store, bench.sent.extend, RUN, care.server_ms(bench.store) + 60_000)
    bench.store.lease_ms = 15_000
    see_to_overdue(bench.store, bench.sent.extend, RUN, care.server_ms(bench.store) + 60_000)
    results = by_id(bench)
    assert results[part].error is not None
    assert results[part].error.kind == "suspect"
    assert [results[one].status for one in results[1].child_ids] == ["failed", "skipped", "skipped"]
    assert (results[1].status, bench.status().state) == ("failed", "done")
