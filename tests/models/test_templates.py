"""Templates of prompts: what they may say, and how they are filled in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.models import Templates, default_templates
from maze_tasks.models.templates import (
    PROMPT_PLACEHOLDERS,
    SECTIONS,
    filled,
    problems_of_prompt,
    problems_of_system,
)

PIECES = st.sampled_from(["$a", "${b}", "$$", "$", "$missing", "${", "{a}", "\n", " ", "x", "\t"])


def test_the_package_s_own_texts_are_right_and_say_every_section() -> None:
    texts = default_templates()
    assert list(problems_of_system(texts.system)) == []
    assert list(problems_of_prompt(texts.prompt)) == []
    assert texts.prompt == "\n\n".join(f"${name}" for name in SECTIONS)


def test_placeholders_are_put_in_and_a_doubled_dollar_sign_is_one() -> None:
    assert filled("$a${b}c $$a", {"a": "1", "b": "2"}) == "12c $a"


@given(st.text())
def test_what_is_put_in_is_not_looked_at_again(value: str) -> None:
    assert filled("<$a>", {"a": f"${{a}}{value}$b"}) == f"<${{a}}{value}$b>"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("one\n\n$empty\n\ntwo", "one\n\ntwo"),
        ("one\n\n\n \n\ntwo", "one\n\ntwo"),
        ("title\n$empty\n\ntwo", "two"),
        ("title\n$empty\n$a\n\ntwo", "title\n1\n\ntwo"),
        ("title $empty.\n  $empty  \n$a", "title .\n1"),
        ("$empty", ""),
        ("$missing $$", ""),
        ("no placeholder", "no placeholder"),
    ],
)
def test_paragraphs_and_lines_of_empty_placeholders_are_left_out(template: str, expected: str) -> None:
    assert filled(template, {"a": "1", "empty": ""}) == expected


@given(st.lists(PIECES, max_size=12).map("".join))
def test_any_text_is_either_told_to_be_wrong_or_filled_in(text: str) -> None:
    problems = list(problems_of_system(text))
    result = filled(text, {"a": "1", "b": "2"})
    if "$" not in text:
        assert problems == []
        assert "\n".join(text.split()) == "\n".join(result.split())


@pytest.mark.parametrize(
    ("template", "line", "said"),
    [
        ("$code\n$pth", 2, "unknown placeholder $pth; did you mean 'path'?"),
        ("$code ${zzzzz}", 1, "unknown placeholder $zzzzz; known: $code, $constraints"),
        ("$code\n\n5 $", 3, "$$ stands for a dollar sign"),
        ("$code\n${code", 2, "begins no placeholder"),
        ("$facts", 1, "has no $code"),
        ("$code\n${code}", 2, "has $code a second time"),
        ("$code $context\n\n$context", 3, "has $context a second time"),
    ],
)
def test_what_is_wrong_with_a_layout_is_told_with_its_line(template: str, line: int, said: str) -> None:
    (problem,) = problems_of_prompt(template)
    assert problem.line == line
    assert said in problem.message


def test_every_fact_may_stand_more_than_once() -> None:
    names = sorted(PROMPT_PLACEHOLDERS - {"code", "context", "diagnostics"})
    assert list(problems_of_prompt("$code " + " ".join(f"${name} ${{{name}}}" for name in names))) == []


def test_the_digest_tells_texts_apart_and_nothing_else() -> None:
    one = Templates(system="ab", prompt="c")
    assert one.digest == Templates(system="ab", prompt="c").digest
    assert len({one.digest, Templates(system="a", prompt="bc").digest, Templates(system="c", prompt="ab").digest}) == 3
    assert len(one.digest) == 64
