"""The fill cache: what must hold on every server it runs on."""

from __future__ import annotations

import json

import pytest

from maze_tasks.store import RunStore, care, waiting
from maze_tasks.store.cache import MAX_REPLY_CHARS, FillCache
from maze_tasks.store.together import run_together

from .scenes import GROUP, PLAN, RUN, begin, finish, open_run, resend, status, ticket

DIGEST = "ab" * 32


@pytest.fixture
def cache(store: RunStore) -> FillCache:
    return FillCache.beside(store)


def decide(cache: FillCache, holder: str, reply: str = "", *, again: bool = False) -> list[str]:
    (waiters,) = run_together(cache.client, [cache.decide_call(DIGEST, holder, reply, again=again)])
    return list(waiters)


def test_what_was_kept_is_found_by_everybody(cache: FillCache) -> None:
    assert cache.ask(DIGEST, "a1").verdict == "claimed"
    assert decide(cache, "a1", "a reply\u2028 with ünusual text") == []
    found = cache.ask(DIGEST, "a2")
    assert (found.verdict, found.reply) == ("hit", "a reply\u2028 with ünusual text")
    assert cache.ask("cd" * 32, "a2").verdict == "claimed"


def test_one_asks_and_the_others_are_told_until_when_they_would_wait(cache: FillCache) -> None:
    assert cache.ask(DIGEST, "a1").verdict == "claimed"
    found = cache.ask(DIGEST, "a2")
    assert found.verdict == "busy"
    assert 0 < found.wait_ms <= cache.claim_ms
    assert cache.ask(DIGEST, "a1").verdict == "claimed", "a question that is repeated is answered alike"


def test_those_who_wait_are_named_once_when_the_request_is_decided(cache: FillCache) -> None:
    cache.ask(DIGEST, "a1")
    assert cache.wait(DIGEST, ticket(7, sample=2))
    assert [json.loads(waiter) for waiter in decide(cache, "a1", "reply")] == [[RUN, "i7", 2]]
    assert decide(cache, "a1", "reply") == []


def test_nobody_waits_for_what_has_been_decided(cache: FillCache) -> None:
    assert not cache.wait(DIGEST, ticket())
    cache.ask(DIGEST, "a1")
    decide(cache, "a1", "reply")
    assert not cache.wait(DIGEST, ticket())


def test_after_a_reply_that_could_not_be_kept_all_ask_side_by_side(cache: FillCache) -> None:
    cache.ask(DIGEST, "a1")
    cache.wait(DIGEST, ticket())
    assert len(decide(cache, "a1")) == 1
    assert [cache.ask(DIGEST, one).verdict for one in ("a2", "a3")] == ["free", "free"]
    assert not cache.wait(DIGEST, ticket())
    decide(cache, "a3", "reply")
    assert cache.ask(DIGEST, "a2").verdict == "hit"


def test_after_a_call_that_was_cut_the_next_one_claims(cache: FillCache) -> None:
    cache.ask(DIGEST, "a1")
    decide(cache, "a1", again=True)
    assert [cache.ask(DIGEST, one).verdict for one in ("a2", "a3")] == ["claimed", "busy"]


def test_one_who_lost_the_claim_does_not_give_away_anothers(cache: FillCache) -> None:
    cache.ask(DIGEST, "a1")
    cache.client.delete(cache._keys(DIGEST)[1])  # it ran out
    cache.ask(DIGEST, "a2")
    cache.wait(DIGEST, ticket())
    assert decide(cache, "a1") == []
    assert cache.ask(DIGEST, "a3").verdict == "busy"


def test_a_claim_runs_out_unless_it_is_renewed(cache: FillCache) -> None:
    claim = cache._keys(DIGEST)[1]
    cache.ask(DIGEST, "a1")
    assert 0 < int(cache.client.pttl(claim)) <= cache.claim_ms
    cache.client.pexpire(claim, 1000)
    cache.renew([(DIGEST, "somebody else")])
    assert int(cache.client.pttl(claim)) <= 1000
    cache.renew([(DIGEST, "a1"), ("cd" * 32, "a1")])
    assert int(cache.client.pttl(claim)) > 1000


