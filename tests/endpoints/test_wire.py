"""JSON and bodies at the edge: strict, bounded, deterministic."""

from __future__ import annotations

import contextlib
import gzip
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.endpoints.wire import (
    MAX_MEMBERS,
    HttpReply,
    count_of,
    decode_body,
    dump_json,
    encodable,
    join_url,
    number_of,
    parse_json,
    post,
)
from maze_tasks.errors import EndpointError, FinalError, PassingError


def zipped(data: bytes) -> bytes:
    """Compressed without the time: the bytes are part of test names, which workers must agree on."""
    return gzip.compress(data, mtime=0)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("base", "joined"),
    [
        ("http://h/v1", "http://h/v1/chat/completions"),
        ("http://h/v1/", "http://h/v1/chat/completions"),
        ("http://h", "http://h/chat/completions"),
        ("https://h:8443/a/b", "https://h:8443/a/b/chat/completions"),
        ("http://[::1]:80/v1", "http://[::1]:80/v1/chat/completions"),
    ],
)
def test_the_endpoint_s_own_path_is_kept(base: str, joined: str) -> None:
    assert join_url(base, "chat/completions") == joined


@given(JSON)
def test_json_is_written_the_same_each_time_and_read_back(value: object) -> None:
    assert dump_json(value) == dump_json(json.loads(json.dumps(value)))
    assert parse_json(dump_json(value)) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}, "\ud800", {"a": b"x"}])
def test_what_json_cannot_say_is_refused_before_it_is_sent(value: object) -> None:
    with pytest.raises(FinalError) as caught:
        dump_json(value)
    assert (caught.value.kind, caught.value.sent) == ("bad_request", False)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  ",
        b"{",
        b"\xff\xfe{}",
        b'{"a": NaN}',
        b"[Infinity]",
        b"[-Infinity]",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"1" * 5000,
        b"<html>",
        "{}".encode("utf-16"),
        b'{"a": "\xed\xa0\x80"}',
    ],
)
def test_what_is_not_strict_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(PassingError) as caught:
        parse_json(body)
    assert caught.value.kind == "unreadable"


def test_a_byte_order_mark_does_no_harm() -> None:
    assert parse_json(b"\xef\xbb\xbf{}") == {}


@pytest.mark.parametrize(
    ("coding", "encoded"),
    [
        ("", b"hello"),
        ("identity", b"hello"),
        ("gzip", zipped(b"hello")),
        ("GZIP", zipped(b"hel") + zipped(b"lo")),
        ("x-gzip", zipped(b"hello") + b"\0\0\0"),
        ("deflate", zlib.compress(b"hello")),
        ("deflate", zlib.compress(b"hello")[2:-4]),
        ("gzip, gzip", zipped(zipped(b"hello"))),
        ("gzip", b""),
    ],
)
def test_a_content_encoding_is_undone(coding: str, encoded: bytes) -> None:
    assert decode_body(encoded, coding) == (b"hello" if encoded else b"")


def test_a_bomb_stops_at_the_limit() -> None:
    bomb = zipped(b"\0" * 5_000_000)
    for coding, body in (("gzip", bomb), ("gzip,gzip", zipped(bomb))):
        with pytest.raises(FinalError) as caught:
            decode_body(body, coding, limit=100_000)
        assert caught.value.kind == "too_large"
    assert len(decode_body(zipped(b"x" * 1000), "gzip", limit=1000)) == 1000


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("br", b"hello"),
        ("gzip", b"hello"),
        ("gzip", zipped(b"hello")[:-4]),
        ("gzip", zipped(b"") * (MAX_MEMBERS + 1)),
        ("gzip,gzip,gzip", b"hello"),
    ],
)
def test_a_body_that_cannot_be_undone_is_unreadable(coding: str, body: bytes) -> None:
    with pytest.raises(PassingError) as caught:
        decode_body(body, coding)
    assert caught.value.kind == "unreadable"


@given(st.binary(), st.sampled_from(["gzip", "deflate", "gzip, deflate", "zstd", ",,", "identity"]))
def test_any_bytes_in_any_coding_give_bytes_or_an_endpoint_error(body: bytes, coding: str) -> None:
    with contextlib.suppress(EndpointError):
        assert len(decode_body(body, coding, limit=1000)) <= 1000


def test_counts_and_numbers_are_taken_only_where_they_make_sense() -> None:
    assert [count_of(value) for value in (3, 3.0, 0)] == [3, 3, 0]
    assert [count_of(value) for value in (-1, 2.5, True, "3", None, 10**400, 10**12, [3])] == [None] * 8
    assert number_of(10**400) is None
    assert number_of(1e400) is None


def test_text_that_cannot_be_written_is_noticed() -> None:
    assert encodable("ok \U0001f600")
    assert not encodable("\ud83d")


def test_an_idempotency_key_cannot_leave_its_header() -> None:
    assert post("http://h", {}, "run/5/0/0/0r1").headers["Idempotency-Key"] == "run/5/0/0/0r1"
    assert post("http://h", {}, "a\r\nX: b").headers["Idempotency-Key"] == "a%0D%0AX:%20b"


def test_success_is_what_starts_with_a_two() -> None:
    assert [HttpReply(status, {}, b"").ok for status in (199, 200, 299, 300)] == [False, True, True, False]
