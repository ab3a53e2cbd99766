"""Replies as their bytes come in, in whatever pieces."""

from __future__ import annotations

import http.client
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.endpoints.incoming import MAX_HEAD_BYTES, MAX_HEADERS, Incoming

OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = OK + b"Content-Length: 3\r\n\r\nabc"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\nTrailer: x\r\n\r\n"
BARE = OK + b"\r\nabc"


def taken(*pieces: bytes) -> Incoming:
    incoming = Incoming()
    for piece in pieces:
        incoming.feed(piece)
    return incoming


@pytest.mark.parametrize("data", [LENGTH, CHUNKED, BARE, b"HTTP/1.1 103 Early\r\nX: y\r\n\r\n" + LENGTH])
@given(cuts=st.lists(st.integers(1, 200), max_size=6))
def test_it_does_not_matter_in_what_pieces_a_reply_comes(data: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    pieces = [data[start:end] for start, end in itertools.pairwise(places)]
    incoming = taken(*pieces)
    if data is BARE:
        assert (incoming.begun, incoming.ended) == (True, False)
        incoming.end(came=True)
    assert (incoming.status, incoming.body, incoming.ended) == (200, b"abc", True)
    assert incoming.keeps is (data is not BARE)
    assert "trailer" not in incoming.headers
    assert "x" not in incoming.headers


@pytest.mark.parametrize(
    ("data", "keeps"),
    [
        (LENGTH, True),
        (b"HTTP/1.1 204 None\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (OK + b"Content-Length: 0\r\nConnection: close\r\n\r\n", False),
        (LENGTH + b"HTTP/1.1 500 Stray\r\n\r\n", False),
        (LENGTH + b"stray", False),
        (OK + b"Content-Length: 3\r\nConnection: close\r\n\r\nabcstray", False),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n\0", False),
    ],
)
def test_a_connection_is_kept_only_if_nothing_speaks_against_it(data: bytes, keeps: bool) -> None:
    incoming = taken(data)
    assert (incoming.ended, incoming.keeps) == (True, keeps)


def test_what_servers_get_wrong_without_harm_is_read() -> None:
    data = b"HTTP/1.1 200\nX-One: a\n b\nX-Two: \x01\xff\nX-Two: z\ncontent-LENGTH: 3\n\nabc"
    incoming = taken(data)
    assert (incoming.body, incoming.headers["x-two"]) == (b"abc", "\x01\xff, z")
    assert incoming.headers["content-length"] == "3"


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        OK + b"Content-Length: 2, 3\r\n\r\n",
        OK + b"X: y\r\n" * (MAX_HEADERS + 1) + b"\r\n",
        OK + b"X: " + b"y" * MAX_HEAD_BYTES + b"\r\n\r\n",
        OK + b"X: " + b"y" * MAX_HEAD_BYTES,
    ],
)
def test_what_is_no_reply_is_refused(data: bytes) -> None:
    with pytest.raises(http.client.HTTPException) as caught:
        taken(data)
    assert not isinstance(caught.value, http.client.IncompleteRead)


def test_a_broken_body_is_one_that_is_not_complete() -> None:
    with pytest.raises(http.client.IncompleteRead):
        taken(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", http.client.RemoteDisconnected),
        (OK, http.client.HTTPException),
        (LENGTH[:-1], http.client.IncompleteRead),
        (CHUNKED[:-2], http.client.IncompleteRead),
    ],
)
def test_an_end_that_comes_too_early_is_none(data: bytes, error: type[Exception]) -> None:
    incoming = taken(*[data] * bool(data))
    with pytest.raises(error) as caught:
        incoming.end(came=bool(data))
    assert type(caught.value) is error
