"""The contract of the store: what must hold on every server it runs on."""

from __future__ import annotations

import itertools

import pytest

from maze_tasks.errors import Refused
from maze_tasks.models.runs import Cursor, ErrorRecord, RunRules
from maze_tasks.names import HoleId
from maze_tasks.store import NewHole, RunStore, Ticket, care, reading
from maze_tasks.store.runs import Began

from .scenes import GROUP, LONE, NO_PRICE, PLAN, RUN, begin, commit, finish, lost, open_run, resend, status, ticket


def test_a_hole_goes_from_pending_over_in_progress_to_filled_and_ends_its_run(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    assert status(store)["pending"] == 1
    assert begin(store, ticket()) == "go"
    assert status(store)["in_progress"] == 1
    assert finish(store, ticket(), "accept") == "filled"
    report = status(store)
    assert (report["state"], report["filled"], report["attempts"], report["cost_usd"]) == ("done", 1, 1, 5e-9)
    (result,) = reading.iter_results(store.client, store.namespace, RUN)
    assert (result.status, result.model, result.code) == ("filled", "fast", "code of fast")
    account = reading.read_accounts(store.client, store.namespace, RUN)["fast"]
    assert (account.requests, account.successes, account.accepted, account.cost_nano) == (1, 1, 1, 5)


def test_counts_are_exact_however_long_they_are(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    keys, much = store.keys(RUN), 2**62 + 1
    store.client.hset(keys.meta, "cost_nano", much)
    store.client.hset(keys.accounts, "cost_nano|fast", much)
    store.client.hset(keys.accounts, "requests|fast", 10**15 - 1)
    begin(store, ticket())
    assert finish(store, ticket(), "accept", cost=10**15) == "filled"
    account = reading.read_accounts(store.client, store.namespace, RUN)["fast"]
    assert (account.requests, account.successes, account.cost_nano) == (10**15, 1, much + 10**15)
    assert store.client.hget(keys.meta, "cost_nano") == str(much + 10**15)


def test_an_attempt_wakes_readers_unless_one_has_just_done_so(store: RunStore) -> None:
    open_run(store, [PLAN], [(number, 0) for number in range(3)])
    keys = store.keys(RUN)
    for number, woken in enumerate([0, care.server_ms(store) + 10**9, 0]):
        begin(store, ticket(number))
        store.client.hset(keys.meta, "woken", woken)
        assert finish(store, ticket(number), "accept") == "filled"
    told = [entry["t"] for _, entry in store.client.xrange(keys.events)]
    assert told == ["attempt", "attempt", "attempt", "run"]
    assert abs(int(store.client.hget(keys.meta, "woken") or 0) - care.server_ms(store)) < 10**6


def test_of_attempts_that_end_at_once_one_wakes_readers(store: RunStore) -> None:
    open_run(store, [PLAN], [(number, 0) for number in range(40)])
    for number in range(40):
        begin(store, ticket(number))
    before = care.server_ms(store)
    for number in range(40):
        assert finish(store, ticket(number), "accept") == "filled"
    took_ms = care.server_ms(store) - before
    told = [entry["t"] for _, entry in store.client.xrange(store.keys(RUN).events)]
    assert told.count("attempt") <= 1 + took_ms // 20
    assert told[-1] == "run"


@pytest.mark.parametrize("hole_id", [0, 5, "5", 2**53 + 1, 2**64 - 1, "a|b{c}/d e%", "ü" * 200])
def test_ids_come_back_exact_and_keep_their_type(store: RunStore, hole_id: HoleId) -> None:
    open_run(store, [PLAN], [(hole_id, 0)])
    assert begin(store, ticket(hole_id)) == "go"
    assert finish(store, ticket(hole_id), "accept") == "filled"
    (result,) = reading.iter_results(store.client, store.namespace, RUN)
    assert result.hole_id == hole_id
    assert type(result.hole_id) is type(hole_id)


def test_a_second_begin_is_refused_while_the_lease_holds_and_granted_again_to_its_holder(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    assert begin(store, ticket(), "a1") == "go"
    assert begin(store, ticket(), "a2") == "leased"
    assert begin(store, ticket(), "a1") == "go"


def test_a_second_finish_changes_nothing_and_is_counted(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    begin(store, ticket())
    assert finish(store, ticket(), "accept") == "filled"
    before = status(store)
    assert finish(store, ticket(), "accept") == "late"
    assert status(store) == before | {"late": 1}
    assert len(reading.read_attempts(store.client, store.namespace, RUN, 7)) == 1


def test_a_finish_without_the_lease_changes_nothing(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    begin(store, ticket(), "a1")
    assert finish(store, ticket(), "accept", attempt_id="forged") == "late"
    assert status(store)["in_progress"] == 1


def test_the_next_candidate_follows_and_older_messages_are_told_how_the_hole_stands(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    assert begin(store, ticket(candidate=1, model="good")) == "ahead"
    begin(store, ticket())
    assert finish(store, ticket(), "next", "failed") == "next"
    assert status(store)["pending"] == 1
    repeat = store.begin(ticket(), "a9", lost(ticket()), NO_PRICE)
    assert (repeat.verdict, repeat.on) == ("behind", True)
    late = store.finish(ticket(), "a1", commit(ticket(), "next", "failed"), next_model="good")
    assert (late.what, late.on) == ("late", True)
    second = ticket(candidate=1, model="good")
    assert begin(store, second, "a2") == "go"
    assert store.begin(ticket(), "a9", lost(ticket()), NO_PRICE).on is False
    assert finish(store, second, "accept", attempt_id="a2") == "filled"
    report = status(store)
    assert (report["attempts"], report["fallbacks"]) == (2, 1)
    accounts = reading.read_accounts(store.client, store.namespace, RUN)
    assert (accounts["fast"].failures, accounts["fast"].fallbacks, accounts["good"].fallbacks) == (1, 0, 1)
    assert begin(store, ticket(), "a3") == "done"


def test_the_last_candidate_failing_fails_the_hole_with_its_reason(store: RunStore) -> None:
    open_run(store, [LONE], [("x", 0)])
    at = ticket("x", model="good")
    begin(store, at)
    assert finish(store, at, "fail", "failed") == "failed"
    (result,) = reading.iter_results(store.client, store.namespace, RUN)
    assert result.error == ErrorRecord(kind="server_error", message="500")
    assert result.code is None
    assert status(store)["state"] == "done"


def test_a_retry_waits_as_pending_and_is_due_when_its_time_has_come(store: RunStore) -> None:
    open_run(store, [LONE], [(7, 0)])
    at = ticket(model="good")
    begin(store, at)
    assert finish(store, at, "retry", "failed", wait_ms=60_000) == "retry"
    assert status(store)["pending"] == 1
    now = care.server_ms(store)
    assert care.overdue(store, RUN, now) == ([], [])
    assert care.overdue(store, RUN, now + 61_000) == ([], [(7, "0")])
    (spot,) = care.spots(store, RUN, [(7, "0")])
    number = resend(store, spot, "good")
    assert number > 1
    assert begin(store, at, "old") == "stale"
    again = store.begin(ticket(model="good", send_no=number), "a2", lost(at), NO_PRICE)
    assert (again.verdict, again.retries, again.repeated) == ("go", 1, False)


KNOWN = [(77, None, 77), (77, 99, 99), (None, 99, 99), (None, None, 400)]


@pytest.mark.parametrize(("known", "renewed", "cost"), KNOWN)
def test_what_a_lost_call_cost_is_what_its_own_prompt_may_cost_once_that_is_known(
    store: RunStore, known: int | None, renewed: int | None, cost: int
) -> None:
    store.lease_ms = 1
    open_run(store, [PLAN], [(7, 0)])
    store.begin(ticket(), "gone", lost(ticket()), (3, 2), most_nano=known)
    if renewed is not None:
        assert store.renew([(ticket(), "gone")], [Began(0, repeated=False, most_nano=renewed)]) == [True]
    (spot,) = care.spots(store, RUN, [(7, "0")])
    at = ticket(send_no=resend(store, spot, "fast", holders_gone=True))
    store.begin(at, "a2", lost(at), (30, 20))
    (first,) = reading.read_attempts(store.client, store.namespace, RUN, 7)
    assert (first.outcome, first.unsettled, first.cost_nano) == ("lost", True, cost)


def test_a_lease_that_ran_out_is_sent_again_taken_over_and_put_on_record(store: RunStore) -> None:
    store.lease_ms = 1
    open_run(store, [PLAN], [(7, 0)])
    store.begin(ticket(), "gone", lost(ticket()), (3, 2))
    later = care.server_ms(store) + 1_000
    assert care.overdue(store, RUN, later)[0] == [(7, "0")]
    store.lease_ms = 60_000
    (spot,) = care.spots(store, RUN, [(7, "0")])
    number = resend(store, spot, "fast", holders_gone=True)
    assert status(store)["pending"] == 1
    assert care.overdue(store, RUN, later)[0] == []
    at = ticket(send_no=number)
    again = store.begin(at, "a2", lost(at), (30, 20))
    assert (again.verdict, again.repeated, again.suspect) == ("go", True, False)
    assert finish(store, ticket(), "accept", attempt_id="gone") == "late"
    assert finish(store, at, "accept", attempt_id="a2") == "filled"
    first, second = reading.read_attempts(store.client, store.namespace, RUN, 7)
    assert (first.outcome, first.unsettled, first.cost_nano) == ("lost", True, 100 * 3 + 50 * 2)
    assert (first.worker, second.worker) == (store.worker, None)
    assert second.outcome == "accepted"
    costs = {name: status(store)[f"{name}_usd"] for name in ("cost", "unsettled", "repeated")}
    assert costs == pytest.approx({"cost": 405e-9, "unsettled": 400e-9, "repeated": 0})


def test_a_lease_that_ran_out_but_was_not_taken_over_still_commits(store: RunStore) -> None:
    store.lease_ms = 1
    open_run(store, [PLAN], [(7, 0)])
    begin(store, ticket(), "slow")
    (spot,) = care.spots(store, RUN, [(7, "0")])
    number = resend(store, spot, "fast", holders_gone=True)
    assert finish(store, ticket(), "next", "failed", attempt_id="slow") == "next"
    repeat = store.begin(ticket(send_no=number), "a2", lost(ticket()), NO_PRICE)
    assert (repeat.verdict, repeat.on) == ("behind", True)


def test_a_lease_is_renewed_by_its_holder_alone(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    begin(store, ticket(), "a1")
    before = care.overdue(store, RUN, care.server_ms(store) + 16_000)[0]
    store.lease_ms = 120_000
    assert store.renew([(ticket(), "a1"), (ticket(), "other")]) == [True, False]
    assert before == [(7, "0")]
    assert care.overdue(store, RUN, care.server_ms(store) + 60_000)[0] == []


def test_best_of_n_selects_once_after_its_last_sample_is_closed(store: RunStore) -> None:
    open_run(store, [GROUP], [(7, 0)])
    samples = [ticket(sample=number) for number in range(3)]
    assert [begin(store, at, f"a{at.cursor.sample}") for at in samples] == ["go"] * 3
    closed = [finish(store, at, "close", "rejected", attempt_id=f"a{at.cursor.sample}") for at in samples]
    assert closed == ["open", "open", "select"]
    assert begin(store, samples[0], "again") == "closed"
    assert care.overdue(store, RUN, care.server_ms(store) + 60_000)[1] == [(7, "select")]
    (spot,) = care.spots(store, RUN, [(7, "select")])
    attempts = reading.read_attempts(store.client, store.namespace, RUN, 7)
    chosen = attempts[1].model_copy(update={"outcome": "accepted", "error": None})
    done, _ = care.commit_selection(store, RUN, spot, care.Selection("accept", winner=(1, chosen)))
    again, _ = care.commit_selection(store, RUN, spot, care.Selection("accept", winner=(2, chosen)))
    assert (done.what, again.what) == ("filled", "stale")
    (result,) = reading.iter_results(store.client, store.namespace, RUN)
    assert [attempt.outcome for attempt in result.attempts] == ["rejected", "accepted", "rejected"]
    assert reading.read_accounts(store.client, store.namespace, RUN)["fast"].accepted == 1
    assert status(store)["state"] == "done"


def test_best_of_n_without_an_acceptable_sample_opens_the_next_candidates_group(store: RunStore) -> None:
    open_run(store, [GROUP], [(7, 0)])
    for number in range(3):
        begin(store, ticket(sample=number), f"a{number}")
        finish(store, ticket(sample=number), "close", "failed", attempt_id=f"a{number}")
    (spot,) = care.spots(store, RUN, [(7, "select")])
    done, send_no = care.commit_selection(store, RUN, spot, care.Selection("next", following="good"))
    assert done.what == "next"
    assert send_no > 1
    for number in range(3):
        at = ticket(candidate=1, sample=number, send_no=send_no, model="good")
        assert begin(store, at, f"b{number}") == "go"
        finish(store, at, "close", "failed", attempt_id=f"b{number}")
    (spot,) = care.spots(store, RUN, [(7, "select")])
    done, _ = care.commit_selection(store, RUN, spot, care.Selection("fail", error=("server_error", "500")))
    assert done.what == "failed"
    assert status(store)["failed"] == 1


def test_submitting_again_adds_nothing(store: RunStore) -> None:
    open_run(store, [PLAN], [(1, 0), (2, 0)], seal=False)
    hole = NewHole(1, "other text", 0, PLAN, 1, 1)
    assert store.submit(RUN, [hole, NewHole(3, "{}", 0, PLAN, 1, 1)]) == [3]
    assert status(store)["holes"] == 3
    assert [hole_id for page in reading.iter_ids(store.client, store.namespace, RUN) for hole_id in page] == [1, 2, 3]


def test_a_run_is_recognised_by_its_input_and_configuration(store: RunStore) -> None:
    open_run(store, [PLAN], [(1, 0)])
    assert store.create(RUN, [PLAN], input_digest="in", config_digest="conf", rules=RunRules()) == "same"
    assert store.create(RUN, [PLAN], input_digest="other", config_digest="conf", rules=RunRules()) == "other"


def test_an_ended_or_unknown_run_takes_no_holes(store: RunStore) -> None:
    with pytest.raises(Refused, match="no such run"):
        store.submit(RUN, [NewHole(1, "{}", 0, PLAN, 1, 1)])
    open_run(store, [PLAN], [])
    assert status(store)["state"] == "done"
    with pytest.raises(Refused, match="run is done"):
        store.submit(RUN, [NewHole(1, "{}", 0, PLAN, 1, 1)])


def test_an_unsealed_run_does_not_end(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)], seal=False)
    begin(store, ticket())
    finish(store, ticket(), "accept")
    assert status(store)["state"] == "running"
    store.seal(RUN)
    assert status(store)["state"] == "done"


def test_cancelling_skips_what_waits_and_records_what_runs_as_cancelled_with_its_cost(store: RunStore) -> None:
    open_run(store, [PLAN], [(1, 0), (2, 0)])
    running, waiting = ticket(1), ticket(2)
    begin(store, running)
    assert care.set_state(store, RUN, "cancelling", ["running", "paused"]) == "cancelling"
    assert begin(store, waiting, "a2") == "stopped"
    assert care.drop(store, RUN, [(1, "fast"), (2, "fast")]) == 1
    assert status(store)["state"] == "cancelling"
    assert finish(store, running, "accept") == "cancelled"
    report = status(store)
    assert (report["state"], report["skipped"], report["cost_usd"]) == ("cancelled", 2, 5e-9)
    first, second = reading.iter_results(store.client, store.namespace, RUN)
    assert first.attempts[0].outcome == "cancelled"
    assert first.error is not None
    assert second.error is not None
    assert {first.error.kind, second.error.kind} == {"cancelled"}
    account = reading.read_accounts(store.client, store.namespace, RUN)["fast"]
    assert (account.accepted, account.cancelled) == (0, 1)


def test_a_paused_run_begins_nothing_and_goes_on_when_resumed(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    assert care.set_state(store, RUN, "paused", ["running"]) == "paused"
    assert begin(store, ticket()) == "stopped"
    assert care.set_state(store, RUN, "running", ["paused"]) == "running"
    assert begin(store, ticket()) == "go"
    assert care.set_state(store, "unknown", "paused", ["running"]) == ""


def test_records_of_a_newer_format_are_left_alone(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    store.client.hset(store.keys(RUN).meta, "version", 99)
    assert begin(store, ticket()) == "newer"


def test_an_expired_run_keeps_its_counts_and_accounts_but_nothing_of_its_holes(store: RunStore) -> None:
    open_run(store, [PLAN], [(number, 0) for number in range(5)])
    for number in range(5):
        begin(store, ticket(number))
        finish(store, ticket(number), "accept")
    care.retire(store, RUN, expires_at=1.0)
    assert care.active_runs(store) == []
    assert care.expired_runs(store, 2.0) == [RUN]
    care.expire(store, RUN)
    report = status(store)
    assert (report["state"], report["filled"]) == ("expired", 5)
    assert reading.total_accounts(store.client, store.namespace)["fast"].accepted == 5
    assert list(reading.iter_results(store.client, store.namespace, RUN)) == []
    left = {str(key).rsplit(":", 1)[-1] for key in store.client.scan_iter("*{r:*")}
    assert left == {"meta", "accounts"}
    care.forget(store, RUN)
    assert list(store.client.scan_iter("*{r:*")) == []


def test_accounts_add_up_over_runs(store: RunStore) -> None:
    for name in ("one", "two"):
        store.create(name, [PLAN], input_digest="in", config_digest="c", rules=RunRules())
        store.submit(name, [NewHole(1, "{}", 0, PLAN, 1, 1)])
        at = Ticket(name, 1, Cursor(), 1, "fast")
        begin(store, at)
        store.finish(at, "a1", commit(at, "accept"), next_model=None)
    assert reading.total_accounts(store.client, store.namespace)["fast"].requests == 2
    assert reading.list_runs(store.client, store.namespace) == ["one", "two"]


def test_one_sweeper_holds_the_lock_until_it_lets_go_or_dies(store: RunStore) -> None:
    assert care.take_sweeper(store, "one", 60_000)
    assert not care.take_sweeper(store, "two", 60_000)
    assert care.take_sweeper(store, "one", 1)


def test_queued_members_leave_their_set_when_they_begin(store: RunStore) -> None:
    open_run(store, [PLAN], [(1, 0), (2, 0)])
    later = care.server_ms(store) + 10
    assert care.queued_before(store, RUN, "fast", later) == [(1, "0"), (2, "0")]
    begin(store, ticket(1))
    assert care.queued_before(store, RUN, "fast", later) == [(2, "0")]


def test_a_note_is_said_once(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    assert [store.note(RUN, "no such endpoint") for _ in itertools.repeat(None, 2)] == [True, False]
    assert status(store)["notes"] == ["no such endpoint"]
