"""What holds for any reply: nothing is raised, and taking apart what was taken apart changes nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.errors import Failure
from maze_tasks.models import Hole, HoleSpec, JsonSchema
from maze_tasks.validation import Fill, check, take_apart, verdict
from tests.validation.holes import hole, scanned

HOLES: dict[str, Hole] = {
    "body": hole("def f(x):\n    '''Doc.'''\n", "\n\ndef g():\n    return f(1)\n"),
    "indented body": hole("class A:\n\tdef f(self):\n\t\t", "\n"),
    "expression": hole("def f(a, b):\n    return (", ")\n"),
    "module": hole("import os\n\n", ""),
    "scanned": scanned("def f(x):\r\n    raise NotImplementedError\r\n\r\n\r\nK = 1\r\n"),
    "broken": hole("def f(:\n    (", "]\n"),
    "rust": hole("fn f(a: i32) -> i32 {\n    ", "\n}\n", "rust"),
    "javascript": hole("const f = (x) => {", "};\n", "javascript"),
    "c": hole("int f(int x) {\n", "}\n", "c"),
    "no grammar": hole("fun f() {\n", "}\n", "kotlin"),
    "language alone": hole(None, None, "python"),
    "nothing": hole(None, None, None),
    "value": Hole(
        id=1,
        spec=HoleSpec(hole_id=1, fill_schema=JsonSchema(schema_type="object", properties={"a": {"type": "string"}})),
    ),
}

PIECES = st.sampled_from(
    [
        *(
            "```python\n",
            "```\n",
            "~~~\n",
            "````\n",
            "Here is the code:\n",
            "Sure!\n",
            "`a + b`",
            "<think>",
            "</think>\n",
        ),
        *(
            "def f(x):\n",
            "    '''Doc.'''\n",
            "    return x\n",
            "return x\n",
            "\treturn x\n",
            "x = 1\n",
            "        y = (\n",
        ),
        *(")\n", "}\n", "{", "];", "'''", '"', "\\\n", "\r\n", "\n\n", "    ", "# HOLE\n", "import re\n", "class A:\n"),
        *(
            "fn f(a: i32) -> i32 {\n",
            "a + b",
            "let c = 1;",
            "int f(int x) {\n",
            "&lt;",
            "<|im_end|>",
            "</s>",
            "pass\n",
            "...",
        ),
        *('{"a": "b"}', "[1]", "\f", "\u2028", "\x00", "é", "print(", "raise NotImplementedError\n"),
    ]
)
REPLIES = st.text(max_size=80) | st.lists(PIECES, max_size=12).map("".join)


@pytest.mark.parametrize("name", HOLES)
@given(reply=REPLIES)
def test_any_reply_is_taken_apart_or_refused_and_again_the_same(name: str, reply: str) -> None:
    fill = take_apart(reply, HOLES[name])
    if isinstance(fill, Failure):
        assert fill.kind in ("empty", "too_large", "unusable")
        assert fill.message
        assert len(fill.message) <= 500
        return
    assert fill.altered == (fill.code != reply)
    again = take_apart(fill.code, HOLES[name])
    assert again == Fill(fill.code)


@pytest.mark.parametrize("name", HOLES)
@given(code=REPLIES)
def test_any_fill_is_checked_and_what_is_found_has_a_place_in_it(name: str, code: str) -> None:
    found = check(Fill(code), HOLES[name], finish_reason="stop")
    lines = code.split("\n")
    for one in found:
        if one.line is not None:
            assert 1 <= one.line <= len(lines)
        if one.column is not None:
            assert one.line is not None
            assert 1 <= one.column <= len(lines[one.line - 1]) + 1
    failure = verdict(found)
    assert (failure is None) == all(one.severity == "note" for one in found)


@pytest.mark.parametrize("name", ["body", "expression", "rust", "javascript"])
@given(reply=REPLIES)
def test_a_fill_that_was_altered_has_no_fault_that_lies_in_its_form(name: str, reply: str) -> None:
    fill = take_apart(reply, HOLES[name])
    if isinstance(fill, Fill) and fill.altered:
        failure = verdict(check(fill, HOLES[name]))
        assert failure is None or failure.kind in ("marker", "imports")
