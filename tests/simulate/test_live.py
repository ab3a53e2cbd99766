"""One simulated endpoint without a network: admission, answers, luck and counts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from maze_tasks.models import ModelEndpoint
from maze_tasks.simulate.answers import HoleAnswers
from maze_tasks.simulate.live import Arrival, LiveEndpoint, Planned
from maze_tasks.simulate.settings import SimulatedEndpoint

CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "fill this"}]}
ANSWERS = {"h1": HoleAnswers(["zero", "one", "two"])}


def live(settings: dict[str, Any] | None = None, answers: dict[str, HoleAnswers] | None = None) -> LiveEndpoint:
    endpoint = ModelEndpoint(name="fast", endpoint_url="http://localhost:8001/v1", model="m")
    return LiveEndpoint(endpoint, SimulatedEndpoint.model_validate(settings or {}), answers or {}, None)


def arrival(key: str | None = None, now: float = 0.0, body: Any = None) -> Arrival:
    body = CHAT if body is None else body
    return Arrival("chat/completions", body, json.dumps(body).encode(), key, None, now, 1_700_000_000.0)


def texts(planned: Planned) -> list[str]:
    return [choice["message"]["content"] for choice in json.loads(planned.delivery.body)["choices"]]


def outcomes(endpoint: LiveEndpoint, keys: list[str | None]) -> list[str]:
    found = []
    for key in keys:
        planned = endpoint.plan(arrival(key))
        endpoint.finished(planned)
        found.append(planned.outcome)
    return found


def test_the_sample_of_the_key_picks_the_answer() -> None:
    endpoint = live(answers=ANSWERS)
    assert texts(endpoint.plan(arrival("run/h1/0/0/1"))) == ["one"]
    assert texts(endpoint.plan(arrival("run/h1/0/0/1r2"))) == ["one"]


def test_a_later_round_may_get_the_next_answer() -> None:
    assert texts(live(answers=ANSWERS).plan(arrival("run/h1/2/0/0"))) == ["zero"]
    endpoint = live({"next_round": "next_answer"}, ANSWERS)
    assert texts(endpoint.plan(arrival("run/h1/2/0/0"))) == ["two"]


def test_n_choices_are_n_samples_where_n_is_supported() -> None:
    body = CHAT | {"n": 2}
    assert texts(live(answers=ANSWERS).plan(arrival("run/h1/0/0/1", body=body))) == ["one", "two"]
    assert texts(live({"supports_n": False}, ANSWERS).plan(arrival("run/h1/0/0/1", body=body))) == ["one"]


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ({}, "pass  # simulated"),
        ({"missing": "echo"}, "fill this"),
        ({"missing_text": "f({hole}-{sample})"}, "f(h2-4)"),
    ],
)
def test_a_hole_without_an_answer_gets_what_the_settings_say(missing: dict[str, Any], expected: str) -> None:
    assert texts(live(missing, ANSWERS).plan(arrival("run/h2/0/0/4"))) == [expected]


def test_a_hole_without_an_answer_may_be_a_404() -> None:
    endpoint = live({"missing": 404}, ANSWERS)
    planned = endpoint.plan(arrival("run/h2/0/0/0"))
    assert (planned.outcome, planned.delivery.status) == ("no_answer", 404)
    assert texts(endpoint.plan(arrival("run/h1/0/0/0"))) == ["zero"]


@pytest.mark.parametrize("key", [None, "opaque", "a/b/c/d/e"])
def test_a_request_without_a_key_of_ours_gets_the_snippet(key: str | None) -> None:
    assert texts(live({"missing": "404"}, ANSWERS).plan(arrival(key))) == ["pass  # simulated"]


def test_a_run_meets_the_same_faults_in_any_order_and_under_any_name() -> None:
    settings = {"seed": 3, "errors": [{"kind": 500, "rate": 0.3}, {"kind": 429, "rate": 0.2}]}
    places = [f"{hole}/0/0/0" for hole in range(200)]
    first = dict(zip(places, outcomes(live(settings), [f"a/{place}" for place in places]), strict=True))
    again = outcomes(live(settings), [f"b/{place}" for place in reversed(places)])
    assert first == dict(zip(reversed(places), again, strict=True))
    assert set(first.values()) == {"answered", "500", "429"}
    other = outcomes(live(settings | {"seed": 4}), [f"a/{place}" for place in places])
    assert list(first.values()) != other


@pytest.mark.parametrize("key", ["run/h/0/0/0", None], ids=["key", "no key"])
def test_a_repeat_has_luck_of_its_own_that_is_the_same_each_time(key: str | None) -> None:
    settings = {"errors": [{"kind": 500, "rate": 0.5}]}
    first = outcomes(live(settings), [key] * 30)
    assert set(first) == {"answered", "500"}
    assert first == outcomes(live(settings), [key] * 30)


def test_latencies_are_drawn_and_grow_with_the_tokens() -> None:
    latency = {"kind": "uniform", "low_ms": 10, "high_ms": 20, "per_token_ms": 100}
    endpoint = live({"latency": latency}, ANSWERS)
    delays = [endpoint.plan(arrival(f"run/h1/0/0/{sample}")).delay_s for sample in range(5)]
    assert len(set(delays)) == 5
    assert all(0.11 <= delay <= 0.12 for delay in delays)


def test_requests_above_the_limit_are_told_when_there_is_room() -> None:
    endpoint = live({"requests_per_minute": 2, "retry_after_form": "ms"})
    found = [endpoint.plan(arrival(None, now)) for now in (0.0, 10.0, 15.0, 60.0)]
    assert [planned.outcome for planned in found] == ["answered", "answered", "requests_per_minute", "answered"]
    assert found[2].delivery.status == 429
    assert found[2].delivery.headers == {"retry-after-ms": "45000"}
    assert found[2].delay_s == 0


def test_a_shorter_window_scales_its_limit() -> None:
    endpoint = live({"requests_per_minute": 120, "window_s": 1})
    assert outcomes(endpoint, [None] * 3) == ["answered", "answered", "requests_per_minute"]


def test_tokens_of_prompt_and_answer_count_against_their_limit() -> None:
    endpoint = live({"tokens_per_minute": 16})
    assert outcomes(endpoint, [None] * 3) == ["answered", "answered", "tokens_per_minute"]


@pytest.mark.parametrize("status", [429, 503])
def test_more_requests_at_a_time_than_allowed_are_refused(status: int) -> None:
    endpoint = live({"max_concurrency": 1, "over_concurrency": status, "over_concurrency_retry_after_s": 3})
    first, second = endpoint.plan(arrival()), endpoint.plan(arrival())
    assert (second.outcome, second.delivery.status) == ("max_concurrency", status)
    assert second.delivery.headers == {"Retry-After": "3"}
    endpoint.finished(second)
    endpoint.finished(first)
    assert endpoint.plan(arrival()).outcome == "answered"


def test_refused_requests_are_not_counted_by_faults() -> None:
    endpoint = live({"requests_per_minute": 2, "errors": [{"kind": 500, "every": 3}]})
    found = [endpoint.plan(arrival(None, now)).outcome for now in (0.0, 0.0, 1.0, 70.0)]
    assert found == ["answered", "answered", "requests_per_minute", "500"]


def test_a_request_that_no_server_takes_is_a_400() -> None:
    planned = live().plan(arrival(body={"messages": []}))
    assert (planned.outcome, planned.delivery.status) == ("bad_request", 400)


def test_the_counts_add_up() -> None:
    endpoint = live({"errors": [{"kind": 500, "every": 2}]})
    outcomes(endpoint, ["r/1/0/0/0", "r/2/0/0/0", "r/2/0/0/0", None])
    endpoint.plan(arrival("r/3/0/0/0"))
    endpoint.plan(arrival("r/4/0/0/0"))
    endpoint.abandoned("disconnected")
    counts = endpoint.stats.snapshot()
    assert counts == {
        "requests": 6,
        "answered": 2,
        "errors": {"500": 2, "disconnected": 1},
        "in_flight": 1,
        "max_in_flight": 2,
        "peak_per_minute": 6,
        "distinct_keys": 4,
        "repeated_keys": 1,
        "without_key": 1,
        "tokens": {"prompt": 6, "generated": 10},
    }
