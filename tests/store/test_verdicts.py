"""A fill that waits for its verdict: the contract of inspecting and judging."""

from __future__ import annotations

from maze_tasks.models.runs import Attempt, ErrorRecord, Plan
from maze_tasks.store import RunStore, Ticket, care, reading, verdicts

from .scenes import GROUP, PLAN, RUN, begin, finish, open_run, resend, status, ticket


def inspect(store: RunStore, at: Ticket, attempt_id: str = "v1") -> str:
    return verdicts.inspect(store, at, attempt_id).verdict


def judge(store: RunStore, at: Ticket, step: str, attempt_id: str = "v1", **more: str) -> str:
    accepted = step == "accept"
    record = Attempt(candidate=at.cursor.candidate, model=at.model, outcome="accepted" if accepted else "rejected")
    judgement = verdicts.Judgement(record, step, ("tests_failed", "1 failed"))
    return verdicts.judge(store, at, attempt_id, judgement, next_model="good" if step == "next" else None).what


def wait_for_verdict(store: RunStore, plan: Plan = PLAN) -> Ticket:
    open_run(store, [plan], [(7, 0)])
    for sample in range(plan.samples):
        at = ticket(sample=sample)
        begin(store, at, f"a{sample}")
        assert finish(store, at, "verify", "rejected", attempt_id=f"a{sample}") == "verify"
    return ticket()


def test_a_fill_waits_for_its_verdict_as_in_progress_and_is_accepted_by_it_once(store: RunStore) -> None:
    at = wait_for_verdict(store)
    assert status(store)["in_progress"] == 1
    assert begin(store, at, "again") == "closed"
    assert finish(store, at, "accept") == "late"
    assert inspect(store, at) == "go"
    assert inspect(store, at, "v2") == "leased"
    assert judge(store, at, "accept") == "filled"
    assert judge(store, at, "accept") == "late"
    (result,) = reading.iter_results(store.client, store.namespace, RUN)
    assert (result.status, [one.outcome for one in result.attempts]) == ("filled", ["accepted"])
    account = reading.read_accounts(store.client, store.namespace, RUN)["fast"]
    assert (account.requests, account.accepted) == (1, 1)
    assert inspect(store, at) == "done"


def test_a_fill_that_does_not_pass_sends_the_hole_on(store: RunStore) -> None:
    at = wait_for_verdict(store)
    assert judge(store, at, "next") == "late"
    inspect(store, at)
    assert judge(store, at, "next") == "next"
    assert inspect(store, at) == "behind"
    second = ticket(candidate=1, model="good")
    assert begin(store, second, "b") == "go"
    assert finish(store, second, "verify", "rejected", attempt_id="b") == "verify"
    inspect(store, second)
    assert judge(store, second, "fail") == "failed"
    (result,) = reading.iter_results(store.client, store.namespace, RUN)
    assert result.error == ErrorRecord(kind="tests_failed", message="1 failed")


def test_a_verifier_that_dies_is_replaced_and_no_call_is_made_again(store: RunStore) -> None:
    at = wait_for_verdict(store)
    store.lease_ms = 1
    inspect(store, at, "dead")
    store.lease_ms = 15_000
    (spot,) = care.spots(store, RUN, [(7, "0")])
    assert spot.verifying
    number = resend(store, spot, "fast", holders_gone=True)
    assert care.queued_before(store, RUN, "\x00verify", care.server_ms(store) + 10) == [(7, "0")]
    assert inspect(store, at, "v2") == "stale"
    assert inspect(store, ticket(send_no=number), "v2") == "go"
    assert judge(store, at, "accept", "dead") == "late"
    assert judge(store, at, "accept", "v2") == "filled"
    assert status(store)["attempts"] == 1


def test_the_first_verified_sample_wins_and_the_others_stay_on_record(store: RunStore) -> None:
    wait_for_verdict(store, GROUP)
    at = [ticket(sample=number) for number in range(3)]
    inspect(store, at[1], "v1")
    inspect(store, at[2], "v2")
    assert judge(store, at[1], "accept", "v1") == "filled"
    assert judge(store, at[2], "accept", "v2") == "done"
    assert inspect(store, at[0]) == "done"
    (result,) = reading.iter_results(store.client, store.namespace, RUN)
    assert [one.outcome for one in result.attempts] == ["rejected", "accepted", "rejected"]
    assert reading.read_accounts(store.client, store.namespace, RUN)["fast"].accepted == 1
    assert status(store)["state"] == "done"


def test_an_answer_that_comes_after_its_hole_was_filled_is_on_record_and_changes_nothing_else(store: RunStore) -> None:
    open_run(store, [GROUP], [(7, 0)])
    first, late = ticket(sample=0), ticket(sample=1)
    begin(store, first, "a0")
    begin(store, late, "a1")
    finish(store, first, "verify", "rejected", attempt_id="a0")
    inspect(store, first)
    assert judge(store, first, "accept") == "filled"
    assert finish(store, late, "verify", "rejected", attempt_id="a1") == "done"
    report = status(store)
    assert (report["filled"], report["attempts"], report["cost_usd"]) == (1, 2, 10e-9)


def test_cancelling_ends_what_waits_for_a_verdict(store: RunStore) -> None:
    at = wait_for_verdict(store)
    inspect(store, at)
    care.set_state(store, RUN, "cancelling", ["running"])
    assert care.drop(store, RUN, [(7, "fast")]) == 0
    assert judge(store, at, "accept") == "cancelled"
    assert status(store)["state"] == "cancelled"
