"""The gate of a model: what must hold on every server it runs on."""

from __future__ import annotations

from maze_tasks.models.limits import Limits
from maze_tasks.store import RunStore
from maze_tasks.store.gauge_keys import gate_keys
from maze_tasks.store.gauges import Released, read_released
from maze_tasks.store.together import run_together

from .gate_scenes import START_MS, scene

MINUTE = Limits().window_ms + Limits().grain_ms  # when a bucket that begins now has left the window


# Calls at once


def test_no_more_calls_go_at_once_than_the_limit_and_a_release_lets_the_next_one_in(store: RunStore) -> None:
    s = scene(store, max_concurrency=2)
    assert [s.gone(f"p{k}") for k in range(2)] == [True, True]
    late = s.ask("p2", max_wait_ms=0)
    assert (late.verdict, late.why, late.reserved) == ("refuse", "concurrency", False)
    assert s.done("p0", latency_ms=100)
    assert s.gone("p2")
    gauge = s.gates.read_gauges(["m"])[0]
    assert (gauge.in_flight, gauge.limit, gauge.waiting, gauge.requests_last_minute) == (2, 2, 0, 3)
    assert gauge.latency_ms == 100


def test_who_is_present_takes_what_is_kept_for_somebody_on_the_way_but_no_request_of_theirs(store: RunStore) -> None:
    s = scene(store, max_concurrency=1)
    assert s.gone("p")
    kept = s.ask("q")
    assert kept.reserved
    s.clock.now = kept.until_ms
    assert s.done("p")
    assert not s.gone("r"), "it is q's time"
    assert s.ask("t", present=True).verdict == "go"
    assert s.ask("q").why == "concurrency"
    assert not s.ask("s", present=True).reserved
    limited = scene(store, max_concurrency=1, requests_per_minute=1)
    assert limited.gone("p")
    assert limited.ask("q", max_wait_ms=MINUTE).reserved
    assert limited.done("p")
    limited.clock.now += MINUTE
    assert limited.ask("r", present=True).why == "rate", "the one request is q's"
    assert limited.gone("q")


def test_a_permit_of_somebody_dead_is_waited_for_until_its_lease_ends_and_no_longer(store: RunStore) -> None:
    s = scene(store, max_concurrency=1)
    assert s.gone("p")
    assert s.done("p", latency_ms=60_000)
    assert s.gone("alive")
    s.clock.now += 8_000
    s.gates.renew_permits([("m", "alive")])
    assert s.ask("q", max_wait_ms=0).wait_ms == 60_000, "a call like the last one"
    s.clock.now += 8_000  # it was not renewed: its worker is gone
    assert s.ask("q", max_wait_ms=0).wait_ms == 7_000
    s.clock.now += 7_001
    assert s.gone("q")


def test_a_repeated_question_is_answered_alike_and_counts_once(store: RunStore) -> None:
    s = scene(store, max_concurrency=1, requests_per_minute=5, tokens_per_minute=100)
    assert [s.ask("p", tokens=30).verdict for _ in range(4)] == ["go"] * 4
    gauge = s.gates.read_gauges(["m"])[0]
    assert (gauge.in_flight, gauge.requests_last_minute, gauge.tokens_last_minute) == (1, 1, 30)


def test_a_repeated_question_counts_from_the_latest_moment_its_call_may_leave(store: RunStore) -> None:
    s = scene(store, requests_per_minute=1)
    s.ask("p")
    s.clock.now += 10_000
    s.ask("p")
    s.done("p")
    s.clock.now = START_MS + MINUTE
    assert s.ask("q").until_ms == START_MS + 10_000 + MINUTE


def test_a_repeated_question_is_given_back_whole(store: RunStore) -> None:
    s = scene(store, requests_per_minute=1)
    s.ask("p")
    s.clock.now += 10_000
    s.ask("p")
    s.done("p", "unused")
    assert s.gone("q")


def test_a_question_repeated_a_window_later_is_a_new_one(store: RunStore) -> None:
    s = scene(store, requests_per_minute=1, lease_ms=200_000)
    s.ask("p")
    s.clock.now += MINUTE
    assert s.gone("q")
    assert s.ask("p", max_wait_ms=0).verdict == "refuse"


