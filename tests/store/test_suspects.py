"""Holes whose workers die: tried alone after a while, set aside at last; nobody beside them is blamed."""

from __future__ import annotations

from maze_tasks.lost import lost_record
from maze_tasks.names import VERIFIERS, HoleId, encode_id, suspects_of
from maze_tasks.store import RunStore, care, reading, verdicts

from .scenes import GROUP, PLAN, RUN, commit, finish, lost, open_run, status, ticket

PRICES = (3, 2)
COST = 100 * 3 + 50 * 2  # what a call is estimated at
COMPANY, ALONE = 2, 3  # lives that a hole may cost before it is tried alone, and then


def die(store: RunStore, hole_id: HoleId = 7, *, sample: int = 0, send_no: int = 1) -> care.Sending:
    """A worker takes a sample and never comes back; what the sweeper does about it."""
    at = ticket(hole_id, sample=sample, send_no=send_no)
    store.lease_ms = 0
    assert store.begin(at, f"of {send_no}", lost(at), PRICES).verdict == "go"
    store.lease_ms = 60_000
    return sweep(store, hole_id, sample)


def sweep(store: RunStore, hole_id: HoleId = 7, sample: int = 0) -> care.Sending:
    """Send a sample again."""
    (spot,) = care.spots(store, RUN, [(hole_id, str(sample))])
    (sending,) = care.resend(store, RUN, [(spot, lost_record(spot.cursor, "fast"))])
    return sending


def die_often(store: RunStore, times: int, hole_id: HoleId = 7, *, sample: int = 0) -> care.Sending:
    sending = care.Sending(1)
    for _ in range(times):
        sending = die(store, hole_id, sample=sample, send_no=sending.number)
    return sending


def queued(store: RunStore, lane: str) -> list[HoleId]:
    return [hole_id for hole_id, _ in care.queued_before(store, RUN, lane, care.server_ms(store) + 1)]


def test_after_two_deaths_a_hole_goes_to_the_suspects(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    first = die(store)
    assert (first.suspect, queued(store, "fast"), queued(store, suspects_of("fast"))) == (False, [7], [])
    second = die(store, send_no=first.number)
    assert (second.suspect, queued(store, "fast"), queued(store, suspects_of("fast"))) == (True, [], [7])
    at = ticket(send_no=second.number)
    begun = store.begin(at, "alone", lost(at), PRICES)
    assert (begun.verdict, begun.suspect) == ("go", True)
    assert queued(store, suspects_of("fast")) == []


def test_three_deaths_among_the_suspects_set_a_hole_aside_with_the_evidence(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0), (8, 0)])
    last = die_often(store, COMPANY + ALONE)
    assert last == care.Sending(care.SET_ASIDE)
    report = status(store)
    assert (report["failed"], report["set_aside"], report["pending"]) == (1, 1, 1)
    (result,) = reading.read_results(store.client, store.namespace, RUN, [7])
    assert (result.status, result.error and result.error.kind) == ("failed", "suspect")
    assert [(one.outcome, one.worker) for one in result.attempts] == [("lost", store.worker)] * 5
    assert result.cost_nano == 5 * COST == round(float(str(report["cost_usd"])) * 1e9)
    assert queued(store, "fast") == [8]
    assert finish(store, ticket(8), "accept", attempt_id="none") == "late"
    # Whoever held it last may still come back: it changes nothing.
    late = ticket(send_no=4)
    assert finish(store, late, "accept", attempt_id="of 4") == "late"
    assert sweep(store).number == 0


