"""Fills that are verified before they are accepted: the whole way, with a verifier that runs real commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from maze_tasks.judging import Judge
from maze_tasks.messages import FillMessage, VerifyMessage
from maze_tasks.models import Hole, read_hole
from maze_tasks.models.runs import RunRules
from maze_tasks.producer import Producer, RunOptions
from maze_tasks.source.scanner import line_of
from maze_tasks.source.tree import Choice, Summary, scan_tree
from maze_tasks.verification import Snapshots, Verifier, VerifyProfile, open_verifier

from .conftest import RUN, Bench, MakeBench

CODE = '''def one():
    """One."""
    raise NotImplementedError


def two():
    """Twice one."""
    return one() + one() if one() else NotImplemented
'''
GOOD, BAD = "    return 1\n", "    return 2\n"


class Court:
    """A bench whose fills are judged on a tree."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench = bench
        self.tree = folder / "tree"
        self.tree.mkdir()
        (self.tree / "a.py").write_text(CODE)
        profile = VerifyProfile(command=("grep", "-q", "return 1", "a.py"), timeout_s=20)
        snapshots = Snapshots(folder / "snapshots")
        self.digest = snapshots.add(self.tree).digest
        self.verifier = open_verifier({"unit": profile}, folder / "snapshots", folder=folder / "work", sandbox="none")
        self.judge = Judge(bench.store, bench.filler.leases, bench.sent.extend, self._verifier)
        self.opened = 0

    def _verifier(self) -> Verifier:
        self.opened += 1
        return self.verifier

    def holes(self) -> list[Hole]:
        found = scan_tree(self.tree, Choice(), Summary())
        return [read_hole(json.loads(json.dumps(line_of(hole)))) for hole in found]

    def submit(self, **more: Any) -> None:
        rules = RunRules(max_retries=0, verify="unit", snapshot=self.digest)
        options = RunOptions(rules=rules, **more)
        producer = Producer(self.bench.store, self.bench.sent.extend, self.bench.settings.endpoints, options)
        producer.submit(RUN, self.holes(), input_digest="in", config_digest="c")

    def run_all(self) -> None:
        while self.bench.sent:
            message = self.bench.sent.pop(0)
            if isinstance(message, VerifyMessage):
                self.judge.judge(message)
                continue
            link: FillMessage | None = message
            while link is not None:
                link = self.bench.run_link(link)


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
