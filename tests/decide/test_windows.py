"""Cutting texts to a number of bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.decide.windows import Around, around, first_lines, last_lines, size_of

# Every width of UTF-8, a lone surrogate, and both line ends.
TEXTS = st.lists(st.sampled_from(["a", "é", "€", "😀", "\ud800", " ", "\n", "\r\n"]), max_size=40).map("".join)
LIMITS = st.integers(-5, 120)


@given(TEXTS, LIMITS)
def test_the_last_lines_are_an_end_of_the_text_that_fits_and_begins_a_line_where_one_ends(
    text: str, limit: int
) -> None:
    cut = last_lines(text, limit)
    assert text.endswith(cut)
    assert size_of(cut) <= max(limit, 0)
    left_out = text[: len(text) - len(cut)]
    if left_out and not left_out.endswith("\n"):
        assert "\n" not in cut
    if size_of(text) <= limit:
        assert cut == text


@given(TEXTS, LIMITS)
def test_the_first_lines_are_a_beginning_of_the_text_that_fits_and_ends_a_line_where_one_ends(
    text: str, limit: int
) -> None:
    cut = first_lines(text, limit)
    assert text.startswith(cut)
    assert size_of(cut) <= max(limit, 0)
    left_out = text[len(cut) :]
    if left_out and not left_out.startswith("\n"):
        assert "\n" not in cut
    if size_of(text) <= limit:
        assert cut == text


@given(TEXTS, LIMITS)
def test_nothing_is_cut_that_would_have_fitted(text: str, limit: int) -> None:
    cut = last_lines(text, limit)
    left_out = text[: len(text) - len(cut)]
    if left_out.endswith("\n"):
        another_line = left_out[: -len("\n")].rpartition("\n")[2] + "\n"
        assert size_of(another_line + cut) > limit
    elif left_out:
        assert size_of(left_out[-1] + cut) > limit


@given(TEXTS, TEXTS, LIMITS, st.integers(0, 20))
def test_more_room_shows_no_less_of_either_side(before: str, after: str, limit: int, more: int) -> None:
    code = Around(before, after)
    little, much = around(code, limit), around(code, limit + more)
    assert little.size <= max(limit, 0)
    assert much.before.endswith(little.before)
    assert much.after.startswith(little.after)


def test_two_thirds_of_the_room_are_for_the_code_before() -> None:
    code = Around("b\n" * 500, "\na" * 500)
    assert tuple(map(len, around(code, 300))) == (200, 100)


def test_what_one_side_leaves_the_other_gets() -> None:
    assert tuple(map(len, around(Around("b\n" * 500, "a"), 301))) == (300, 1)
    assert tuple(map(len, around(Around("b", "\na" * 500), 301))) == (1, 300)