def test_a_release_counts_once_and_only_for_a_permit_that_is_held(store: RunStore) -> None:
    s = scene(store, max_concurrency=2, tokens_per_minute=100)
    s.ask("p", tokens=50)
    assert s.done("p", tokens_used=20)
    assert not s.done("p", tokens_used=0, pause_ms=60_000)
    assert not s.done("never", "auth")
    gauge = s.gates.read_gauges(["m"])[0]
    assert (gauge.tokens_last_minute, gauge.paused_until_ms, gauge.breaker, gauge.in_flight) == (20, None, "closed", 0)


def test_slots_of_dead_workers_come_back_when_their_lease_ends_and_renewed_ones_do_not(store: RunStore) -> None:
    s = scene(store, max_concurrency=2)
    s.ask("dead")
    s.ask("alive")
    s.clock.now += 14_000
    assert s.gates.renew_permits([("m", "alive"), ("m", "nobody")]) == [True, False]
    assert s.ask("p", max_wait_ms=0).verdict == "refuse"
    s.clock.now += 1_000
    assert s.gone("p")
    assert s.ask("q", max_wait_ms=0).verdict == "refuse"
    assert s.gates.renew_permits([("m", "dead")]) == [False]
    assert not s.done("dead", "failure")
    assert s.gates.read_gauges(["m"])[0].requests_last_minute == 3, "what a dead worker may have sent counts on"


def test_a_lease_that_ran_out_and_nobody_took_over_still_counts(store: RunStore) -> None:
    s = scene(store)
    s.ask("p")
    s.clock.now += 20_000
    assert s.done("p", "auth")
    assert s.gates.read_gauges(["m"])[0].breaker == "open"


def test_nothing_to_renew_asks_for_nothing(store: RunStore) -> None:
    assert scene(store).gates.renew_permits([]) == []


# Requests and tokens a minute


def test_requests_beyond_the_limit_wait_until_the_first_leaves_the_window(store: RunStore) -> None:
    s = scene(store, requests_per_minute=2, max_wait_ms=70_000)
    assert s.gone("p0")
    s.clock.now += 1_000
    assert s.gone("p1")
    first, second, third = (s.ask(f"w{k}") for k in range(3))
    assert (first.verdict, first.why, first.until_ms) == ("wait", "rate", START_MS + MINUTE)
    assert (second.until_ms, first.wait_ms) == (START_MS + 1_000 + MINUTE, MINUTE - 1_000)
    assert third.verdict == "refuse", "what would need the waiting ones to have left again"
    s.clock.now = first.until_ms - 1
    assert s.ask("w0").why == "reserved"
    s.clock.now += 1
    assert s.gone("w0")
    assert s.ask("new", max_wait_ms=0).verdict == "refuse", "the slot that is free next is kept for another"


def test_a_place_is_kept_for_another_attempt_of_the_same_hole(store: RunStore) -> None:
    s = scene(store, max_concurrency=1)
    s.ask("p0")
    waits = s.ask("p1", place="hole 7")
    s.done("p0", latency_ms=10)
    s.clock.now = waits.until_ms
    assert s.ask("p2", place="hole 8", max_wait_ms=0).verdict == "refuse"
    assert s.ask("p3", place="hole 7").verdict == "go"
    assert s.gates.read_gauges(["m"])[0].waiting == 0


def test_tokens_are_reserved_by_estimate_and_settled_by_what_was_used(store: RunStore) -> None:
    s = scene(store, tokens_per_minute=1_000)
    assert s.ask("p0", tokens=600).verdict == "go"
    assert s.ask("p1", tokens=600, max_wait_ms=0).verdict == "refuse"
    assert s.done("p0", tokens_used=400)
    assert s.ask("p1", tokens=600).verdict == "go"
    assert s.done("p1")
    assert s.gates.read_gauges(["m"])[0].tokens_last_minute == 1_000, "where no usage is known the estimate stays"


def test_more_tokens_than_a_minute_may_have_are_never_waited_for(store: RunStore) -> None:
    s = scene(store, tokens_per_minute=1_000)
    answer = s.ask("p", tokens=1_001)
    assert (answer.verdict, answer.why, answer.until_ms) == ("refuse", "too_large", 0)
    assert s.ask("p", tokens=1_000).verdict == "go"


