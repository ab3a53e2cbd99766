"""Best of several answers: spread over endpoints, ranked by evidence, and those that lost are cut."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from maze_tasks.messages import FillMessage, VerifyMessage
from maze_tasks.models import read_hole
from maze_tasks.models.runs import RunRules
from maze_tasks.producer import Producer, RunOptions
from maze_tasks.store import reading

from .conftest import RUN, Bench, MakeBench
from .court import GOOD, Court

PLACE = {"language": "python", "prefix": "def double(y):\n", "suffix": ""}


def submit(bench: Bench, line: dict[str, Any], scorer: str = "evidence", **options: Any) -> None:
    given = RunOptions(rules=RunRules(max_retries=0, scorer=scorer), **options)
    producer = Producer(bench.store, bench.sent.extend, bench.settings.endpoints, given)
    producer.submit(RUN, [read_hole({"hole_id": 1} | line)], input_digest="in", config_digest="c")


def answers(**texts: str) -> dict[str, dict[str, str]]:
    return {name: {"missing_text": text} for name, text in texts.items()}


def test_spread_answers_go_to_one_candidate_each_and_all_compete(make_bench: MakeBench) -> None:
    bench = make_bench(**answers(a="    return 3 * y\n", b="    return y + y\n", c="    return (y + y)  # twice\n"))
    submit(bench, PLACE, best_of_n=3, spread=True)
    assert [(one.model, one.cursor.sample) for one in bench.sent] == [("a", 0), ("b", 1), ("c", 2)]
    bench.run_all()
    (result,) = bench.results()
    assert (result.status, result.model, result.fallbacks) == ("filled", "b", 0), "two of three agree"
    assert {name: bench.counted(name)["requests"] for name in "abc"} == dict.fromkeys("abc", 1)
    assert [one.outcome for one in result.attempts] == ["rejected", "accepted", "rejected"]


def test_more_answers_than_candidates_go_around_and_fewer_leave_a_second_group(make_bench: MakeBench) -> None:
    bench = make_bench(**answers(a="(", b="(", c="    return y + y\n"))
    submit(bench, PLACE, best_of_n=2, spread=True)
    bench.run_all()
    (result,) = bench.results()
    asked = [(one.model, one.candidate, one.sample) for one in result.attempts]
    assert asked == [("a", 0, 0), ("b", 0, 1), ("c", 1, 0), ("a", 1, 1)]
    assert (result.status, result.model, result.fallbacks) == ("filled", "c", 2)


@pytest.mark.parametrize(("scorer", "winner"), [("evidence", "b"), ("smallest", "a")])
def test_the_scorer_is_chosen_by_name(make_bench: MakeBench, scorer: str, winner: str) -> None:
    twice = "    return y + y + 0\n"
    bench = make_bench(**answers(a="    return 2 * y\n", b=twice, c=twice))
    submit(bench, PLACE, scorer, best_of_n=3, spread=True)
    bench.run_all()
    assert bench.results()[0].model == winner


def test_a_fill_of_which_less_is_left_undecided_is_preferred(make_bench: MakeBench) -> None:
    bench = make_bench(**answers(a="    return helper(y)\n", b="    return y + y\n"))
    submit(bench, PLACE, best_of_n=2, spread=True)
    bench.run_all()
    (result,) = bench.results()
    notes = {one.model: one.notes for one in result.attempts}
    assert notes["b"] < notes["a"]
    assert result.model == "b"


def test_once_a_sample_is_verified_the_calls_of_the_others_are_cut(make_bench: MakeBench, tmp_path: Path) -> None:
    bench = make_bench(a={"missing_text": GOOD}, b={"latency": 60_000})
    court = Court(bench, tmp_path)
    court.submit(best_of_n=2, spread=True)
    first, second = bench.sent
    bench.sent.clear()
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(bench.run_link, second)
        while not bench.counted("b")["in_flight"]:
            pass
        pool.submit(bench.run_link, first).result()
        court.run_all()
        slow.result()
    court.verifier.close()
    (result,) = bench.results()
    assert (result.status, result.model) == ("filled", "a")
    won, lost = sorted(result.attempts, key=lambda one: one.sample)
    assert (won.outcome, won.verified) == ("accepted", True)
    assert (lost.outcome, lost.unsettled, lost.cost_nano > 0) == ("cancelled", True, True)
    assert bench.status().state == "done"
    account = reading.read_accounts(bench.store.client, "maze", RUN)["b"]
    assert (account.requests, account.cancelled, account.cost_nano) == (0, 1, lost.cost_nano)


def test_a_verification_that_is_not_needed_any_more_is_cut(make_bench: MakeBench, tmp_path: Path) -> None:
    bench = make_bench(a={"missing_text": GOOD}, b={"missing_text": GOOD + "    # slow\n"})
    command = ("sh", "-c", "grep -q slow a.py && sleep 60; grep -q 'return 1' a.py")
    court = Court(bench, tmp_path, command)
    court.submit(best_of_n=2, spread=True)
    fills = [one for one in bench.sent if isinstance(one, FillMessage)]
    bench.sent.clear()
    for message in fills:
        bench.run_link(message)
    quick, slow = sorted((one for one in bench.sent if isinstance(one, VerifyMessage)), key=lambda one: one.model)
    bench.sent.clear()
    with ThreadPoolExecutor(1) as pool:
        judging = pool.submit(court.judge.judge, slow)
        while not any("a.py" in names for _, _, names in os.walk(tmp_path / "work")):
            pass
        court.judge.judge(quick)
        judging.result()
    court.verifier.close()
    (result,) = bench.results()
    assert (result.status, result.model) == ("filled", "a")
    assert bench.status().notes == (), "nothing is wrong with this worker"


def test_only_fills_that_take_long_to_compare_are_compared_aside(make_bench: MakeBench) -> None:
    bench = make_bench(**answers(a="    return y + y\n", b="    return 2 * y\n"))
    chosen: list[Any] = []

    def remembering(computing: Any) -> Any:
        chosen.append(computing())
        return chosen[-1]

    bench.filler.aside = remembering
    submit(bench, PLACE, best_of_n=2, spread=True)
    bench.run_all()
    assert chosen == []
    much = "    y += 1\n" * 1_200
    long = make_bench(**answers(a=f"{much}    return y\n", b=f"{much}    return y + y\n"))
    long.filler.aside = remembering
    submit(long, PLACE, best_of_n=2, spread=True)
    long.run_all()
    assert [selection.step for selection in chosen] == ["accept"]
    assert long.results()[0].status == "filled"
