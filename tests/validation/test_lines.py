"""Lines of code read by their tokens alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.validation.lines import bare, closings, lines_of, unclosed, unit_of, unmatched
from maze_tasks.validation.python_rules import refusal, refusal_of_piece, tree_of


def test_lines_within_strings_and_brackets_are_told_from_those_that_begin_something() -> None:
    text = "a = (1,\n  2)\nb = '''\n c\n'''\nd = 1 + \\\n  2\n# e\n\nf = '('\ng\n"
    kinds = [
        "begins" if line.begins else "frozen" if line.frozen else "joined" if line.joined else "other"
        for line in lines_of(text, "python")
    ]
    expected = "begins joined begins frozen frozen begins joined other other begins begins"
    assert kinds == expected.split()


def test_a_bracket_that_is_left_open_ends_where_a_statement_begins() -> None:
    assert [line.begins for line in lines_of("def f(:\n    x\ndef g():\n    y\n", "python")] == [
        True,
        False,
        True,
        True,
    ]


@given(st.text(), st.sampled_from(["python", "javascript", "c", None]))
def test_the_lines_of_a_text_are_the_text(text: str, language: str | None) -> None:
    assert "".join(line.text for line in lines_of(text, language)) == text


def test_brackets_are_matched_outside_of_texts_and_comments() -> None:
    assert unmatched("f({')'}) // )\n", "javascript") is None
    assert unmatched("a }", "c") == 2
    assert unclosed('f("{") { [', "c") == [7, 9]
    assert unclosed(") (", "c") == [2]
    assert closings("a) ( ) } b ]", "c", 2) == [2, 8]
    assert closings("a)", "c", 3) == [2]
    assert closings("", "c", 0) == []
    assert bare("a 'b' # c\nd", "python") == "a  \nd"


@pytest.mark.parametrize(
    ("text", "language", "unit"),
    [
        ("if a:\n  b\n", "python", "  "),
        ("class A:\n\tdef f():\n\t\tx\n", "python", "\t"),
        ("x = 1\n", "python", "    "),
        ("if (a) {\n   b;\n}", "c", "   "),
        ("x := 1\n", "go", "\t"),
    ],
)
def test_a_level_of_indentation_is_that_of_the_first_block(text: str, language: str, unit: str) -> None:
    assert unit_of(text, language) == unit


def test_what_python_cannot_even_read_is_refused_like_the_rest() -> None:
    assert refusal("x = 1\n") is None
    assert refusal("\x00") is not None
    assert refusal("x = " + "(" * 2000) is not None
    assert refusal("x = " + "-" * 100_000 + "1") is not None
    assert refusal_of_piece("    yield await x\n") is None
    assert refusal_of_piece("    x = = 1\n") is not None
    assert tree_of("x = = 1") is None


def test_warnings_about_the_code_of_others_are_not_ours() -> None:
    assert refusal("x = '\\d'\nassert (x, 1)\ny = 1 is 1\n") is None
