"""Messages: what goes onto queues, and what is believed of what comes off them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.messages import FillMessage, messages_for, read_message
from maze_tasks.models.runs import Cursor, Plan
from maze_tasks.names import decode_id, encode_id, idempotency_key, parse_idempotency_key, queue_name

GOOD = {
    "model": "a", "holes": [1, "x"], "run": "r", "round": 0, "candidate": 1, "sample": 2, "send_no": 3, "v": 1,
}  # fmt: skip


def test_a_message_of_a_plan_is_a_chain_of_its_remaining_candidates() -> None:
    plan = Plan(("a", "b", "c"))
    (message,) = messages_for("r", plan, [1, 2], Cursor(0, 1), 7)
    assert [model for model, _ in message.links()] == ["b", "c"]
    assert [arguments["candidate"] for _, arguments in message.links()] == [1, 2]
    after = message.following()
    assert after is not None
    assert (after.model, after.cursor.candidate, after.following()) == ("c", 2, None)


def test_several_samples_are_a_group_without_a_chain() -> None:
    group = messages_for("r", Plan(("a", "b"), samples=3), [1], Cursor(), 1)
    assert [(one.cursor.sample, one.rest, one.samples) for one in group] == [(0, (), 3), (1, (), 3), (2, (), 3)]


def test_a_message_comes_back_as_it_was_sent() -> None:
    (message,) = messages_for("run/1", Plan(("a",)), [2**64 - 1, "x"], Cursor(1, 0), 5)
    ((_, arguments),) = message.links()
    assert read_message(json.loads(json.dumps(arguments))) == message


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2}, {"v": None}, {"v": True}, {"run": ""}, {"run": 5}, {"run": "x" * 201}, {"model": None},
        {"holes": []}, {"holes": "x"}, {"holes": [None]}, {"holes": [True]}, {"holes": [-1]}, {"holes": [2**64]},
        {"holes": ["x" * 201]}, {"holes": [1] * 1001}, {"round": -1}, {"candidate": "0"}, {"sample": 0.5},
        {"send_no": None},
    ],
)  # fmt: skip
def test_what_is_no_message_of_ours_is_refused_with_a_reason(change: dict[str, object]) -> None:
    assert isinstance(read_message(GOOD | change), str)


@given(st.dictionaries(st.sampled_from([*GOOD, "other"]), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5
)))  # fmt: skip
def test_whatever_a_broker_holds_is_read_or_refused(arguments: dict[str, object]) -> None:
    assert isinstance(read_message(arguments), str | FillMessage)


@given(st.integers(0, 2**64 - 1) | st.text(min_size=1, max_size=200).filter(lambda text: text.isprintable()))
def test_an_id_comes_back_from_its_key_with_its_type(hole_id: int | str) -> None:
    text = encode_id(hole_id)
    assert "|" not in text
    assert decode_id(text) == hole_id
    assert type(decode_id(text)) is type(hole_id)


def test_idempotency_keys_tell_attempts_apart() -> None:
    key = idempotency_key("run/1", "a/b", 0, 1, 2, retry=3)
    assert key == "run%2F1/a%2Fb/0/1/2r3"
    assert parse_idempotency_key(key) == ("run/1", "a/b", 0, 1, 2)
    assert parse_idempotency_key("something/else") is None
    assert parse_idempotency_key("a/b/c/d/e") is None


def test_queues_are_named_after_models_behind_a_namespace_that_is_not_the_default() -> None:
    assert queue_name("fast-8b") == "fill.fast-8b"
    assert queue_name("meta/llama 3") == "fill.meta%2Fllama%203"
    assert queue_name("a", "team b") == "team%20b.fill.a"
