"""What a model that fills in the middle is shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.decide.middle import code_for_middle
from maze_tasks.models import ContextPiece, Hole, read_hole

IMPORTS = ContextPiece(kind="imports", title="Imports", text="import os\nimport re\n")
NUMBER = ContextPiece(kind="definition", title="class Number\n(n.py)", text="\nclass Number:\n\n    pass\n")


def hole(*pieces: ContextPiece, **full: Any) -> Hole:
    return read_hole({"hole_id": 3, "pieces": [piece.model_dump() for piece in pieces], **full})


def test_what_fits_stays_byte_for_byte() -> None:
    assert tuple(code_for_middle(hole(prefix="a\r\nx = ", suffix=";\r\n"), 20)) == ("a\r\nx = ", ";\r\n")


def test_what_is_cut_ends_with_the_hole_and_is_not_marked() -> None:
    shown = code_for_middle(hole(prefix="a\n" * 100 + "x = ", suffix=";\n" + "b\n" * 100), 60)
    assert tuple(shown) == ("a\n" * 18 + "x = ", ";\n" + "b\n" * 8 + "b")


def test_imports_that_were_cut_away_stand_at_the_top_again() -> None:
    code = IMPORTS.text + "x = 1\n" * 100
    assert code_for_middle(hole(IMPORTS, prefix=code), 300).before.startswith("import os\nimport re\n\nx = 1\n")
    assert code_for_middle(hole(IMPORTS, prefix=code), 3000).before == code


@pytest.mark.parametrize(("language", "leader"), [("python", "#"), ("rust", "//"), ("go", "//"), (None, "#")])
def test_definitions_of_other_places_stand_above_the_code_as_comments(language: str | None, leader: str) -> None:
    before = code_for_middle(hole(NUMBER, prefix="x = ", language=language), 300).before
    assert before == f"{leader} class Number (n.py)\n{leader} class Number:\n{leader}\n{leader}     pass\n\nx = "


def test_code_that_calls_the_function_or_resembles_it_is_not_put_there() -> None:
    others = [ContextPiece(kind=kind, text="y = f()\n") for kind in ("usage", "neighbour", "odd")]
    assert code_for_middle(hole(*others, prefix="x = "), 300).before == "x = "


@given(
    st.lists(st.sampled_from(["x = 1\n", "é", "y" * 90]), max_size=20).map("".join),
    st.lists(st.sampled_from(["x = 1\n", "é", "y" * 90]), max_size=20).map("".join),
    st.integers(0, 2000),
)
def test_both_sides_fit_into_what_there_is(prefix: str, suffix: str, most: int) -> None:
    shown = code_for_middle(hole(NUMBER, IMPORTS, prefix=prefix, suffix=suffix), most)
    assert shown.size <= most
    assert suffix.startswith(shown.after)