def test_the_last_hole_that_is_set_aside_ends_its_run(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    die_often(store, COMPANY + ALONE)
    assert (status(store)["state"], status(store)["failed"]) == ("done", 1)


def test_a_hole_that_comes_back_is_no_suspect_any_more(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    sending = die_often(store, COMPANY + ALONE - 1)
    at = ticket(send_no=sending.number)
    assert store.begin(at, "lives", lost(at), PRICES).verdict == "go"
    assert store.finish(at, "lives", commit(at, "retry", "failed"), next_model=None).what == "retry"
    again = sweep(store)
    assert again.suspect is False
    assert die(store, send_no=again.number).suspect is False


def test_the_next_candidate_begins_without_blame(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    at = ticket(send_no=die_often(store, COMPANY).number)
    assert store.begin(at, "lives", lost(at), PRICES).verdict == "go"
    assert store.finish(at, "lives", commit(at, "next", "failed"), next_model="good").what == "next"
    assert sweep(store).suspect is False


def test_deaths_of_workers_that_somebody_ended_tell_nothing(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    number = 1
    for _ in range(COMPANY + ALONE):
        at = ticket(send_no=number)
        assert store.begin(at, f"of {number}", lost(at), PRICES).verdict == "go"
        (spot,) = care.spots(store, RUN, [(7, "0")])
        (sending,) = care.resend(store, RUN, [(spot, lost_record(spot.cursor, "fast"))], holders_gone=True)
        assert sending.suspect is False
        number = sending.number


def test_a_sample_that_is_set_aside_leaves_the_others_to_be_selected_from(store: RunStore) -> None:
    open_run(store, [GROUP], [(7, 0)])
    for sample in (0, 1):
        at = ticket(sample=sample)
        assert store.begin(at, f"s{sample}", lost(at), PRICES).verdict == "go"
        assert store.finish(at, f"s{sample}", commit(at, "close"), next_model=None).what == "open"
    assert die_often(store, COMPANY + ALONE, sample=2).number == care.SET_ASIDE
    assert status(store)["pending"] == 1
    assert (7, "select") in care.overdue(store, RUN, care.server_ms(store) + 1)[1]


def test_a_verification_over_which_workers_die_goes_to_the_suspects_and_counts_there(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    assert store.begin(ticket(), "a", lost(ticket()), PRICES).verdict == "go"
    assert store.finish(ticket(), "a", commit(ticket(), "verify"), next_model=VERIFIERS).what == "verify"
    number, seen = 1, []
    for death in range(COMPANY + ALONE):
        store.lease_ms = 0
        found = verdicts.inspect(store, ticket(send_no=number), f"v{death}")
        store.lease_ms = 60_000
        seen.append(found.deaths)
        sending = sweep(store)
        assert sending.suspect is (death + 1 >= COMPANY)
        assert queued(store, suspects_of(VERIFIERS) if sending.suspect else VERIFIERS) == [7]
        number = sending.number
    found = verdicts.inspect(store, ticket(send_no=number), "last")
    assert [*seen, found.deaths] == [0, 0, 0, 1, 2, verdicts.DEATHS]
    assert len(reading.read_attempts(store.client, store.namespace, RUN, 7)) == 1, "a call is not lost by it"


def test_a_verification_that_is_declined_waits_and_says_how_often(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    assert store.begin(ticket(), "a", lost(ticket()), PRICES).verdict == "go"
    assert store.finish(ticket(), "a", commit(ticket(), "verify"), next_model=VERIFIERS).what == "verify"
    number = 1
    for times in range(4):
        found = verdicts.inspect(store, ticket(send_no=number), "v")
        assert (found.verdict, found.declined, found.deaths) == ("go", times, 0)
        assert verdicts.decline(store, ticket(send_no=number), "v", wait_ms=0)
        assert not verdicts.decline(store, ticket(send_no=number), "v", wait_ms=0), "once"
        assert care.overdue(store, RUN, care.server_ms(store) + 1) == ([], [(7, "0")])
        number = sweep(store).number
    assert status(store)["in_progress"] + status(store)["pending"] == 1  # type: ignore[operator]


def test_a_fill_that_was_declined_has_time_while_others_of_the_run_are_judged(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0), (8, 0), (9, 0)])
    for hole_id in (7, 8, 9):
        at = ticket(hole_id)
        assert store.begin(at, "a", lost(at), PRICES).verdict == "go"
        assert store.finish(at, "a", commit(at, "verify"), next_model=VERIFIERS).what == "verify"
    verdicts.inspect(store, ticket(), "v")
    verdicts.decline(store, ticket(), "v", wait_ms=0)
    store.client.hset(store.keys(RUN).hole(encode_id(7)), "0.f", "1")  # long ago
    assert verdicts.inspect(store, ticket(send_no=sweep(store).number), "v").declined_ms > 10**9
    for hole_id, ran, fresh in ((8, False, False), (9, True, True)):
        verdicts.inspect(store, ticket(hole_id), "w")
        judgement = verdicts.Judgement(commit(ticket(hole_id), "fail").attempt, "fail", ("k", "m"), ran=ran)
        assert verdicts.judge(store, ticket(hole_id), "w", judgement, next_model=None).what == "failed"
        assert (verdicts.inspect(store, ticket(send_no=9), "v").declined_ms < 60_000) is fresh
