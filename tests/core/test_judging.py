"""Fills that are verified before they are accepted: the whole way, with a verifier that runs real commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from maze_tasks import control
from maze_tasks.decide.prompt import build_prompt
from maze_tasks.messages import VerifyMessage
from maze_tasks.models import FailureStrategy, diagnostics_of, read_hole
from maze_tasks.models.calls import Call, Reply
from maze_tasks.models.runs import HoleResult, RunRules, RunStatus
from maze_tasks.names import VERIFIERS, suspects_of
from maze_tasks.producer import Producer, RunOptions
from maze_tasks.sending import send_from
from maze_tasks.store import reading, verdicts
from maze_tasks.store.cache import FillCache
from maze_tasks.store.runs import Ticket

from .conftest import RUN, MakeBench
from .court import BAD, GOOD, Court


@pytest.fixture
def court(make_bench: MakeBench, tmp_path: Path) -> Iterator[Court]:
    bench = make_bench(a={"missing_text": BAD}, b={"missing_text": GOOD})
    opened = Court(bench, tmp_path)
    yield opened
    opened.verifier.close()


def test_a_wrong_fill_costs_a_fallback_and_a_good_one_is_accepted(court: Court) -> None:
    court.submit()
    court.run_all()
    (result,) = court.bench.results()
    assert (result.status, result.model, result.code) == ("filled", "b", GOOD)
    first, second = result.attempts
    assert (first.outcome, first.verified, first.error and first.error.kind) == ("rejected", False, "verify_failed")
    assert (second.outcome, second.verified, second.error) == ("accepted", True, None)
    assert court.bench.status().state == "done"
    assert court.bench.status().attempts == 2


def test_what_the_command_said_of_a_wrong_fill_is_in_the_next_candidates_prompt(
    make_bench: MakeBench, tmp_path: Path
) -> None:
    judged = "grep -q 'return 1' a.py && echo fine || (echo 'E  assert 2 == 1'; echo 1 failed in 0.1s; exit 1)"
    court = Court(make_bench(a={"missing_text": BAD}, b={"missing_text": GOOD}), tmp_path, ("sh", "-c", judged))
    court.submit()
    court.run_all()
    ((first, second),) = (result.attempts for result in court.bench.results())
    court.verifier.close()
    assert (first.error and first.error.message, first.output) == (
        "exit code 1: E  assert 2 == 1",
        "E  assert 2 == 1\n1 failed in 0.1s",
    )
    assert second.output is None
    (hole,) = court.holes()
    assert f"Rejected: {first.error and first.error.message}\n{first.output}\n" in build_prompt(
        hole, diagnostics=diagnostics_of([first])
    )


def test_the_first_verified_sample_of_several_is_the_fill(court: Court) -> None:
    court.submit(best_of_n=3)
    court.run_all()
    (result,) = court.bench.results()
    assert (result.status, result.model, len(result.attempts)) == ("filled", "b", 6)
    assert sum(one.outcome == "accepted" for one in result.attempts) == 1


def test_a_verification_delivered_twice_is_made_once(court: Court) -> None:
    court.submit(fallback_enabled=False)
    court.bench.run_link(court.bench.sent.pop(0))
    (message,) = court.bench.sent
    court.judge.judge(message)
    court.judge.judge(message)
    assert court.opened == 1
    assert court.bench.status().failed == 1


def test_a_kept_reply_is_verified_again_and_forgotten_where_its_fill_is_bad(court: Court) -> None:
    bench = court.bench
    bench.filler.cache = FillCache.beside(bench.store)
    court.submit()
    court.run_all()
    (kept,) = bench.store.client.keys("*:reply")  # that of b: a's fill was bad
    assert json.loads(str(bench.store.client.get(kept)))["reply"]["text"] == GOOD
    rules = RunRules(max_retries=0, verify="unit", snapshot=court.digest)
    producer = Producer(bench.store, bench.sent.extend, bench.settings.endpoints, RunOptions(rules=rules))
    producer.submit("again", court.holes(), input_digest="in", config_digest="c")
    court.run_all()
    (result,) = reading.iter_results(bench.store.client, "maze", "again")
    first, second = result.attempts
    assert (first.model, first.cached, first.verified) == ("a", False, False)
    assert (second.model, second.cached, second.verified, second.outcome) == ("b", True, True, "accepted")
    assert (bench.counted("a")["requests"], bench.counted("b")["requests"]) == (2, 1)


def test_a_worker_that_cannot_verify_says_so_and_leaves_the_fill_to_another(court: Court) -> None:
    court.submit(fallback_enabled=False)
    court.bench.run_link(court.bench.sent.pop(0))
    (message,) = court.bench.sent
    profiles, court.verifier.profiles = court.verifier.profiles, {}
    court.judge.judge(message)
    assert court.bench.status().in_progress == 1
    assert "cannot verify" in court.bench.status().notes[0]
    assert court.stepped_back, "or it would decline all that waits before others come to it"
    court.verifier.profiles = profiles
    court.bench.sent.clear()
    (hole_id,) = (one.hole_id for one in court.bench.results())
    assert send_from(court.bench.store, court.bench.sent.extend, RUN, [(hole_id, "0")], holders_gone=True) == 1
    court.run_all()
    assert court.bench.status().failed == 1
    assert court.bench.counted("a")["requests"] == 1


def test_a_hole_without_a_place_is_not_verified(court: Court) -> None:
    rules = RunRules(verify="unit", snapshot=court.digest)
    producer = Producer(
        court.bench.store, court.bench.sent.extend, court.bench.settings.endpoints, RunOptions(rules=rules)
    )
    producer.submit(RUN, [read_hole({"hole_id": 1, "prompt": "x"})], input_digest="in", config_digest="c")
    court.run_all()
    (result,) = court.bench.results()
    assert (result.status, result.model, result.attempts[0].verified) == ("filled", "a", None)


@pytest.mark.parametrize("path", ["../../../etc/passwd", "/etc/passwd", "gone.py", "a\0b", "."])
def test_a_place_outside_of_the_tree_is_never_read(court: Court, path: str) -> None:
    (hole,) = court.holes()
    assert hole.place is not None
    moved = hole.model_copy(update={"place": hole.place.model_copy(update={"path": path})})
    rules = RunRules(max_retries=0, verify="unit", snapshot=court.digest)
    options = RunOptions(rules=rules, fallback_enabled=False)
    producer = Producer(court.bench.store, court.bench.sent.extend, court.bench.settings.endpoints, options)
    producer.submit(RUN, [moved], input_digest="in", config_digest="c")
    court.run_all()
    (result,) = court.bench.results()
    assert result.error is not None
    assert (result.status, result.error.kind) == ("failed", "unusable")


def again(court: Court) -> VerifyMessage:
    """The verification of the one hole, sent again."""
    court.bench.sent.clear()
    (result,) = court.bench.results()
    assert send_from(court.bench.store, court.bench.sent.extend, RUN, [(result.hole_id, "0")]) == 1
    (message,) = court.bench.sent
    assert isinstance(message, VerifyMessage)
    return message


def waiting(court: Court) -> VerifyMessage:
    """A fill that waits for its verification."""
    court.submit(fallback_enabled=False)
    court.bench.run_link(court.bench.sent.pop(0))
    (message,) = court.bench.sent
    assert isinstance(message, VerifyMessage)
    return message


def test_a_fill_that_nobody_can_judge_ends_for_people_to_look_at_with_the_reason(court: Court) -> None:
    message = waiting(court)
    court.verifier.profiles = {}
    court.judge.judge(message)
    message = again(court)
    court.judge.judge(message)
    assert court.bench.status().in_progress + court.bench.status().pending == 1, "others are still waited for"
    court.judge = replace(court.judge, patience_s=0)
    court.judge.judge(again(court))
    (result,) = court.bench.results()
    assert (result.status, result.error and result.error.kind) == ("needs_review", "unverified")
    assert "cannot verify with profile" in (result.error.message if result.error else "")
    (attempt,) = result.attempts
    assert (attempt.code, attempt.verified) == (BAD, None)
    assert court.bench.status().state == "done"


def test_a_fill_over_which_verifiers_die_is_rejected_without_another_try(court: Court) -> None:
    message = waiting(court)
    lanes = []
    for death in range(5):
        lanes.append(message.lane)
        court.bench.store.lease_ms = 0
        ticket = Ticket(RUN, message.hole_id, message.cursor, message.send_no, message.model)
        assert verdicts.inspect(court.bench.store, ticket, f"dead {death}").verdict == "go"
        court.bench.store.lease_ms = 15_000
        message = again(court)
    assert lanes == [VERIFIERS] * 2 + [suspects_of(VERIFIERS)] * 3
    court.judge.judge(message)
    assert court.opened == 0
    (result,) = court.bench.results()
    assert (result.status, result.error and result.error.kind) == ("failed", "suspect")
    assert [(one.outcome, one.verified) for one in result.attempts] == [("rejected", False)]


@dataclass
class Pausing:
    judge: Callable[[VerifyMessage], None]


LINES = {1: "one = 1", 2: "two = one + 1", 3: "return 1"}


def parted(court: Court, samples: int | None = None, **lines: str) -> dict[int | str, HoleResult]:
    """What becomes of a hole whose whole fails the verification, and whose parts are these lines."""
    texts = LINES | {int(name[1:]): text for name, text in lines.items()}
    answered = court.bench.filler.client

    class Parts:
        def __init__(self, name: str) -> None:
            self._client = answered(name)

        def call(self, call: Call, **how: Any) -> Reply:
            reply = self._client.call(call, **how)
            part = next((text for one, text in texts.items() if f"Write part {one} of 3" in call.prompt), None)
            return reply if part is None else replace(reply, text=part)

    court.bench.filler.client = Parts  # type: ignore[assignment]
    rules = RunRules(max_retries=0, verify="unit", snapshot=court.digest, failure_strategy=FailureStrategy.DECOMPOSE)
    options = RunOptions(rules=rules, max_fallback_attempts=1, best_of_n=samples)
    producer = Producer(court.bench.store, court.bench.sent.extend, court.bench.settings.endpoints, options)
    producer.submit(RUN, court.holes(), input_digest="in", config_digest="c")
    court.run_all()
    return {one.hole_id: one for one in court.bench.results()}


def test_parts_are_judged_together_and_only_as_a_whole(court: Court) -> None:
    whole, *parts = parted(court).values()
    assert whole.status == "filled"
    assert whole.code == "    one = 1\n    two = one + 1\n    return 1\n"
    assert [(one.joined, one.verified) for one in whole.attempts] == [(False, False), (True, True)]
    assert [one.attempts[0].verified for one in parts] == [None] * 3
    assert court.bench.status().state == "done"
    accounts = control.metrics_accounts(court.bench.store)
    assert {name: one.accepted for name, one in accounts.items()} == {"a": 3}


@pytest.mark.parametrize("samples", [None, 2])
def test_parts_that_fail_the_verification_together_are_a_failed_whole(court: Court, samples: int | None) -> None:
    whole, *parts = parted(court, samples, p3="return 2").values()
    assert whole.status == "failed"
    assert whole.error is not None
    assert whole.error.kind == "verify_failed"
    assert [one.status for one in parts] == ["filled"] * 3
    last = whole.attempts[-1]
    assert (last.joined, last.verified, last.outcome) == (True, False, "rejected")
    assert court.bench.status().state == "done"


def test_a_pause_before_parts_are_judged_asks_nobody_again(court: Court) -> None:
    judged = court.judge.judge

    def pause_first(message: VerifyMessage) -> None:
        (whole, *_) = court.bench.results()
        if whole.attempts[-1].joined and control.status(court.bench.store, RUN).state == "running" and not paused:
            paused.append(control.pause(court.bench.store, RUN))
            judged(message)
            control.resume(court.bench.store, court.bench.sent.extend, RUN)
        else:
            judged(message)

    paused: list[RunStatus] = []
    court.judge = Pausing(pause_first)  # type: ignore[assignment]
    whole, *_ = parted(court, 2).values()
    assert paused
    assert whole.status == "filled"
    assert court.bench.counted("a")["requests"] == 8
