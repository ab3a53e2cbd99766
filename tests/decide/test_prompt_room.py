"""Pieces of the code base and earlier answers in a prompt, and how the room is divided among all there is to say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maze_tasks.decide.prompt import build_prompt, prompt_bound
from maze_tasks.decide.showing import MOST_ANSWER, MOST_REASON
from maze_tasks.decide.windows import size_of
from maze_tasks.models import PIECE_KINDS, ContextPiece, Diagnostic, Hole, Templates, read_hole

CODE = {"prefix": "def add(a, b):\n    ", "suffix": "\n\nprint(add(1, 2))\n"}


def hole(*pieces: ContextPiece, **full: Any) -> Hole:
    return read_hole({"hole_id": 3, "pieces": [piece.model_dump() for piece in pieces], **CODE, **full})


def piece(kind: str, text: str, weight: float = 1.0, title: str = "") -> ContextPiece:
    return ContextPiece(kind=kind, title=title or kind, text=text, weight=weight)


def order_of(built: str, *texts: str) -> list[str]:
    return sorted(texts, key=built.index)


def test_pieces_and_earlier_answers_stand_ahead_of_the_code_the_nearest_code_last() -> None:
    built = build_prompt(
        hole(piece("definition", "class Number:\n    pass\n", title="class Number (numbers.py)")),
        diagnostics=[Diagnostic("line 1: name 'c' is not defined", "return a + c\n", "names")],
    )
    assert (
        built
        == """\
Fill a hole in the code.

Other code of the same project:

class Number (numbers.py):
<code>
class Number:
    pass
</code>

Earlier answers for this hole were rejected. Do not repeat what was wrong with them:

Rejected: line 1: name 'c' is not defined
<answer>
return a + c
</answer>

The code, with the hole marked <<<FILL>>>:
<code>
def add(a, b):
    <<<FILL>>>

print(add(1, 2))

</code>

