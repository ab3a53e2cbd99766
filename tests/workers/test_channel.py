"""Entries of a queue: what passes the look at it can be handled as a message."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu import Connection
from kombu.transport.virtual import Message

from workers.channel import what_is_wrong

GOOD: dict[str, Any] = {
    "body": "W10=",
    "content-type": "application/json",
    "content-encoding": "utf-8",
    "headers": {"task": "maze.fill", "id": "1"},
    "properties": {
        "body_encoding": "base64",
        "delivery_info": {"exchange": "", "routing_key": "fill.a"},
        "delivery_tag": "t",
    },
}
PLACES = (
    ("body",), ("content-type",), ("content-encoding",), ("headers",), ("properties",), ("properties", "body_encoding"),
    ("properties", "delivery_info"), ("properties", "delivery_info", "exchange"), ("properties", "delivery_tag"),
)  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("base64") | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def changed(place: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A good message with something else in one place."""
    entry = copy.deepcopy(GOOD)
    at = entry
    for name in place[:-1]:
        at = at[name]
    at[place[-1]] = value
    return entry


def test_a_good_message_is_let_through() -> None:
    assert what_is_wrong(GOOD) is None
    assert what_is_wrong(changed(("properties", "delivery_info", "exchange"), "celery.pidbox")) is None


@pytest.mark.parametrize("value", [None, [], "x", 7])
@pytest.mark.parametrize("place", [("properties",), ("properties", "delivery_info")])
def test_what_has_no_address_is_not(place: tuple[str, ...], value: Any) -> None:
    assert what_is_wrong(changed(place, value)) is not None


@given(ANYTHING)
def test_what_is_no_map_is_not(value: Any) -> None:
    assert what_is_wrong(value) is not None


@given(st.sampled_from(PLACES), ANYTHING)
def test_what_is_let_through_becomes_a_message_that_can_be_noted(place: tuple[str, ...], value: Any) -> None:
    entry = changed(place, value)
    with Connection("memory://") as connection, connection.channel() as channel:
        try:
            message = Message(entry, channel=channel)
        except ValueError:
            assert place == ("body",), "a text that is no base64 is found out when it is decoded"
            return
        except Exception:  # noqa: BLE001 - whatever kombu raises of it
            assert what_is_wrong(entry) is not None
            return
    if what_is_wrong(entry) is None:
        assert message.delivery_tag.encode()
        assert json.dumps([entry, message.delivery_info["exchange"], message.delivery_info["routing_key"]])