def test_more_tokens_used_than_estimated_keep_the_others_waiting_longer(store: RunStore) -> None:
    s = scene(store, tokens_per_minute=1_000, max_wait_ms=60_000)
    s.ask("p0", tokens=500)
    s.clock.now += 30_000
    s.ask("p1", tokens=500)
    waits = s.ask("w", tokens=400)
    s.done("p1", tokens_used=900)
    s.clock.now = waits.until_ms
    again = s.ask("w", tokens=400)
    assert (again.verdict, again.until_ms) == ("wait", START_MS + 30_000 + MINUTE)
    s.clock.now = again.until_ms
    assert s.ask("w", tokens=400).verdict == "go"


def test_a_permit_that_was_not_used_gives_back_request_and_tokens(store: RunStore) -> None:
    s = scene(store, requests_per_minute=1, tokens_per_minute=10)
    s.ask("p", tokens=10)
    assert s.done("p", "unused")
    assert s.ask("q", tokens=10).verdict == "go"


def test_a_settlement_that_comes_after_the_window_changes_nothing(store: RunStore) -> None:
    s = scene(store, requests_per_minute=2, tokens_per_minute=100, lease_ms=200_000)
    s.ask("p0", tokens=50)
    s.clock.now += MINUTE
    s.ask("p1", tokens=50)
    assert s.done("p0", "unused")
    gauge = s.gates.read_gauges(["m"])[0]
    assert (gauge.requests_last_minute, gauge.tokens_last_minute) == (1, 50)


def test_a_hole_that_leaves_or_never_comes_back_frees_its_place(store: RunStore) -> None:
    s = scene(store, max_concurrency=1)
    s.ask("p")
    waits = s.ask("w0")
    assert s.gates.leave("m", "w0")
    assert not s.gates.leave("m", "w0")
    waits = s.ask("w1", tokens=5)
    assert s.gates.read_gauges(["m"])[0].waiting == 1
    s.clock.now = waits.until_ms + s.limits.hold_ms
    assert s.gates.read_gauges(["m"])[0].waiting == 0
    s.done("p")
    assert s.gone("q")


def test_a_hole_that_asks_again_and_again_keeps_its_place(store: RunStore) -> None:
    s = scene(store, max_concurrency=1, lease_ms=500_000)
    s.ask("p")
    until = s.ask("w").until_ms
    while until < START_MS + 3 * s.limits.hold_ms:
        s.clock.now = until + s.limits.hold_ms - 1
        until = s.ask("w").until_ms
    s.done("p")
    assert not s.ask("x", max_wait_ms=0).reserved
    s.clock.now = until
    assert [s.ask("x", max_wait_ms=0).verdict, s.ask("w").verdict] == ["refuse", "go"]


def test_tokens_of_those_that_leave_are_free_again(store: RunStore) -> None:
    s = scene(store, tokens_per_minute=100, max_wait_ms=70_000)
    s.ask("p", tokens=60)
    s.ask("w", tokens=50)
    assert s.ask("x", tokens=40, max_wait_ms=0).verdict == "refuse"
    s.gates.leave("m", "w")
    assert s.ask("x", tokens=40).verdict == "go"


def test_places_of_one_moment_are_served_in_the_order_they_came(store: RunStore) -> None:
    s = scene(store, max_concurrency=1)
    s.ask("p")
    s.done("p", "throttled", pause_ms=1_000)
    places = ["c", "a", "b"]
    assert {s.ask(place).until_ms - START_MS for place in places} == {1_000, 2_000, 3_000}
    s.clock.now += 3_000
    assert [s.ask(place).verdict for place in ("a", "b", "c")] == ["wait", "wait", "go"]
    s.done("c")
    assert [s.ask(place).verdict for place in ("b", "a")] == ["wait", "go"]


def test_no_more_than_so_many_wait(store: RunStore) -> None:
    s = scene(store, max_concurrency=1, max_waiting=2)
    s.ask("p")
    assert [s.ask(f"w{k}").why for k in range(3)] == ["concurrency", "concurrency", "crowded"]


# Pauses


def test_a_pause_holds_for_everybody_until_the_longest_of_those_asked_for(store: RunStore) -> None:
    s = scene(store, max_concurrency=3)
    for k in range(3):
        s.ask(f"p{k}")
    s.done("p0", "throttled", pause_ms=20_000)
    s.done("p1", "throttled", pause_ms=5_000)
    released = s.gates.release("m", "p2", "throttled")
    assert (released.paused_until_ms, released.open_until_ms) == (START_MS + 20_000, None)
    waits = s.ask("w")
    assert (waits.verdict, waits.why, waits.until_ms) == ("wait", "paused", START_MS + 20_000)
    assert s.ask("x", max_wait_ms=19_999).verdict == "refuse"
    s.clock.now = waits.until_ms
    assert s.gates.read_gauges(["m"])[0].paused_until_ms is None
    assert s.gone("w")