Answer with only the code that takes the place of <<<FILL>>>, as it must stand between the code before and the code \
after it, with the right indentation. Do not repeat the code around it. No explanation and no Markdown fences."""
    )


def test_a_hole_s_place_tells_scope_signature_indentation_and_a_description_that_the_code_does_not_show() -> None:
    place = {
        "path": "a.py",
        "start": 19,
        "end": 20,
        "sha256": "0" * 64,
        "line": 2,
        "column": 5,
        "indent": "    ",
        "signature": "def add(\n    a, b\n):",
        "docstring": "Adds.\n\nBoth.",
        "scope": ["Sum", "add"],
    }
    built = build_prompt(hole(place=place))
    assert "- described as: Adds.\n  \n  Both.\n" in built
    assert "- inside of: Sum.add\n- it is the body of: def add(\n      a, b\n  ):\n" in built
    assert "- its lines are indented by 4 spaces\n" in built
    described = {**place, "kind": "expression", "indent": "\t", "docstring": "print(add(1, 2))"}
    built = build_prompt(hole(place={**described, "docstring": "def add(a, b):"}))
    assert "described" not in built
    assert "- it is in: def add(" in built
    assert "indented by 1 tab\n" in built
    assert "indented by '\\t '\n" in build_prompt(hole(place={**place, "indent": "\t "}))


def test_code_that_does_not_begin_where_the_file_does_is_said_to_be_cut() -> None:
    place = {"path": "a.py", "start": 500, "end": 501, "sha256": "0" * 64, "line": 9, "column": 5}
    assert "<code>\n[earlier code left out]\ndef add" in build_prompt(hole(place=place))
    assert "left out" not in build_prompt(hole(place={**place, "start": 19, "end": 20}))


def test_heavier_pieces_go_first_and_of_equal_weight_the_more_useful_kind() -> None:
    kinds = [piece(kind, f"{kind} text", 0.5) for kind in reversed(PIECE_KINDS)]
    built = build_prompt(hole(*kinds, piece("definition", "heavy text", 0.9)))
    texts = ["heavy text", *(f"{kind} text" for kind in PIECE_KINDS)]
    assert order_of(built, *reversed(texts)) == texts


def test_with_little_room_facts_go_before_what_shows_style_and_unknown_kinds_come_last() -> None:
    style = piece("neighbour", "style = 1\n" * 40, 1.0)
    fact = piece("definition", "fact = 1\n" * 40, 0.1)
    asked = hole(piece("oddity", "odd = 1\n" * 40), style, fact)
    shown = [word for word in ("fact =", "style =", "odd =") if word in build_prompt(asked, most_bytes=1150)]
    assert shown == ["fact ="]
    assert order_of(build_prompt(asked), "odd =", "style =", "fact =") == ["fact =", "style =", "odd ="]


def test_a_large_piece_does_not_keep_out_a_smaller_one() -> None:
    large, small = piece("type", "x = 1\n" * 1000, 1.0), piece("type", "y = 1\n" * 10, 0.1)
    built = build_prompt(hole(large, small), most_bytes=3000)
    assert "y = 1\n</code>" in built
    assert "x = 1\n[the rest left out]" in built
    assert "y = 1" not in build_prompt(hole(large.model_copy(update={"kind": "imports"}), small), most_bytes=3000)


def test_a_piece_that_the_code_shows_is_not_shown_twice() -> None:
    shown = piece("imports", "\nimport os\n\nimport re\n")
    other = piece("definition", "import os\nimport sys\n")
    built = build_prompt(hole(shown, other, prefix="import os\nimport re\nx = "))
    assert built.count("import re") == 1
    assert "import sys" in built


def test_a_piece_whose_code_is_cut_away_is_shown() -> None:
    far = "import os\n" + "x = 1\n" * 2000
    built = build_prompt(hole(piece("imports", "import os\n"), prefix=far), most_bytes=5000)
    assert built.count("import os") == 1
    assert built.index("import os") < built.index("[earlier code left out]")


def test_a_piece_that_comes_to_stand_in_the_code_farther_away_is_not_shown_twice() -> None:
    prefix = "import os\n" + "x = 1\n" * 500
    built = build_prompt(hole(piece("imports", "import os\n"), prefix=prefix, suffix="\ny = 1" * 9000), most_bytes=6000)
    assert prefix in built
    assert "Other code" not in built
    assert len(built) > 5900


def test_a_long_piece_is_cut_at_a_line_end_and_says_so() -> None:
    built = build_prompt(hole(piece("definition", "x = 1\n" * 10_000)), most_bytes=3000)
    assert "x = 1\n\n[the rest left out]\n</code>" not in built
    assert "x = 1\n[the rest left out]\n</code>" in built
    assert 2800 < len(built) <= 3000


def test_an_empty_piece_and_a_title_of_several_lines_do_no_harm() -> None:
    built = build_prompt(hole(piece("definition", " \n"), piece("type", "class A: ...", title="a\nb")))
    assert "a b:\n<code>\nclass A: ...\n</code>" in built
    assert built.count("<code>") == 2


def test_of_earlier_answers_the_latest_three_are_shown_shortened() -> None:
    told = [Diagnostic(f"reason {i} " + "r" * 5000, f"code {i}\n" * 1000) for i in range(5)]
    built = build_prompt(hole(), diagnostics=told)
    assert [f"reason {i}" in built for i in range(5)] == [True, True, True, False, False]
    assert len(built) < 3 * (MOST_REASON + MOST_ANSWER + 100) + 800
    assert "code 1\n[the rest left out]\n</answer>" in built


def test_with_little_room_for_it_the_reason_alone_is_told() -> None:
    told = [Diagnostic("too short", "x = 1\n" * 100)]
    built = build_prompt(hole(), diagnostics=told, most_bytes=700)
    assert "Rejected: too short" in built
    assert "<answer>" not in built
    assert "Rejected" not in build_prompt(hole(), diagnostics=told, most_bytes=100)


def test_pieces_leave_room_for_earlier_answers() -> None:
    built = build_prompt(
        hole(piece("definition", "x = 1\n" * 10_000)), diagnostics=[Diagnostic("wrong", "y = 2")], most_bytes=3000
    )
    assert "Rejected: wrong" in built


LINES = st.sampled_from(
    ["x = 1\n", "\n", "  é€😀\n", "\r\n", "<<<FILL>>>", "<<<FILL 2>>>\n", "y" * 300 + "\n", "z", "\t"]
)
CODES = st.lists(LINES, max_size=30).map("".join)
PIECES = st.lists(
    st.builds(piece, st.sampled_from([*PIECE_KINDS, "odd"]), CODES, st.sampled_from([0.0, 0.5, 1.0]), CODES),
    max_size=4,
)
DIAGNOSTICS = st.lists(st.builds(Diagnostic, CODES, st.none() | CODES), max_size=4)
LAYOUTS = st.none() | st.sampled_from(
    [
        Templates(system="", prompt="$code"),
        Templates(system="", prompt="Do it.\n\nHints:\n$context\n$diagnostics\n\n$constraints\n$code\nWhere: $marker"),
        Templates(system="", prompt="$$ $task$facts $diagnostics|$code|$context"),
    ]
)


@settings(deadline=None)
@given(CODES, CODES, PIECES, DIAGNOSTICS, LAYOUTS, st.integers(0, 9000))
def test_no_prompt_is_larger_than_it_may_be_but_for_what_must_be_in_it(
    prefix: str, suffix: str, pieces: list[ContextPiece], told: list[Diagnostic], layout: Templates, most: int
) -> None:
    asked = hole(prefix=prefix, suffix=suffix).model_copy(update={"pieces": tuple(pieces)})
    built = build_prompt(asked, most_bytes=most, diagnostics=told, templates=layout)
    least = build_prompt(asked, most_bytes=0, diagnostics=told, templates=layout)
    assert size_of(built) <= max(most, size_of(least))
    assert size_of(built) <= prompt_bound(asked, most_bytes=most, templates=layout)
    assert built == build_prompt(asked, most_bytes=most, diagnostics=told, templates=layout)


@settings(deadline=None)
@given(CODES, CODES, PIECES, DIAGNOSTICS, st.integers(0, 9000))
def test_the_marker_stands_between_the_lines_nearest_to_it_and_nowhere_else_in_code(
    prefix: str, suffix: str, pieces: list[ContextPiece], told: list[Diagnostic], most: int
) -> None:
    asked = hole(prefix=prefix, suffix=suffix).model_copy(update={"pieces": tuple(pieces)})
    built = build_prompt(asked, most_bytes=most, diagnostics=told)
    marker = built.rpartition("takes the place of ")[2].partition(", as")[0]
    assert built.count(marker) == 3  # where it is named, in the code, where it is to be replaced
    before, after = prefix.rpartition("\n")[2][-100:], suffix.partition("\n")[0][:80]
    assert f"{before}{marker}{after}" in built


@pytest.mark.parametrize("most", [0, 800, 24_000])
def test_constraints_are_told_however_little_room_there_is(most: int) -> None:
    wants = {"hole": {"hole_id": 1, "fill_constraints": [{"kind": "style", "value": "v" * 3000}]}, **CODE}
    assert "v" * 3000 in build_prompt(read_hole(wants), most_bytes=most)
