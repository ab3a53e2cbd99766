"""What each fault makes of a good reply."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from maze_tasks.simulate.faults import Delivery, Protocol, deformed, refusal
from maze_tasks.simulate.replies import Asked, ananke_reply, answer_of, dump, openai_reply
from maze_tasks.simulate.settings import Fault, FaultName, SimulatedEndpoint

SETTINGS = SimulatedEndpoint()
ASKED = Asked("p", "p")
ANSWER = answer_of("good text", ASKED, SETTINGS)
GOOD: dict[Protocol, dict[str, Any]] = {
    "openai": openai_reply("chat/completions", "m", [ANSWER, ANSWER], ASKED, SETTINGS, 0),
    "ananke": ananke_reply("m", ANSWER, ASKED, SETTINGS, 1.0, "k"),
}


def delivered(kind: int | str, protocol: Protocol = "openai", **more: Any) -> Delivery:
    fault = Fault.model_validate({"kind": kind, "first": 1, **more})
    return deformed(fault, GOOD[protocol], protocol=protocol, model="m", latency_ms=1.0, now=0.0)


@pytest.mark.parametrize("protocol", get_args(Protocol))
@pytest.mark.parametrize("kind", get_args(FaultName))
def test_every_fault_differs_from_the_good_reply(kind: str, protocol: Protocol) -> None:
    assert delivered(kind, protocol) != Delivery(body=dump(GOOD[protocol]))


def test_a_status_comes_with_its_pause_and_the_protocols_body() -> None:
    throttled = delivered(429, retry_after_s=2, retry_after_form="seconds")
    assert (throttled.status, throttled.headers) == (429, {"Retry-After": "2"})
    assert "error" in json.loads(throttled.body)
    assert "detail" in json.loads(delivered(503, "ananke").body)
    assert delivered(500, body="text").content_type == "text/plain"
    assert delivered(429).headers == {}
    assert "detail" in json.loads(refusal("ananke", 404, "none").body)


@pytest.mark.parametrize("kind", ["garbage", "truncated"])
def test_what_calls_itself_json_cannot_be_read(kind: str) -> None:
    reply = delivered(kind)
    assert (reply.status, reply.content_type) == (200, "application/json")
    with pytest.raises(ValueError):
        json.loads(reply.body)


def test_a_wrong_content_type_stands_over_a_good_body() -> None:
    assert delivered("wrong_content_type") == Delivery(body=dump(GOOD["openai"]), content_type="text/html")
    assert b"<html" in delivered("html").body


def test_an_empty_text_keeps_its_token_counts() -> None:
    openai, ananke = json.loads(delivered("empty").body), json.loads(delivered("empty", "ananke").body)
    assert [choice["message"]["content"] for choice in openai["choices"]] == ["", ""]
    assert openai["usage"] == GOOD["openai"]["usage"]
    assert (ananke["generated_text"], ananke["tokens_generated"]) == ("", 3)
    good = openai_reply("completions", "m", [ANSWER], ASKED, SETTINGS, 0)
    fault = Fault(kind="empty", first=1)
    reply = deformed(fault, good, protocol="openai", model="m", latency_ms=1.0, now=0.0)
    assert json.loads(reply.body)["choices"][0]["text"] == ""


def test_no_choices_means_no_choices() -> None:
    assert json.loads(delivered("no_choices").body)["choices"] == []
    assert json.loads(delivered("no_choices", "ananke").body) == {}


def test_a_disguised_error_is_sent_with_200() -> None:
    ananke = delivered("disguised", "ananke", finish_reason="constraint_validation_error")
    assert ananke.status == 200
    assert json.loads(ananke.body)["finish_reason"] == "constraint_validation_error"
    assert "error" in json.loads(delivered("disguised").body)


def test_a_client_sees_no_status_where_no_reply_is_sent() -> None:
    assert delivered("hang").status_sent is None
    assert delivered("closed").status_sent is None
    assert delivered("reset").status_sent is None
    assert delivered("trickle", interval_ms=20).pause_s == 0.02
    assert delivered("trickle").status_sent == 200
