"""How much a fill changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.decide.change import change


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", "", 0),
        ("", "return a + b", 4),
        ("return a", "return a", 0),
        ("return a", "  return\n  a\n", 0),
        ("return a", "return b", 2),
        ("pass", "", 1),
        ("größe = 1", "größe = 2", 2),
    ],
)
def test_tokens_that_stand_in_one_text_alone_are_counted(before: str, after: str, expected: int) -> None:
    assert change(before, after) == expected


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_it_is_a_distance(one: str, two: str, three: str) -> None:
    assert change(one, one) == 0
    assert change(one, two) == change(two, one)
    assert change(one, three) <= change(one, two) + change(two, three)
