"""The benchmark of faults: what its audit finds, and a short run of the whole."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from benchmarks.faults import __main__ as command
from benchmarks.faults import schedule
from benchmarks.faults.audit import Audit, Facts, audit
from benchmarks.faults.proxy import Proxies
from benchmarks.faults.setting import SHORT
from benchmarks.faults.telling import met_outage
from benchmarks.faults.watching import Fault
from maze_tasks.models.runs import Attempt, ErrorRecord, HoleResult, ModelAccount, RunStatus

RUN = "faults"


def attempt(outcome: Any = "accepted", **more: Any) -> Attempt:
    kinds = {"failed": "server_error", "rejected": "syntax", "lost": "lost", "cancelled": "cancelled"}
    error = ErrorRecord(kind=more.pop("kind", kinds[outcome])) if outcome != "accepted" else None
    return Attempt(candidate=0, model="a", outcome=outcome, error=error, cost_nano=5, **more)


def hole(number: int, *attempts: Attempt, **more: Any) -> HoleResult:
    filled = bool(attempts) and attempts[-1].outcome == "accepted"
    shown = {"status": "filled" if filled else "failed", "code": f"pass  # {number} a" if filled else None}
    error = None if filled else ErrorRecord(kind="no_fill")
    return HoleResult.model_validate({"hole_id": number, "attempts": attempts, "error": error, **shown, **more})


def request(number: int, sample: str = "0", at: float = 0.0) -> dict[str, Any]:
    tokens = {"prompt_tokens": 1, "generated_tokens": 2}
    return {"endpoint": "a", "key": f"{RUN}/{number}/0/0/{sample}", "time": at, "latency_ms": 100.0, **tokens}


def facts(results: Sequence[HoleResult], requests: Sequence[dict[str, Any]], **more: Any) -> Facts:
    """Facts of a run whose own counts are right."""
    attempts = [one for result in results for one in result.attempts]
    outcomes = Counter(one.outcome for one in attempts)
    statuses = Counter(one.status for one in results)
    status = RunStatus(
        run=RUN,
        state="done",
        holes=len(results),
        filled=statuses["filled"],
        failed=statuses["failed"],
        pending=statuses["pending"],
        attempts=len(attempts),
        repeated=sum(one.repeated for one in attempts),
        cost_nano=sum(one.cost_nano for one in attempts),
    )
    account = ModelAccount(
        requests=len(attempts) - outcomes["lost"] - outcomes["cancelled"],
        accepted=statuses["filled"],
        lost=outcomes["lost"],
        cost_nano=status.cost_nano,
    )
    known = {"holes": [int(one.hole_id) for one in results], "status": status, "accounts": {"a": account}}
    return Facts(**{"run": RUN, "results": results, "requests": requests, **known, **more})


def found(results: Sequence[HoleResult], requests: Sequence[dict[str, Any]], **more: Any) -> Audit:
    return audit(facts(results, requests, **more))


def test_a_run_in_which_nothing_went_wrong_holds() -> None:
    came = found(
        [hole(1, attempt()), hole(2, attempt("failed"), attempt())], [request(1), request(2), request(2, "0r1")]
    )
    assert (came.holds, came.complaints, came.filled) == (True, [], 2)


def test_a_call_that_was_lost_and_made_again_holds_if_it_was_in_flight() -> None:
    results = [hole(1, attempt("lost"), attempt(repeated=True))]
    twice = [request(1), request(1)]
    assert found(results, twice, in_flight=1).holds
    came = found(results, twice, in_flight=0)
    assert (came.holds, came.repeated, came.unaccounted) == (False, 1, 0)
    assert found(results, [request(1)]).holds, "the worker died before its call went out"


def test_a_call_that_its_client_sent_again_is_no_repeat() -> None:
    came = found([hole(1, attempt(resent=1, repeated=True))], [request(1), request(1)])
    assert (came.holds, came.repeated, came.resent) == (True, 0, 1)


def test_a_call_that_was_lost_may_have_been_sent_again_by_its_client_before() -> None:
    results = [hole(1, attempt("lost"), attempt(repeated=True))]
    came = found(results, [request(1)] * 3, in_flight=1)
    assert (came.holds, came.repeated, came.resent) == (True, 1, 1)
    assert found(results, [request(1)] * 4, in_flight=1).unrecorded == 1


def test_what_redis_has_forgotten_is_told_apart() -> None:
    results, twice = [hole(1, attempt())], [request(1, at=9.95), request(1, at=20)]
    came = found(results, twice, forgotten=[(10.0, 11.0)], limits={"a": 1})
    assert (came.holds, came.forgotten, came.repeated, came.overshoot) == (True, 1, 0, 0)
    assert found(results, twice, forgotten=[(11.0, 12.0)], limits={"a": 1}).unaccounted == 2
    assert found([hole(1, attempt(), attempt())], twice, forgotten=[(10.0, 11.0)]).doubled == 1


@pytest.mark.parametrize(
    ("results", "requests", "broken"),
    [
        ([hole(1, status="pending", error=None)], [], "lost"),
        ([hole(1, attempt(), code=None)], [request(1)], "lost"),
        ([hole(1, attempt("failed"), error=None)], [request(1)], "lost"),
        ([hole(1, attempt(), attempt())], [request(1), request(1, "0r1")], "doubled"),
        ([hole(1, attempt(), code="pass  # 2 a")], [request(1)], "doubled"),
        ([hole(1, attempt())], [request(1), request(1, "0r1")], "unrecorded"),
        ([hole(1, attempt())], [request(1), {"endpoint": "a", "key": None, "time": 0.0}], "unrecorded"),
        ([hole(1, attempt())], [], "unrequested"),
        ([hole(1, attempt("failed"))], [], "unrequested"),
        ([hole(1, attempt("failed"), attempt())], [request(1), request(1)], "unmarked"),
    ],
)  # fmt: skip
def test_what_is_broken_is_found(results: list[HoleResult], requests: list[dict[str, Any]], broken: str) -> None:
    came = found(results, requests, in_flight=9)
    kinds = ("lost", "doubled", "unrecorded", "unrequested", "unmarked", "miscounted")
    assert {name: getattr(came, name) for name in kinds if getattr(came, name)} == {broken: 1}
    assert not came.holds
    assert came.complaints


def test_a_failure_before_which_nothing_was_sent_needs_no_request() -> None:
    assert found([hole(1, attempt("failed", kind="connection"), attempt())], [request(1)]).holds


def test_a_hole_that_is_missing_is_lost_and_counts_that_are_wrong_are_told() -> None:
    assert found([hole(1, attempt())], [request(1)], holes=[1, 2]).lost == 1
    right = facts([hole(1, attempt())], [request(1)])
    wrong = {"status": right.status.model_copy(update={"attempts": 3})}
    came = found([hole(1, attempt())], [request(1)], **wrong)
    assert (came.miscounted, came.complaints) == (2, ["attempts: the run says 3, its records 1"])


def test_more_requests_than_allowed_within_any_minute_are_an_overshoot() -> None:
    times = [0.0, 30.0, 59.9, 60.0]
    results = [hole(number, attempt()) for number in range(4)]
    requests = [request(number, at=at) for number, at in enumerate(times)]
    assert found(results, requests, limits={"a": 3}).overshoot == 0
    came = found(results, requests, limits={"a": 2})
    assert (came.overshoot, came.holds) == (1, False)


def test_money_that_endpoints_charge_and_nobody_wrote_down_is_found() -> None:
    results, requests = [hole(1, attempt())], [request(1)]
    assert found(results, requests, prices={"a": (1e-6, 2e-6)}).holds
    came = found(results, requests, prices={"a": (2e-6, 2e-6)})
    assert (came.holds, round(came.unseen_usd * 1e9), came.unaccounted) == (False, 1, 0)


def test_money_above_the_budget_is_an_overspend() -> None:
    results, requests = [hole(1, attempt())], [request(1)]
    assert found(results, requests, budget_usd=5e-9).holds
    assert not found(results, requests, budget_usd=4e-9).holds


def test_a_schedule_is_the_same_for_the_same_seed_and_leaves_no_kind_of_process_out() -> None:
    def first(seed: int) -> list[Any]:
        victims = schedule.victims(seed)
        return [next(victims) for _ in range(20)]

    assert first(1) == first(1) != first(2)
    assert {victim for victim, _ in first(3)[:4]} == {"worker", "child", "supervisor", "client"}
    assert [one.what for one in schedule.planned(1, schedule.WHOLE)].count("redis") == 2


def test_a_recovery_is_told_apart_from_one_that_an_outage_held_up() -> None:
    kill = Fault("kill worker", at=10.0, on_s=15.0)
    assert not met_outage(kill, [kill, Fault("kill redis", at=30.0, lasted_s=2.0, away=True)])
    assert met_outage(kill, [kill, Fault("kill redis", at=20.0, lasted_s=2.0, away=True)])
    assert not met_outage(kill, [kill, Fault("cut worker", at=20.0, lasted_s=2.0)])


def test_a_proxy_drops_and_resets() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, Proxies() as proxies:
        threading.Thread(target=echo, args=(server,), daemon=True).start()
        proxy = proxies.add(server.getsockname()[1])
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=0.3) as held:
            assert said(held, b"one") == b"one"
            proxy.cut("drop")
            with pytest.raises(TimeoutError):
                said(held, b"two")
            proxy.restore()
            held.settimeout(20)
            assert held.recv(10) == b"two", "what was sent meanwhile arrives, as TCP does it"
            proxy.cut("reset")
            assert gone(held)
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=20) as refused:
            assert gone(refused)
        proxy.restore()
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=20) as again:
            assert said(again, b"three") == b"three"


def echo(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def answer(connection: socket.socket) -> None:
    with connection:
        while text := connection.recv(100):
            connection.sendall(text)


def said(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text)
    return connection.recv(100)


def gone(connection: socket.socket) -> bool:
    try:
        return connection.recv(10) == b""
    except ConnectionError:
        return True


@pytest.mark.timeout(400)  # it starts a dozen processes, and some machines are busy
@pytest.mark.integration
def test_a_short_run_keeps_every_guarantee(capsys: pytest.CaptureFixture[str]) -> None:
    code = command.main(["--short", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert report["holds"] is True, report["audit"]["complaints"]
    assert code == 0
    # The run with a small budget adds what that was enough for.
    assert SHORT.holes <= report["audit"]["filled"] < report["audit"]["holes"]
    played = {one["what"] for one in report["faults"]}
    assert {"kill worker", "kill redis", "flush broker", "stop worker", "cut all", "kill producer"} <= played
