"""Fills in a file's bytes: what changes, what does not, and what is refused."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.models.places import Place
from maze_tasks.source.patcher import PatchRefused, patch, unpatch

ENCODINGS = ("utf-8", "latin-1", "cp1252", "utf-16", "utf-16-be", "utf-32", "utf-8-sig", "shift_jis", "iso2022_jp")


def place(data: bytes, start: int, end: int, **more: Any) -> Place:
    fields = {"path": "a.py", "sha256": hashlib.sha256(data).hexdigest(), "line": 1, "column": 1, **more}
    return Place(start=start, end=end, **fields)


def refusal(data: bytes, *fills: tuple[Place, str]) -> PatchRefused:
    with pytest.raises(PatchRefused) as caught:
        patch(data, fills)
    return caught.value


@st.composite
def files_with_fills(draw: st.DrawFn) -> tuple[bytes, list[tuple[Place, str]]]:
    """Any bytes, places in them that do not overlap, and code for each."""
    data = draw(st.binary(max_size=80))
    cuts = sorted(draw(st.sets(st.integers(0, len(data)), max_size=8)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    return data, [(place(data, start, end), draw(st.text(max_size=12))) for start, end in pairs]


@given(files_with_fills(), st.randoms())
def test_the_file_is_what_slicing_it_from_the_end_would_give(
    given_: tuple[bytes, list[tuple[Place, str]]], order: Any
) -> None:
    data, fills = given_
    expected = data
    for spot, code in reversed(fills):
        ends = data[spot.start : spot.end].endswith(b"\n") and code and not code.endswith(("\n", "\r"))
        filled = code + "\n" if ends else code
        expected = expected[: spot.start] + filled.encode() + expected[spot.end :]
    order.shuffle(fills)
    patched = patch(data, fills)
    assert patched.data == expected
    assert unpatch(patched.data, patched.pieces) == data


@given(
    st.sampled_from(ENCODINGS), st.text("aé\n", max_size=9), st.text("aé\n", max_size=9), st.text("aé\n\t", max_size=9)
)
def test_a_fill_is_written_in_the_encoding_of_the_file(encoding: str, before: str, after: str, code: str) -> None:
    if encoding in ("shift_jis", "iso2022_jp"):
        before, after, code = (text.replace("é", "漢") for text in (before, after, code))
    data = (before + "HOLE" + after).encode(encoding)
    start = len(before.encode(encoding))
    end = start + len("HOLE".encode(encoding)) - len("".encode(encoding))
    patched = patch(data, [(place(data, start, end, encoding=encoding), code)])
    assert patched.data.decode(encoding) == before + code + after


def test_the_byte_order_of_the_file_is_that_of_the_fill() -> None:
    data = b"\xfe\xff\0a\0b"
    assert patch(data, [(place(data, 2, 4, encoding="utf-16"), "é")]).data == b"\xfe\xff\0\xe9\0b"


@given(st.text("a\r\n", max_size=12))
def test_bare_line_ends_follow_a_file_of_crlf_and_no_other(code: str) -> None:
    data = b"x\r\ny"
    follows = patch(data, [(place(data, 0, 1, newline="\r\n"), code)]).data.removesuffix(b"\r\ny")
    assert follows.decode() == re.sub("(?<!\r)\n", "\r\n", code)
    assert patch(data, [(place(data, 0, 1), code)]).data == code.encode() + b"\r\ny"


def test_places_may_touch_and_be_empty() -> None:
    data = b"abc"
    fills = [(place(data, 1, 2), "X"), (place(data, 1, 1), "<"), (place(data, 2, 2), ">"), (place(data, 3, 3), "!")]
    patched = patch(data, fills)
    assert patched.data == b"a<X>c!"
    assert unpatch(patched.data, patched.pieces) == data


def test_a_file_without_fills_stays_as_it_is() -> None:
    assert patch(b"abc", []).data == b"abc"


def test_a_file_that_is_not_what_was_scanned_is_refused() -> None:
    found = refusal(b"abd", (place(b"abc", 0, 1), "x"))
    assert (found.kind, found.reason) == ("changed", "is not as it was when it was scanned")


@pytest.mark.parametrize(("start", "end"), [(0, 4), (4, 4), (2, 1), (2**64 - 1, 2**64 - 1)])
def test_a_place_outside_of_the_file_is_refused(start: int, end: int) -> None:
    found = refusal(b"abc", (place(b"abc", start, end, line=7), "x"))
    assert found.kind == "outside"
    assert found.reason == f"line 7: bytes {start} to {end} are not within its 3 bytes"


@pytest.mark.parametrize(
    "spans", [((0, 2), (1, 3)), ((0, 3), (1, 2)), ((1, 2), (1, 2)), ((1, 1), (1, 1)), ((0, 2), (1, 1))]
)
def test_places_that_overlap_are_refused_and_both_named(spans: tuple[tuple[int, int], ...]) -> None:
    fills = [(place(b"abc", *span, line=line), "x") for line, span in enumerate(spans, 4)]
    found = refusal(b"abc", *fills)
    assert found.kind == "overlap"
    assert found.reason == "line 4 and line 5: two holes overlap, at most one of them can be filled"


@pytest.mark.parametrize(
    ("encoding", "code", "said"),
    [
        ("ascii", "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "U+00E9 (LATIN SMALL LETTER E WITH ACUTE), which ascii"),
        ("latin-1", "\N{SNOWMAN}", "U+2603 (SNOWMAN), which latin-1"),
        ("shift_jis", "a\N{YEN SIGN}", "U+00A5 (YEN SIGN), which shift_jis"),  # written, but as a backslash
        ("utf-8", "\ud800", "U+D800 (no name), which utf-8"),
        ("no-such", "a", "nothing can be written as 'no-such'"),
        ("rot13", "a", "nothing can be written as 'rot13'"),
        ("undefined", "a", "nothing can be written as 'undefined'"),
        ("a\0b", "a", "nothing can be written as 'a\\x00b'"),
    ],
)
def test_what_the_encoding_cannot_write_is_refused_by_name(encoding: str, code: str, said: str) -> None:
    found = refusal(b"abc", (place(b"abc", 0, 1, encoding=encoding, line=3), code))
    assert found.kind == "encoding"
    assert found.reason.startswith("line 3: ")
    assert said in found.reason


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_a_place_that_ended_a_line_still_does(newline: str, encoding: str) -> None:
    before, old, after = f"def f():{newline}", f"    ...{newline}", f"{newline}{newline}def g(): ..."
    data = (before + old + after).encode(encoding)
    start = len(before.encode(encoding))
    end = len((before + old).encode(encoding))
    spot = place(data, start, end, encoding=encoding, newline=newline)
    for code in ("    return 1", "    return 1\n"):
        assert patch(data, [(spot, code)]).data.decode(encoding) == f"{before}    return 1{newline}{after}"
    assert patch(data, [(spot, "")]).data.decode(encoding) == before + after
