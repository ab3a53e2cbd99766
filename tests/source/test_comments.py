"""What hole comments say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.models import Scale
from maze_tasks.source.comments import Wish, wish_of


@pytest.mark.parametrize(
    "comment",
    ["# HOLE", "#HOLE", "// HOLE", "/// HOLE:", "/* HOLE */", "/** HOLE */", "<!-- HOLE -->", "/*HOLE*/", "//! HOLE"],
)
def test_the_plain_form_in_any_comment(comment: str) -> None:
    assert wish_of(comment) == Wish("HOLE")


@pytest.mark.parametrize("comment", ["# <<< HOLE >>>", "<<<HOLE>>>", "// see <<< HOLE >>>"])
def test_the_angled_form(comment: str) -> None:
    assert wish_of(comment) == Wish("<<< HOLE >>>")


def test_pairs_are_read_and_the_rest_is_prose() -> None:
    wish = wish_of("# HOLE: sort by key, scale=nano type=list[int] must_use=foo,bar max_tokens=99 lang='x y'; stable")
    assert wish == Wish(
        "HOLE",
        Scale.NANO,
        "list[int]",
        ("must_use_binding: foo", "must_use_binding: bar", "lang=x y", "sort by key, stable"),
        99,
    )


@pytest.mark.parametrize(
    ("pair", "demand"),
    [
        ("must_not_use=eval", "must_not_use_binding: eval"),
        (r'must_match="^\d+, x$"', r"must_match_pattern: ^\d+, x$"),
        ("pattern=^a,b$", "must_match_pattern: ^a,b$"),
        ("pure=true", "must_be_pure: true"),
        ("security='no eval'", "security: no eval"),
        ("must_terminate=yes,", "must_terminate: yes"),
        ("x=1", "x=1"),
        ("scale=huge", "scale=huge"),
    ],
)
def test_pairs_become_demands(pair: str, demand: str) -> None:
    wish = wish_of(f"/* HOLE: {pair} */")
    assert wish is not None
    assert wish.constraints == (demand,)


@pytest.mark.parametrize("scale", ["nano", "Expression", "NANO"])
def test_scales_come_in_both_vocabularies(scale: str) -> None:
    assert (wish_of(f"# HOLE scale={scale}") or Wish("")).scale is Scale.NANO


def test_a_comment_over_lines_is_read_as_one() -> None:
    wish = wish_of("/*\n * HOLE: type=u8\n *   the sum\n * of all\n */")
    assert wish == Wish("HOLE", None, "u8", ("the sum of all",))


@pytest.mark.parametrize(
    "comment",
    ["# a HOLE", "# HOLES", "# whole", "# hole", "# HOLE_1", "# TODO", "/* TODO */", "#", "", "// <<< HOLES >>>"],
)
def test_comments_that_only_hold_the_word_are_none(comment: str) -> None:
    assert wish_of(comment) is None


def test_a_bare_todo_is_a_hole_only_where_it_is_asked_for() -> None:
    assert wish_of("/* TODO */", bare_todo=True) == Wish("/* TODO */")
    assert wish_of("/*TODO*/", bare_todo=True) == Wish("/* TODO */")
    assert wish_of("/* TODO: x */", bare_todo=True) is None
    assert wish_of("// TODO", bare_todo=True) is None


@pytest.mark.parametrize("comment", ["# TODO: tidy", "// FIXME(me) - tidy", "/* TODO tidy. */"])
def test_todo_comments_say_what_is_to_be_done(comment: str) -> None:
    assert wish_of(comment, todo=True) == Wish("TODO", constraints=("tidy",))
    assert wish_of("# not a TODO", todo=True) is None


@given(st.text(max_size=80), st.booleans())
def test_any_comment_is_read_or_not(comment: str, todo: bool) -> None:
    wish = wish_of(comment, bare_todo=todo, todo=todo)
    assert wish is None or all(demand.strip() for demand in wish.constraints)
    assert wish_of(f"# HOLE: {comment}") is not None
