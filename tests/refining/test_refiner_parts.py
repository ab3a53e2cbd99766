"""`ProgressiveRefiner` with holes that are filled in parts."""

from __future__ import annotations

import pytest

from tests.answering import Asked

from .code import CODE, run, state
from .conftest import MakeRefiner


def test_a_hole_that_nobody_fills_is_filled_in_parts(refiner_of: MakeRefiner) -> None:
    lines = {1: "doubled = a + b", 2: "half = doubled / 2", 3: "return half * 2"}

    def answer(asked: Asked) -> str | int:
        part = next((number for number in lines if f"Write part {number} of 3" in asked.prompt), None)
        return lines[part] if part else "-> ?"

    refiner, server = refiner_of(answer, config={"failure_strategy": "Decompose"})
    result = refiner.refine(CODE, [state(1, "m.py:2:5", expected_type="int", constraints=["style: short"])])
    assert run(result.code)["add"](1, 2) == 3
    whole, *parts = result.holes
    assert whole.status == "Filled"
    assert whole.child_ids == tuple(part.id for part in parts)
    assert whole.attempts[-1].validation_passed
    assert [(part.parent_id, part.status, part.scale, part.expected_type) for part in parts] == [
        (1, "Filled", "meso", "int")
    ] * 3
    assert [part.origin for part in parts] == [f"m.py:2:5:child_{number}" for number in range(3)]
    assert [part.depends_on for part in parts] == [(), (parts[0].id,), (parts[1].id,)]
    assert {part.constraints for part in parts} == {("style: short",)}
    assert result.complete
    assert result.metadata.model_usage == {"one": 3}
    assert refiner.refine(result.code, result.holes).complete
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    ("language", "code", "lines", "body"),
    [
        (
            "python",
            "def f(xs): pass\n\n\nx = 1\n",
            ["a = 1", "b = 2", "return b"],
            "f(xs):\n    a = 1\n    b = 2\n    return b\n\n\nx",
        ),
        ("python", "def f(xs): ...", ["a = 1", "b = 2", "return b"], "f(xs):\n    a = 1\n    b = 2\n    return b"),
        (
            "javascript",
            "  function f(xs) { throw new Error('TODO'); }\n",
            ["let a = 1;", "for (const x of xs) {\n  a += x;\n}", "return a;"],
            "{\n    let a = 1;\n    for (const x of xs) {\n      a += x;\n    }\n    return a;\n  }\n",
        ),
        (
            "rust",
            "fn f(xs: &[i32]) -> i32 {\r\n    todo!()\r\n}\r\n",
            ["let a: i32 = xs.iter().sum();", "let b = a;", "a + b"],
            "{\r\n    let a: i32 = xs.iter().sum();\r\n    let b = a;\r\n    a + b\r\n}\r\n",
        ),
        (
            "go",
            'package m\n\nfunc f(xs []int) int {\n\tpanic("TODO")\n}\n',
            ["a := 0", "for _, x := range xs {\n\ta += x\n}", "return a"],
            "\ta := 0\n\tfor _, x := range xs {\n\t\ta += x\n\t}\n\treturn a\n}\n",
        ),
    ],
)
def test_parts_are_put_where_the_whole_stands(
    refiner_of: MakeRefiner, language: str, code: str, lines: list[str], body: str
) -> None:
    def answer(asked: Asked) -> str | int:
        part = next((line for number, line in enumerate(lines, 1) if f"Write part {number} of 3" in asked.prompt), None)
        return 400 if part is None else f"```\n{part}\n```"

    refiner, _ = refiner_of(answer, config={"failure_strategy": "Decompose"})
    result = refiner.refine(code, language=language)
    assert result.complete, [hole.attempts[-1].error for hole in result.holes if hole.attempts]
    assert body in result.code


def test_a_part_that_nobody_fills_leaves_the_marker_and_all_is_tried_anew(refiner_of: MakeRefiner) -> None:
    fails = ["part 2 of 3"]
    refiner, _ = refiner_of(
        lambda asked: (
            "c = 1" if "Write part" in asked.prompt and not any(one in asked.prompt for one in fails) else 400
        ),
        config={"failure_strategy": "Decompose"},
    )
    first = refiner.refine(CODE, [state(1, "m.py:2:5")])
    assert first.code == CODE
    assert first.holes[0].status == "Failed"
    assert not first.complete
    assert first.metadata.skipped_holes >= 1
    fails.clear()
    again = refiner.refine(first.code, first.holes)
    assert [hole.status for hole in again.holes] == ["Filled"] * 4
