"""Fills that are verified before they are accepted: the whole way, with a verifier that runs real commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from maze_tasks.decide.prompt import build_prompt
from maze_tasks.models import diagnostics_of, read_hole
from maze_tasks.models.runs import RunRules
from maze_tasks.producer import Producer, RunOptions

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


def test_a_worker_that_cannot_verify_says_so_and_leaves_the_fill_to_another(court: Court) -> None:
    court.submit(fallback_enabled=False)
    court.bench.run_link(court.bench.sent.pop(0))
    (message,) = court.bench.sent
    profiles, court.verifier.profiles = court.verifier.profiles, {}
    court.judge.judge(message)
    assert court.bench.status().in_progress == 1
    assert "cannot verify" in court.bench.status().notes[0]
    court.verifier.profiles = profiles
    from maze_tasks.sending import send_from

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
