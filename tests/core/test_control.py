"""The sweeper and run control."""

from __future__ import annotations

import pytest

from maze_tasks import control
from maze_tasks.errors import Refused, UnknownRun
from maze_tasks.models.runs import Attempt
from maze_tasks.store import care
from maze_tasks.store.runs import Ticket

from .conftest import RUN, Bench, MakeBench

LONG_AGO_MS = 3_600_000


def sweeper(bench: Bench, lengths: dict[str, int] | None = None, owner: str = "one") -> control.Sweeper:
    known = lengths or {}
    return control.Sweeper(bench.store, bench.sent.extend, lambda model: known.get(model, 0), owner)


def begin(bench: Bench, hole_id: int = 1, *, sample: int = 0) -> None:
    """Take a lease as a worker would that dies afterwards."""
    message = next(one for one in bench.sent if one.holes == (hole_id,) and one.cursor.sample == sample)
    ticket = Ticket(RUN, hole_id, message.cursor, message.send_no, message.model)
    lost = Attempt(candidate=0, model=message.model, outcome="lost")
    assert bench.store.begin(ticket, f"dead-{hole_id}-{sample}", lost, (1, 1)).verdict == "go"


def test_a_lease_that_ran_out_is_sent_again_and_the_loss_put_on_record(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    bench.store.lease_ms = 1
    bench.submit(1)
    begin(bench)
    bench.sent.clear()
    bench.store.lease_ms = 15_000
    while not bench.sent:
        sweeper(bench).sweep(queues=False)
    bench.run_all()
    (result,) = bench.results()
    assert [one.outcome for one in result.attempts] == ["lost", "accepted"]
    assert result.attempts[0].cost_nano > 0
    assert result.attempts[1].repeated
    assert bench.status().repeated == 1


def test_a_wait_that_is_over_is_sent_again(make_bench: MakeBench) -> None:
    bench = make_bench(a={"errors": [{"kind": 500, "first": 1}]})
    bench.submit(1)
    bench.run_all()
    bench.store.client.zadd(bench.store.keys(RUN).due, {"i1|0": 1})
    sweeper(bench).sweep(queues=False)
    bench.run_all()
    assert bench.results()[0].status == "filled"


def forget(bench: Bench) -> None:
    """Lose every message, long ago."""
    bench.sent.clear()
    queued = bench.store.keys(RUN).queued("a")
    for member in bench.store.client.zrange(queued, 0, -1):
        bench.store.client.zadd(queued, {member: care.server_ms(bench.store) - LONG_AGO_MS})


def test_what_a_broker_forgot_is_sent_again_after_its_queue_was_seen_empty_twice(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    bench.submit(1, 2)
    forget(bench)
    care_taker = sweeper(bench)
    care_taker.sweep()
    assert bench.sent == []
    care_taker.sweep()
    assert len(bench.sent) == 2
    bench.run_all()
    assert bench.status().filled == 2


def test_what_waits_in_a_queue_is_not_sent_again_however_long_it_waits(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    bench.submit(1, 2)
    forget(bench)
    care_taker = sweeper(bench, {"a": 2})
    for _ in range(5):
        care_taker.sweep()
    assert bench.sent == []


def test_a_message_sent_just_now_is_not_forgotten(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    bench.submit(1)
    bench.sent.clear()
    care_taker = sweeper(bench)
    for _ in range(2):
        care_taker.sweep()
    assert bench.sent == []


def test_a_selection_that_nobody_made_is_made(make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make_bench(a={})
    bench.submit(1, best_of_n=2)
    monkeypatch.setattr("maze_tasks.selecting.select_fill", lambda *_: None)  # the last finisher dies before it selects
    bench.run_all()
    monkeypatch.undo()
    assert bench.status().in_progress == 1
    bench.store.client.zadd(bench.store.keys(RUN).due, {"i1|select": 1})
    sweeper(bench).sweep(queues=False)
    assert bench.results()[0].status == "filled"


def test_a_lost_member_of_a_group_is_asked_again_and_the_group_selects(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    bench.store.lease_ms = 1
    bench.submit(1, best_of_n=3)
    begin(bench, sample=1)
    bench.store.lease_ms = 15_000
    bench.sent[:] = [one for one in bench.sent if one.cursor.sample != 1]
    bench.run_all()
    assert bench.status().closed == 0
    while not bench.sent:
        sweeper(bench).sweep(queues=False)
    bench.run_all()
    (result,) = bench.results()
    assert result.status == "filled"
    assert sorted(one.outcome for one in result.attempts) == ["accepted", "lost", "rejected", "rejected"]


def test_one_sweeper_sweeps_at_a_time(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    assert sweeper(bench, owner="one").sweep()
    assert not sweeper(bench, owner="two").sweep()


def test_ended_runs_are_retired_and_expire(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    bench.submit(1)
    bench.run_all()
    care_taker = sweeper(bench)
    care_taker.sweep()
    assert care.active_runs(bench.store) == []
    care_taker.expire_days = 0.0
    care.retire(bench.store, RUN, expires_at=0.0)
    care_taker.sweep()
    assert bench.status().state == "expired"
    with pytest.raises(Refused, match="expired"):
        control.results(bench.store, RUN)
    assert control.metrics_accounts(bench.store)["a"].accepted == 1


def test_cancelling_ends_a_run_whose_holes_wait(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    bench.submit(*range(20))
    status = control.cancel(bench.store, RUN)
    assert (status.state, status.skipped) == ("cancelled", 20)
    bench.run_all()
    assert bench.counted("a")["requests"] == 0
    assert control.cancel(bench.store, RUN).state == "cancelled"


def test_a_cancel_that_its_client_did_not_finish_is_finished_by_the_sweeper(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    bench.submit(1, 2)
    care.set_state(bench.store, RUN, "cancelling", ["running"])
    sweeper(bench).sweep()
    assert bench.status().state == "cancelled"


def test_a_cancelled_hole_whose_worker_died_is_closed_once_its_lease_has_run_out(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    bench.submit(1)
    begin(bench)
    assert control.cancel(bench.store, RUN).state == "cancelling"
    assert control.cancel(bench.store, RUN, holders_gone=True).state == "cancelled"


def test_pausing_stops_and_resuming_sends_what_is_open(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    bench.submit(1, 2)
    bench.run_link(bench.sent[0])
    assert control.pause(bench.store, RUN).state == "paused"
    bench.run_all()
    assert bench.status().pending == 1
    assert control.resume(bench.store, bench.sent.extend, RUN) == 1
    bench.run_all()
    assert bench.status().state == "done"
    assert control.resume(bench.store, bench.sent.extend, RUN) == 0
    assert bench.counted("a")["requests"] == 2


def test_resuming_where_no_worker_can_be_alive_takes_leases_as_run_out(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    bench.submit(1, 2)
    begin(bench)
    care.set_state(bench.store, RUN, "paused", ["running"])
    bench.sent.clear()
    assert control.resume(bench.store, bench.sent.extend, RUN, holders_gone=True) == 2
    bench.run_all()
    assert bench.status().filled == 2


@pytest.mark.parametrize("act", [control.status, control.cancel, control.pause, control.results])
def test_an_unknown_run_is_named(make_bench: MakeBench, act: object) -> None:
    bench = make_bench(a={})
    with pytest.raises(UnknownRun, match="'nowhere'"):
        act(bench.store, "nowhere")  # type: ignore[operator]
    with pytest.raises(UnknownRun):
        control.resume(bench.store, bench.sent.extend, "nowhere")
