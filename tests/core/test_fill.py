"""The life of an attempt, against simulated endpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from maze_tasks.clients import ClientPool
from maze_tasks.errors import ServiceUnavailable
from maze_tasks.lost import lost_record
from maze_tasks.messages import FillMessage
from maze_tasks.models import read_hole
from maze_tasks.models.calls import Call, Reply
from maze_tasks.models.runs import Cursor
from maze_tasks.names import FORMAT_VERSION
from maze_tasks.producer import Producer, RunOptions
from maze_tasks.recording import most_nano
from maze_tasks.replying import Read
from maze_tasks.sending import send_from
from maze_tasks.store import Ticket, care, reading

from .conftest import RUN, MakeBench

FAILS = {"errors": [{"kind": 500, "every": 1}]}


def test_the_first_candidates_fill_ends_the_chain(make_bench: MakeBench) -> None:
    bench = make_bench(a={}, b={})
    bench.submit(1, 2)
    assert [message.rest for message in bench.sent] == [("b",), ("b",)]
    assert bench.run_link(bench.sent[0]) is None
    bench.run_all()
    assert bench.status().state == "done"
    assert bench.counted("b")["requests"] == 0
    assert [(one.model, one.status, one.fallbacks) for one in bench.results()] == [("a", "filled", 0)] * 2


def test_a_failure_goes_on_to_the_next_candidate_and_is_on_record(make_bench: MakeBench) -> None:
    bench = make_bench(a=FAILS, b={})
    bench.submit(1)
    bench.run_all()
    (result,) = bench.results()
    first, second = result.attempts
    assert (first.outcome, first.model, first.error and first.error.kind) == ("failed", "a", "server_error")
    assert (second.outcome, second.model, second.simulated) == ("accepted", "b", True)
    assert (result.fallbacks, bench.status().fallbacks) == (1, 1)
    accounts = reading.read_accounts(bench.store.client, "maze", RUN)
    assert accounts["a"].requests == bench.counted("a")["requests"] == 1
    assert accounts["b"].prompt_tokens == bench.counted("b")["tokens"]["prompt"]


def test_a_rejected_fill_goes_on_to_the_next_candidate(make_bench: MakeBench) -> None:
    bench = make_bench(a={"missing_text": "```\n```"}, b={})
    bench.submit(1)
    bench.run_all()
    (result,) = bench.results()
    assert [one.outcome for one in result.attempts] == ["rejected", "accepted"]
    account = reading.read_accounts(bench.store.client, "maze", RUN)["a"]
    assert (account.successes, account.accepted, account.failures) == (1, 0, 0)


def test_when_all_candidates_fail_the_hole_fails_with_the_last_reason(make_bench: MakeBench) -> None:
    bench = make_bench(a=FAILS, b={"errors": [{"kind": 400, "every": 1}]})
    bench.submit(1)
    bench.run_all()
    (result,) = bench.results()
    assert result.status == "failed"
    assert result.error is not None
    assert result.error.kind == "bad_request"
    assert bench.status().state == "done"


def test_at_the_last_candidate_a_passing_failure_waits_and_is_asked_again_with_a_new_key(make_bench: MakeBench) -> None:
    bench = make_bench(a={"errors": [{"kind": 503, "first": 1}]})
    bench.submit(1)
    bench.run_all()
    assert bench.status().pending == 1
    due = care.next_due_ms(bench.store, RUN)
    assert due is not None
    assert care.overdue(bench.store, RUN, due) == ([], [(1, "0")])
    from maze_tasks.sending import send_from

    assert send_from(bench.store, bench.sent.extend, RUN, [(1, "0")]) == 1
    bench.run_all()
    assert bench.results()[0].status == "filled"
    assert bench.counted("a")["distinct_keys"] == 2


def test_a_call_that_went_out_twice_is_on_record_as_such_though_it_failed(make_bench: MakeBench) -> None:
    bench = make_bench(a={"errors": [{"kind": "closed", "after": 1, "every": 1}]}, b={})
    bench.submit(1, 2)
    bench.run_all()
    first, second = bench.results()
    assert [(one.outcome, one.resent, one.repeated) for one in first.attempts] == [("accepted", 0, False)]
    assert [(one.outcome, one.resent, one.repeated) for one in second.attempts] == [
        ("failed", 1, True),  # the connection of the first call was found closed, and so was a fresh one
        ("accepted", 0, False),
    ]
    assert (bench.status().repeated, bench.counted("a")["requests"]) == (1, 3)


def test_fallbacks_switched_off_try_the_primary_alone(make_bench: MakeBench) -> None:
    bench = make_bench(a={"errors": [{"kind": 400, "every": 1}]}, b={})
    bench.submit(1, fallback_enabled=False)
    bench.run_all()
    assert bench.results()[0].status == "failed"
    assert bench.counted("b")["requests"] == 0


def test_best_of_five_makes_five_calls_keeps_all_and_takes_the_first_of_equals(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    bench.submit(1, best_of_n=5)
    assert [message.cursor.sample for message in bench.sent] == [0, 1, 2, 3, 4]
    bench.sent.reverse()
    bench.run_all()
    (result,) = bench.results()
    assert result.status == "filled"
    accepted = [one for one in result.attempts if one.outcome == "accepted"]
    assert [one.sample for one in accepted] == [0]
    assert len(result.attempts) == bench.counted("a")["requests"] == 5
    assert reading.read_accounts(bench.store.client, "maze", RUN)["a"].accepted == 1


def test_best_of_n_goes_to_the_next_candidates_group_where_no_sample_is_acceptable(make_bench: MakeBench) -> None:
    bench = make_bench(a={"errors": [{"kind": 400, "every": 1}]}, b={})
    bench.submit(1, best_of_n=3)
    bench.run_all()
    (result,) = bench.results()
    assert (result.model, len(result.attempts), result.fallbacks) == ("b", 6, 3)


def test_a_message_delivered_twice_makes_one_call(make_bench: MakeBench) -> None:
    bench = make_bench(a={}, b={})
    bench.submit(1)
    message = bench.sent[0]
    bench.run_link(message)
    bench.run_link(message)
    assert bench.counted("a")["requests"] == 1
    assert bench.status().attempts == 1


def test_a_redelivery_after_a_death_between_commit_and_dispatch_sends_the_chain_on(make_bench: MakeBench) -> None:
    bench = make_bench(a=FAILS, b={})
    bench.submit(1)
    message = bench.sent[0]
    assert bench.run_link(message) is not None  # committed; now suppose that the next link was never published
    again = bench.run_link(message)
    assert again is not None
    assert again.model == "b"
    assert bench.run_link(again) is None
    assert bench.run_link(message) is None
    assert bench.results()[0].status == "filled"
    assert bench.counted("a")["requests"] == 1


@pytest.mark.parametrize(
    "change",
    [{"run": "unknown"}, {"model": "b"}, {"send_no": 0}, {"cursor": Cursor(0, 1)}, {"cursor": Cursor(3, 0)}],
)
def test_a_message_that_does_not_match_its_cursor_makes_no_call(
    make_bench: MakeBench, change: dict[str, object]
) -> None:
    bench = make_bench(a={}, b={})
    bench.submit(1)
    forged: FillMessage = replace(bench.sent[0], **change)  # type: ignore[arg-type]
    assert bench.run_link(forged) is None
    assert bench.counted("a")["requests"] == bench.counted("b")["requests"] == 0
    assert bench.status().pending == 1


def test_a_worker_with_another_configuration_leaves_the_hole_and_says_so_once(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    bench.submit(1, 2)
    other = bench.settings.endpoints[0].model_copy(update={"model": "another"})
    bench.filler.endpoints = {"a": other}
    bench.run_all()
    assert bench.status().pending == 2
    assert len(bench.status().notes) == 1
    assert "another configuration" in bench.status().notes[0]


def test_a_worker_without_the_endpoint_or_its_key_leaves_the_hole(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    bench.submit(1)
    keyed = bench.settings.endpoints[0].model_copy(update={"api_key_env": "MAZE_TEST_UNSET_KEY"})
    settings = bench.settings.model_copy(update={"endpoints": (keyed,)})
    bench.filler.client = ClientPool(settings, pool_size=1).get
    bench.run_link(bench.sent[0])
    bench.filler.endpoints = {}
    bench.run_link(bench.sent[0])
    notes = " ".join(bench.status().notes)
    assert "MAZE_TEST_UNSET_KEY" in notes
    assert "does not know the endpoint" in notes
    assert bench.status().pending == 1


def test_records_of_a_newer_release_are_left_alone(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    bench.submit(1)
    bench.store.client.hset(bench.store.keys(RUN).meta, "version", FORMAT_VERSION + 1)
    bench.run_all()
    assert bench.status().pending == 1
    assert "older release" in bench.status().notes[0]


def test_an_answer_is_held_while_redis_is_away_and_committed_when_it_is_back(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(a={})
    bench.submit(1)
    finish, away = bench.store.finish, iter([True, True, False])

    def flaky(*given: object, **named: object) -> object:
        if next(away):
            raise ServiceUnavailable("Redis", "gone")
        return finish(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(bench.store, "finish", flaky)
    waits: list[float] = []
    bench.filler.sleep = waits.append
    bench.run_all()
    assert bench.results()[0].status == "filled"
    assert bench.counted("a")["requests"] == 1
    assert len(waits) == 2
    assert waits[1] > waits[0]


def test_a_run_cancelled_while_a_call_is_made_records_it_as_cancelled(make_bench: MakeBench) -> None:
    bench = make_bench(a={"latency": 5000})
    bench.submit(1)
    care_client = bench.server
    import threading

    def cancel() -> None:
        while not care_client.stats()["endpoints"]["a"]["in_flight"]:
            pass
        care.set_state(bench.store, RUN, "cancelling", ["running"])

    thread = threading.Thread(target=cancel)
    thread.start()
    bench.run_all()
    thread.join()
    (result,) = bench.results()
    assert (result.status, result.attempts[0].outcome) == ("skipped", "cancelled")
    account = reading.read_accounts(bench.store.client, "maze", RUN)["a"]
    assert (account.requests, account.cancelled) == (0, 1)
    assert (result.attempts[0].unsettled, result.cost_nano > 0) == (True, True), "it was sent, and may be paid for"
    assert bench.status().state == "cancelled"


def test_a_call_that_went_out_and_was_not_answered_keeps_its_estimate(make_bench: MakeBench) -> None:
    bench = make_bench(a={"errors": [{"kind": "hang", "every": 1}]}, b={})
    bench.submit(1)
    bench.run_all()
    (result,) = bench.results()
    first, second = result.attempts
    assert (first.outcome, first.error and first.error.kind, first.unsettled) == ("failed", "timeout", True)
    assert first.cost_nano > 0
    assert (second.outcome, second.unsettled) == ("accepted", False)
    status = bench.status()
    assert (status.unsettled_nano, status.cost_nano) == (first.cost_nano, first.cost_nano + second.cost_nano)
    accounts = reading.read_accounts(bench.store.client, "maze", RUN)
    assert (accounts["a"].unsettled_nano, accounts["b"].unsettled_nano) == (first.cost_nano, 0)


def test_a_repeated_call_is_counted_with_its_cost(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    bench.submit(1)
    (message,) = bench.sent
    ticket = Ticket(RUN, 1, message.cursor, message.send_no, message.model)
    bench.store.lease_ms = 0
    assert bench.store.begin(ticket, "dead", lost_record(ticket.cursor, "a"), (1, 1)).verdict == "go"
    bench.store.lease_ms = 15_000
    bench.run_all()
    lost, again = bench.results()[0].attempts
    assert (lost.outcome, again.outcome, again.repeated) == ("lost", "accepted", True)
    status = bench.status()
    assert (status.repeated, status.repeated_nano, status.unsettled_nano) == (1, again.cost_nano, lost.cost_nano)
    assert again.cost_nano > 0


@pytest.mark.parametrize("alone", [True, False])
def test_a_lost_call_cost_what_its_own_prompt_may_cost(make_bench: MakeBench, alone: bool) -> None:
    bench = make_bench(a={})
    bench.submit(1)
    made: list[Call] = []

    class Dies:
        def call(self, call: Call, **_: object) -> Reply:
            made.append(call)
            raise SystemExit

    lives = bench.filler.client
    bench.filler.client = lambda _: Dies()  # type: ignore[assignment,return-value]
    (message,) = bench.sent
    stored = bench.store.stored(RUN, [1], tried=False)[0]
    with pytest.raises(SystemExit):
        bench.filler.fill(message, 1, *([] if alone else [stored]))
    bench.filler.client = lives
    send_from(bench.store, bench.sent.extend, RUN, [(1, "0")], holders_gone=True)
    bench.run_link(bench.sent[-1])
    (result,) = bench.results()
    first, second = result.attempts
    assert (first.outcome, first.unsettled, second.outcome) == ("lost", True, "accepted")
    assert first.cost_nano == most_nano(bench.settings.endpoints[0], made[0])


def test_only_what_takes_long_to_read_is_read_aside(make_bench: MakeBench) -> None:
    bench = make_bench(a={})
    aside: list[Read] = []

    def remembering(reading: Callable[[], Read]) -> Read:
        aside.append(reading())
        return aside[-1]

    bench.filler.aside = remembering
    bench.submit(1)
    bench.run_all()
    assert aside == []
    long = read_hole({"hole_id": 2, "prompt": "x" * 30_000})
    producer = Producer(bench.store, bench.sent.extend, bench.settings.endpoints, RunOptions())
    producer.submit("long", [long], input_digest="in", config_digest="conf")
    bench.run_all()
    (result,) = reading.iter_results(bench.store.client, bench.store.namespace, "long")
    assert [one.code for one in aside] == [result.code]
