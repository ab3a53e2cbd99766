"""The fill cache in the life of an attempt, against simulated endpoints."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from maze_tasks.caching import request_digest
from maze_tasks.clients import ClientPool
from maze_tasks.endpoints import EndpointClient, build_request
from maze_tasks.models import ModelEndpoint, read_hole
from maze_tasks.models.calls import Call
from maze_tasks.models.runs import Cursor, RunRules
from maze_tasks.producer import Producer, RunOptions
from maze_tasks.sending import send_from
from maze_tasks.store import care, reading
from maze_tasks.store.cache import FillCache

from .conftest import Bench, MakeBench

SECRET = "sk-secret-of-the-endpoint"


def with_cache(bench: Bench) -> Bench:
    bench.filler.cache = FillCache.beside(bench.store)
    return bench


def submit(bench: Bench, run: str, *prompts: str, best_of_n: int | None = None, **rules: Any) -> None:
    """A run of one hole a prompt."""
    batch = [read_hole({"hole_id": number, "prompt": prompt}) for number, prompt in enumerate(prompts)]
    options = RunOptions(best_of_n=best_of_n, rules=RunRules(**{"max_retries": 1, **rules}))
    Producer(bench.store, bench.sent.extend, bench.settings.endpoints, options).submit(
        run, batch, input_digest="in", config_digest="conf"
    )


def fill(bench: Bench, run: str, *prompts: str, **options: Any) -> list[Any]:
    submit(bench, run, *prompts, **options)
    bench.run_all()
    return list(reading.iter_results(bench.store.client, "maze", run))


def wake(bench: Bench, run: str, *, after_ms: int = 0) -> int:
    """Send again what is due, as the sweeper does."""
    _, due = care.overdue(bench.store, run, care.server_ms(bench.store) + after_ms)
    return send_from(bench.store, bench.sent.extend, run, due)


def test_the_same_request_of_another_run_costs_nothing(make_bench: MakeBench) -> None:
    bench = with_cache(make_bench(a={}))
    (first,) = fill(bench, "one", "p")
    (second,) = fill(bench, "two", "p")
    assert bench.counted("a")["requests"] == 1
    assert (second.status, second.code, second.confidence) == ("filled", first.code, first.confidence)
    (attempt,) = second.attempts
    assert (attempt.cached, attempt.cost_nano, attempt.latency_ms, attempt.repeated) == (True, 0, 0.0, False)
    assert not first.attempts[0].cached
    account = reading.read_accounts(bench.store.client, "maze", "two")["a"]
    assert (account.requests, account.successes, account.accepted, account.cached) == (0, 0, 1, 1)
    assert account.saved_nano == first.cost_nano > 0
    found = reading.read_status(bench.store.client, "maze", "two")
    assert found is not None
    assert (found.state, found.attempts, found.cached, found.cost_nano) == ("done", 1, 1, 0)


def test_without_the_cache_every_fill_is_asked_for(make_bench: MakeBench) -> None:
    bench = with_cache(make_bench(a={}))
    fill(bench, "one", "p", "p", cache=False)
    fill(bench, "two", "p", cache=False)
    assert bench.counted("a")["requests"] == 3
    fill(bench, "three", "p")
    assert bench.counted("a")["requests"] == 4, "what was asked without the cache is not kept either"


def test_each_sample_is_a_request_of_its_own(make_bench: MakeBench) -> None:
    bench = with_cache(make_bench(a={}))
    fill(bench, "one", "p", best_of_n=3)
    assert bench.counted("a")["requests"] == 3
    fill(bench, "two", "p", best_of_n=4)
    assert bench.counted("a")["requests"] == 4


def test_a_rejected_reply_is_not_kept(make_bench: MakeBench) -> None:
    bench = with_cache(make_bench(a={"missing_text": "```\n```"}))
    for run in ("one", "two"):
        (result,) = fill(bench, run, "p")
        assert result.status == "failed"
    assert bench.counted("a")["requests"] == 2


def test_a_kept_reply_that_no_longer_passes_is_a_rejected_attempt_and_is_forgotten(make_bench: MakeBench) -> None:
    bench = with_cache(make_bench(a={}, b={}))
    fill(bench, "one", "p")
    (key,) = bench.store.client.keys("*:reply")
    kept = json.loads(str(bench.store.client.get(key)))
    kept["reply"]["text"] = " "
    bench.store.client.set(key, json.dumps(kept))
    (result,) = fill(bench, "two", "p")
    bad, other = result.attempts
    assert (bad.model, bad.cached, bad.outcome, bad.cost_nano) == ("a", True, "rejected", 0)
    assert (other.model, other.outcome) == ("b", "accepted")
    account = reading.read_accounts(bench.store.client, "maze", "two")["a"]
    assert (account.requests, account.cached, account.accepted) == (0, 1, 0)
    (again,) = fill(bench, "three", "p")
    assert (again.model, again.attempts[0].cached, bench.counted("a")["requests"]) == ("a", False, 2)


def test_what_cannot_be_read_is_asked_for_again(make_bench: MakeBench) -> None:
    bench = with_cache(make_bench(a={}))
    fill(bench, "one", "p")
    (key,) = bench.store.client.keys("*:reply")
    bench.store.client.set(key, '{"reply": 5}')
    (result,) = fill(bench, "two", "p")
    assert (result.status, result.attempts[0].cached) == ("filled", False)
    assert bench.counted("a")["requests"] == 2
    fill(bench, "three", "p")
    assert bench.counted("a")["requests"] == 2


def test_holes_with_one_request_in_flight_pay_once(make_bench: MakeBench) -> None:
    bench = with_cache(make_bench(a={}))
    submit(bench, "run", "p", "p", "p")
    first, *others = bench.sent
    bench.sent.clear()

    looked: list[str] = []

    def client(name: str) -> EndpointClient:
        # It is looked for when the message comes, and again for the call: now the others come. They go without a call
        # of their own, and nobody sends them again meanwhile.
        looked.append(name)
        if len(looked) == 2:
            assert [bench.run_link(others.pop()), bench.run_link(others.pop())] == [None, None]
            assert wake(bench, "run") == 0
        return inner(name)

    inner = bench.filler.client
    assert bench.filler.known.info("run") is not None
    replace(bench.filler, client=client).fill(first, first.holes[0])
    assert bench.counted("a")["requests"] == 1
    assert wake(bench, "run") == 2, "the others are due as soon as the first is decided"
    bench.run_all()
    results = list(reading.iter_results(bench.store.client, "maze", "run"))
    assert [one.status for one in results] == ["filled"] * 3
    assert [[attempt.cached for attempt in one.attempts] for one in results] == [[False], [True], [True]]
    assert bench.counted("a")["requests"] == 1


def digest_of_the_only_request(bench: Bench) -> str:
    (key,) = bench.store.client.keys("*:reply")
    bench.store.client.delete(key)
    return str(key).split("{c:")[1].split("}")[0]


def test_a_claim_whose_holder_died_holds_the_others_up_until_it_ends(make_bench: MakeBench) -> None:
    bench = with_cache(make_bench(a={}))
    fill(bench, "one", "p")
    digest = digest_of_the_only_request(bench)
    assert FillCache.beside(bench.store).ask(digest, "a worker that dies").verdict == "claimed"
    (result,) = fill(bench, "two", "p")
    assert (result.status, result.attempts) == ("pending", ())
    bench.store.client.delete(*bench.store.client.keys("*:claim"))  # it ran out
    lease_ms = bench.store.lease_ms
    assert wake(bench, "two", after_ms=lease_ms + 1000) == 1
    bench.run_all()
    (result,) = reading.iter_results(bench.store.client, "maze", "two")
    assert (result.status, result.attempts[0].cached, bench.counted("a")["requests"]) == ("filled", False, 2)


def test_a_run_goes_on_where_the_cache_refuses(make_bench: MakeBench) -> None:
    bench = with_cache(make_bench(a={}))
    fill(bench, "one", "p")
    (key,) = bench.store.client.keys("*:reply")
    bench.store.client.delete(key)
    bench.store.client.rpush(key, "no text")  # every question fails
    (result,) = fill(bench, "two", "p")
    assert (result.status, bench.counted("a")["requests"]) == ("filled", 2)


def test_a_fill_is_committed_where_the_cache_cannot_take_it(make_bench: MakeBench) -> None:
    bench = with_cache(make_bench(a={}))
    fill(bench, "one", "p")
    digest = digest_of_the_only_request(bench)
    bench.store.client.set(f"maze:{{c:{digest}}}:waiting", "no list")
    (result,) = fill(bench, "two", "p")
    assert (result.status, bench.counted("a")["requests"]) == ("filled", 2)


def test_no_key_of_an_endpoint_is_kept(make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", SECRET)
    bench = with_cache(make_bench(a={}))
    keyed = bench.settings.endpoints[0].model_copy(update={"api_key_env": "THE_KEY"})
    bench.settings = bench.settings.model_copy(update={"endpoints": (keyed,)})
    bench.filler = replace(bench.filler, endpoints={"a": keyed}, client=ClientPool(bench.settings, pool_size=1).get)
    fill(bench, "one", "p")
    client = bench.store.client
    (reply,) = client.keys("*:reply")
    assert SECRET not in str(client.get(reply))
    assert not any(SECRET in str(key) for key in client.keys("*"))


CALL = Call("prompt", "key", 100, 0.7)
ENDPOINT = ModelEndpoint(name="a", endpoint_url="http://127.0.0.1:1/v1")


def digest(endpoint: ModelEndpoint, call: Call, cursor: Cursor) -> str:
    return request_digest(endpoint, build_request(endpoint, call), cursor)


@pytest.mark.parametrize(
    ("endpoint", "call", "cursor"),
    [
        (ENDPOINT, CALL, Cursor(1, 0, 0)),
        (ENDPOINT, CALL, Cursor(0, 0, 1)),
        (ENDPOINT, replace(CALL, prompt="another"), Cursor()),
        (ENDPOINT, replace(CALL, temperature=0.1), Cursor()),
        (ENDPOINT.model_copy(update={"model": "another"}), CALL, Cursor()),
        (ENDPOINT.model_copy(update={"endpoint_url": "http://127.0.0.1:2/v1"}), CALL, Cursor()),
        (ENDPOINT.model_copy(update={"protocol": "ananke"}), CALL, Cursor()),
    ],
)
def test_what_is_asked_otherwise_is_another_request(endpoint: ModelEndpoint, call: Call, cursor: Cursor) -> None:
    assert digest(endpoint, call, cursor) != digest(ENDPOINT, CALL, Cursor())


def test_the_attempts_key_and_the_candidates_place_are_no_part_of_a_request() -> None:
    known = digest(ENDPOINT, CALL, Cursor())
    assert digest(ENDPOINT, replace(CALL, key="another/run"), Cursor(0, 2, 0)) == known
