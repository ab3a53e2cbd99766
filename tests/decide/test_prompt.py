"""What a built prompt tells a model."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maze_tasks.decide.prompt import DEFAULT_PROMPT_BYTES, build_prompt
from maze_tasks.models import Hole, default_templates, read_hole

STATE = {
    "id": 3,
    "scale": "micro",
    "origin": "src/a.py:10:5",
    "expected_type": "int",
    "constraints": ["keep it short"],
    "status": "Pending",
}


def hole(spec: dict[str, Any] | None = None, **full: Any) -> Hole:
    return read_hole({"hole": {"hole_id": 3, **(spec or {})}, **full})


def prompt(spec: dict[str, Any] | None = None, **full: Any) -> str:
    return build_prompt(hole(spec, **full))


def test_the_whole_prompt_of_a_hole() -> None:
    built = build_prompt(
        read_hole(
            {
                "hole": STATE,
                "language": "python",
                "path": "src/a.py",
                "prefix": "def add(a, b):\n    ",
                "suffix": "\n\nprint(add(1, 2))\n",
            }
        )
    )
    assert (
        built
        == """\
Fill a hole in the python code of the file src/a.py.

Known about the hole:
- scale: micro: one statement, or a few
- origin: src/a.py:10:5
- expected type: int

The fill must keep all of these constraints:
- the fill keeps this requirement: keep it short

The code, with the hole marked <<<FILL>>>:
<code>
def add(a, b):
    <<<FILL>>>

print(add(1, 2))

</code>