def test_a_pause_that_comes_while_a_hole_waits_is_waited_out_too_or_refused_where_it_is_long(store: RunStore) -> None:
    s = scene(store, max_concurrency=1)
    s.ask("p")
    waits = s.ask("w")
    s.done("p", "throttled", pause_ms=10_000)
    s.clock.now = waits.until_ms
    again = s.ask("w")
    assert (again.verdict, again.until_ms, again.why) == ("wait", START_MS + 10_000, "paused")
    s.clock.now = again.until_ms
    assert s.gone("w")
    waits = s.ask("v")
    s.done("w", "throttled", pause_ms=40_000)
    s.clock.now = waits.until_ms
    refused = s.ask("v")
    assert (refused.verdict, refused.why) == ("refuse", "paused")
    assert s.gates.read_gauges(["m"])[0].waiting == 0


def test_a_throttle_that_names_no_pause_pauses_longer_each_time_until_an_answer_comes(store: RunStore) -> None:
    s = scene(store)
    pauses = []
    for k in range(7):
        s.ask(f"p{k}")
        s.ask(f"q{k}")
        until = s.gates.release("m", f"p{k}", "throttled").paused_until_ms or 0
        assert s.gates.release("m", f"q{k}", "throttled").paused_until_ms == until, "one pause for calls sent together"
        pauses.append(until - s.clock.now)
        s.clock.now = until
    assert pauses == [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]
    s.ask("good")
    s.done("good")
    s.ask("bad")
    assert s.gates.release("m", "bad", "throttled").paused_until_ms == s.clock.now + 1_000


def test_a_permit_that_is_left_to_an_heir_counts_for_its_call(store: RunStore) -> None:
    s = scene(store, max_concurrency=1)
    assert s.gone("p")
    step = s.gates.release_call("m", "p", "ok", latency_ms=5, tokens_used=3, heir=("q", 20))
    assert read_released(run_together(store.client, [step])[0]) == Released(True, None, None, quiet=True)
    gauge = s.gates.read_gauges(["m"])[0]
    assert (gauge.in_flight, gauge.requests_last_minute, gauge.tokens_last_minute) == (1, 2, 23)
    assert not s.gone("r")
    assert s.done("q", tokens_used=4)
    gauge = s.gates.read_gauges(["m"])[0]
    assert (gauge.in_flight, gauge.tokens_last_minute) == (0, 7)
    assert not s.done("p"), "it was given back"


def test_an_heir_s_call_counts_though_the_permit_it_was_left_had_run_out(store: RunStore) -> None:
    s = scene(store, max_concurrency=1, lease_ms=1_000)
    assert s.gone("p")
    s.clock.now += 2_000
    assert s.ask("other", max_wait_ms=0).verdict == "go"
    s.done("other")
    step = s.gates.release_call("m", "p", "ok", heir=("q", 0))
    assert not read_released(run_together(store.client, [step])[0]).counted
    assert s.gates.read_gauges(["m"])[0].in_flight == 1
    assert all(store.client.pttl(key) > 0 for key in gate_keys(s.gates.namespace, "m") if store.client.exists(key))
    assert s.done("q")


def test_who_gives_a_permit_back_learns_whether_others_want_it_or_nobody_is_let_through(store: RunStore) -> None:
    s = scene(store, max_concurrency=1)
    assert s.gone("p")
    assert s.gates.release("m", "p", "ok").quiet
    assert s.gone("q")
    assert s.ask("r", present=True).why == "concurrency"
    assert not s.gates.release("m", "q", "ok").quiet
    assert s.gone("t")
    s.clock.now += 2_000
    assert s.gates.release("m", "t", "ok").quiet
    assert s.gone("u")
    assert not s.gates.release("m", "u", "throttled", pause_ms=5_000).quiet
    s.clock.now += 5_001
    assert s.gone("v")
    assert s.gates.release("m", "v", "ok").quiet, "the pause is over"
    assert s.gone("w")
    assert not s.gates.release("m", "w", "auth").quiet, "the breaker is open"