def test_replies_expire_and_long_ones_are_not_kept(cache: FillCache) -> None:
    run_together(cache.client, [cache.decide_call(DIGEST, "a1", "reply", days=0.5)])
    assert 43_199_000 < int(cache.client.pttl(cache._keys(DIGEST)[0])) <= 43_200_000
    run_together(cache.client, [cache.decide_call("cd" * 32, "a1", "x" * (MAX_REPLY_CHARS + 1))])
    assert cache.ask("cd" * 32, "a1").verdict == "claimed"


def test_what_is_forgotten_is_asked_for_again(cache: FillCache) -> None:
    decide(cache, "a1", "reply")
    run_together(cache.client, [cache.forget_call(DIGEST, "a2")])
    assert cache.ask(DIGEST, "a1").verdict == "claimed"
    decide(cache, "a1", "reply")
    cache.drop(DIGEST)
    assert cache.ask(DIGEST, "a2").verdict == "claimed"


def test_a_deferred_hole_waits_without_a_lease_and_without_an_attempt(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    begin(store, ticket())
    assert waiting.defer(store, ticket(), "a1", 60_000).what == "deferred"
    report = status(store)
    assert (report["pending"], report["attempts"]) == (1, 0)
    now = care.server_ms(store)
    assert care.overdue(store, RUN, now) == ([], [])
    assert care.overdue(store, RUN, now + 60_000) == ([], [(7, "0")])
    assert waiting.defer(store, ticket(), "a1", 1).what == "late"
    assert finish(store, ticket(), "accept") == "late"


def test_the_more_holes_wait_the_longer_each_of_them_does_up_to_a_limit(store: RunStore) -> None:
    open_run(store, [PLAN], [(number, 0) for number in range(10)])
    begin(store, ticket(0))
    waiting.defer(store, ticket(0), "a1", 1_000, spread_ms=100.0)
    begin(store, ticket(1))
    waiting.defer(store, ticket(1), "a1", 1_000, spread_ms=1e9)
    now = care.server_ms(store)
    due = dict(store.client.zrange(store.keys(RUN).due, 0, -1, withscores=True))
    assert 1_500 < due["i0|0"] - now <= 1_900
    assert waiting.MOST_SPREAD_MS < due["i1|0"] - now <= waiting.MOST_SPREAD_MS + 1_000


def test_a_deferred_hole_is_sent_again_from_where_it_stood(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    begin(store, ticket())
    waiting.defer(store, ticket(), "a1", 0)
    (spot,) = care.spots(store, RUN, [(7, "0")])
    number = resend(store, spot, "fast")
    assert number == 2
    assert begin(store, ticket(), "a2") == "stale"
    assert begin(store, ticket(send_no=2), "a2") == "go"
    assert finish(store, ticket(send_no=2), "accept", attempt_id="a2") == "filled"


def test_whoever_waits_for_a_request_is_woken_and_nobody_else(store: RunStore, cache: FillCache) -> None:
    open_run(store, [PLAN], [(7, 0), ("x|y", 0)])
    for hole_id in (7, "x|y"):
        begin(store, ticket(hole_id))
        waiting.defer(store, ticket(hole_id), "a1", 60_000)
    cache.wake([cache.waiter(ticket("x|y")), cache.waiter(ticket(8))])
    assert care.overdue(store, RUN, care.server_ms(store)) == ([], [("x|y", "0")])


def test_a_sample_that_is_deferred_leaves_the_others_at_work(store: RunStore) -> None:
    open_run(store, [GROUP], [(7, 0)])
    for sample in (0, 1):
        begin(store, ticket(sample=sample), f"a{sample}")
    waiting.defer(store, ticket(sample=0), "a0", 60_000)
    assert status(store)["in_progress"] == 1
    assert finish(store, ticket(sample=1), "close", attempt_id="a1") == "open"
    assert status(store)["pending"] == 1


def test_in_a_run_that_is_being_cancelled_a_deferred_hole_is_skipped(store: RunStore) -> None:
    open_run(store, [PLAN], [(7, 0)])
    begin(store, ticket())
    care.set_state(store, RUN, "cancelling", ["running"])
    assert waiting.defer(store, ticket(), "a1", 60_000).what == "cancelled"
    assert (status(store)["state"], status(store)["skipped"]) == ("cancelled", 1)