Answer with only the code that takes the place of <<<FILL>>>, as it must stand between the code before and the code \
after it, with the right indentation. Do not repeat the code around it. No explanation and no Markdown fences."""
    )


def test_of_a_hole_of_which_nothing_is_known_only_the_task_and_the_form_of_the_answer_remain() -> None:
    assert prompt() == (
        "Fill a hole in the code.\n\n"
        "Answer with only the code that fills the hole: no explanation and no Markdown fences."
    )


@pytest.mark.parametrize("scale", ["nano", "micro", "meso", "macro"])
def test_every_scale_is_explained(scale: str) -> None:
    bare = {"id": 3, "scale": scale, "origin": "", "status": "Pending"}
    built = build_prompt(read_hole({"hole": bare}))
    assert f"- scale: {scale}: " in built
    assert "origin" not in built
    assert "expected type" not in built


@pytest.mark.parametrize(
    ("kind", "value", "line"),
    [
        ("must_have_type", "list[int]", "- the fill has this type: list[int]"),
        ("must_use_binding", "total", "- the fill uses this name: total"),
        ("must_not_use_binding", "eval", "- the fill does not use this name: eval"),
        ("must_satisfy_predicate", "x > 0", "- the fill satisfies this predicate: x > 0"),
        ("must_match_pattern", "^a", "- the text of the fill matches this regular expression: ^a"),
        ("must_be_pure", "", "- the fill is pure: no side effects, no hidden state"),
        ("must_terminate", "", "- the fill terminates on every input"),
        ("security", "no SQL from text", "- the fill keeps this security requirement: no SQL from text"),
        ("style", "PEP 8", "- the fill keeps this style: PEP 8"),
        ("generic", "be brief", "- the fill keeps this requirement: be brief"),
        ("must_rhyme", "with orange", "- must_rhyme: with orange"),
    ],
)
def test_every_kind_of_constraint_is_said_with_its_meaning(kind: str, value: str, line: str) -> None:
    assert line in prompt({"fill_constraints": [{"kind": kind, "value": value}]}).splitlines()


def test_what_a_broken_constraint_leads_to_is_told() -> None:
    constraint = {"kind": "style", "value": "PEP 8", "error_message": "the linter stops the build"}
    assert "- the fill keeps this style: PEP 8 (otherwise: the linter stops the build)" in prompt(
        {"fill_constraints": [constraint]}
    )


def test_constraints_show_their_name_type_goal_bindings_and_patterns() -> None:
    built = prompt(
        constraints=[
            {
                "name": "typed",
                "type_inhabitation": {
                    "goal_type": "number",
                    "current_type": "string",
                    "bindings": [{"name": "n", "type_sig": "number"}, {"name": "s", "type": "string"}],
                },
                "regex_patterns": [{"pattern": "^n", "flags": "i"}],
            },
            {"type_inhabitation": {"goal_type": "Vec<u8>", "language": "rust"}},
        ]
    )
    lines = built.splitlines()
    assert "- the constraint named typed" in lines
    assert "- the fill is an expression of the typescript type number, starting from string" in lines
    assert "- names in scope: n: number, s: string" in lines
    assert "- the text of the fill matches this regular expression: (?i)^n" in lines
    assert "- the fill is an expression of the rust type Vec<u8>" in lines
    assert "unnamed" not in built


def test_schema_grammar_and_named_grammar_are_shown() -> None:
    built = prompt(
        {
            "grammar_ref": "@expr",
            "fill_schema": {"type": "object", "properties": {"é": {"type": "string"}}, "required": ["é"]},
            "fill_grammar": {
                "rules": [{"lhs": "sum", "rhs": ["term", "+", "term"]}, {"lhs": "term", "rhs": []}],
                "start_symbol": "sum",
            },
        }
    )
    assert "- it is derived from the grammar's @expr" in built
    assert (
        'The fill is JSON that this schema accepts:\n{"type": "object", "properties": {"é": {"type": "string"}}, '
        '"required": ["é"], "additionalProperties": false}\n' in built
    )
    assert "The fill follows this grammar, from sum:\nsum ::= term + term\nterm ::= empty\n" in built


def test_the_schema_of_a_constraint_is_shown_where_the_hole_has_none() -> None:
    built = prompt(constraints=[{"json_schema": {"type": "array"}}])
    assert '"type": "array"' in built


def test_one_side_of_the_code_is_enough() -> None:
    assert "<code>\nx = <<<FILL>>>\n</code>" in prompt(prefix="x = ")
    assert "<code>\n<<<FILL>>>;\n</code>" in prompt(suffix=";")


@settings(deadline=None)
@given(
    prefix=st.lists(st.sampled_from(["<<<FILL>>>", "<<<FILL 2>>>", "x", "\n"]), max_size=6).map("".join),
    suffix=st.lists(st.sampled_from(["<<<FILL>>>", "<<<FILL 3>>>", "y", "\n"]), max_size=6).map("".join),
)
def test_the_marker_stands_exactly_once_in_the_code_between_its_sides(prefix: str, suffix: str) -> None:
    built = prompt(prefix=prefix, suffix=suffix)
    marker = built.partition("hole marked ")[2].partition(":\n")[0]
    code = built.partition("<code>\n")[2].rpartition("\n</code>")[0]
    assert code.split(marker) == [prefix, suffix]


def shown_code(built: str) -> list[str]:
    return built.partition("<code>\n")[2].rpartition("\n</code>")[0].split("<<<FILL>>>")


@pytest.mark.parametrize("most_bytes", [3000, DEFAULT_PROMPT_BYTES])
def test_of_long_code_the_whole_lines_nearest_to_the_hole_are_shown(most_bytes: int) -> None:
    before = "".join(f"before {i}\n" for i in range(5000))
    after = "".join(f"\nafter {i}" for i in range(5000))
    built = build_prompt(hole(prefix=before, suffix=after), most_bytes=most_bytes)
    shown_before, shown_after = shown_code(built)
    left_out, _, near_before = shown_before.partition("\n")
    assert left_out == "[earlier code left out]"
    assert before.endswith("\n" + near_before)
    near_after, _, left_out = shown_after.rpartition("\n")
    assert left_out == "[later code left out]"
    assert after.startswith(near_after + "\n")
    assert most_bytes - 50 < len(built) <= most_bytes
    assert 1.9 < len(near_before) / len(near_after) < 2.1


def test_of_one_long_line_what_is_nearest_is_shown() -> None:
    built = prompt(prefix="a" * 50_000, suffix="b" * 50_000)
    before, after = shown_code(built)
    assert set(before.removeprefix("[earlier code left out]\n")) == {"a"}
    assert set(after.removesuffix("\n[later code left out]")) == {"b"}
    assert DEFAULT_PROMPT_BYTES - 10 < len(built) <= DEFAULT_PROMPT_BYTES


def test_what_one_side_does_not_need_the_other_gets() -> None:
    code = "x = 1\n" * 3000
    for around in ({"prefix": code, "suffix": ";"}, {"prefix": "y = ", "suffix": code}):
        before, after = shown_code(prompt(**around))
        assert len(before) + len(after) > 17_000
        assert "left out" not in before + after


def test_code_that_just_fits_is_shown_whole() -> None:
    code = {"prefix": "a\n" * 5000, "suffix": "\nb" * 2000}
    whole = prompt(**code)
    assert "left out" not in whole
    assert build_prompt(hole(**code), most_bytes=len(whole)) == whole
    assert "left out" in build_prompt(hole(**code), most_bytes=len(whole) - 1)


def test_neither_id_nor_chance_changes_the_prompt() -> None:
    full = {"prefix": "a", "constraints": [{"name": "c"}]}
    one, other = read_hole({"hole": {"hole_id": 1}, **full}), read_hole({"hole": {"hole_id": "two"}, **full})
    assert build_prompt(one) == build_prompt(one) == build_prompt(other)


def test_the_system_text_forbids_fences() -> None:
    assert "no Markdown fences" in default_templates().system.replace("and no", "no")
