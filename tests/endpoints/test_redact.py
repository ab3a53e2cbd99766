"""Secrets never leave in a text, in whatever encoding they come back."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.endpoints.redact import MARK, MAX_EXAMINED_CHARS, MAX_MESSAGE_CHARS, PLAIN, Redactor

SECRET = 'sk-a/b+c=d&e"f\\g-0123456789'


@pytest.mark.parametrize(
    "encode",
    [
        str,
        str.upper,
        quote,
        lambda secret: quote(secret, safe=""),
        lambda secret: quote(secret, safe="").lower(),
        quote_plus,
        lambda secret: json.dumps(secret)[1:-1],
        lambda secret: json.dumps(secret)[1:-1].replace("/", "\\/"),
        html.escape,
        lambda secret: repr(secret)[1:-1],
        lambda secret: secret.encode().hex(),
        lambda secret: base64.b64encode(secret.encode()).decode(),
        lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
    ],
)
def test_a_secret_is_replaced_in_every_common_encoding(encode: Callable[[str], str]) -> None:
    written = encode(SECRET)
    assert Redactor([SECRET])(f"<<{written}>>") == f"<<{MARK}>>"


@given(st.binary(max_size=7), st.binary(max_size=7))
def test_a_secret_is_found_inside_the_base64_of_a_longer_text(before: bytes, after: bytes) -> None:
    encoded = base64.b64encode(before + SECRET.encode() + after).decode()
    shown = Redactor([SECRET])(encoded)
    assert shown.count(MARK) == 1
    # What is left encodes what stood around it and at most two bytes at each end, which share a group with that.
    assert len(shown) - len(MARK) <= len(base64.b64encode(before + after)) + 8


@given(st.text(), st.text(), st.text(st.characters(codec="utf-8"), min_size=4, max_size=40))
def test_the_value_itself_never_survives(before: str, after: str, secret: str) -> None:
    assert secret not in Redactor([secret])(before + secret + after).replace(MARK, "")


@given(st.text(max_size=2000))
def test_a_message_is_one_printable_line_of_bounded_length(text: str) -> None:
    shown = PLAIN(text)
    assert len(shown) <= MAX_MESSAGE_CHARS
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")
    assert "\x1b" not in shown


def test_a_secret_cut_by_the_limit_of_what_is_examined_leaves_no_beginning() -> None:
    for missing in range(1, len(SECRET)):
        text = SECRET * (MAX_EXAMINED_CHARS // len(SECRET))
        text = "x" * (MAX_EXAMINED_CHARS - len(text) - missing + len(SECRET)) + text + SECRET
        assert SECRET[:6] not in Redactor([SECRET])(text, limit=MAX_EXAMINED_CHARS)


def test_words_too_short_to_be_secrets_stay() -> None:
    assert Redactor(["", "a", "abc"])("abc a") == "abc a"


def test_only_a_long_secret_counts_as_betrayed_in_generated_code() -> None:
    redactor = Redactor([SECRET, "EMPTY"])
    assert redactor.betrays(f"key = '{SECRET}'")
    assert not redactor.betrays("return EMPTY")


def test_a_redactor_does_not_show_what_it_keeps() -> None:
    assert SECRET not in repr(Redactor([SECRET]))
