"""Holes divided into parts: how many, what they inherit, how they are asked for, and what their fills make together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.decide.decomposition import (
    MOST_PARTS,
    SECTION_BYTES,
    as_checked,
    as_one,
    asked_of,
    divide,
    in_place,
    is_read,
    joined,
    mean_confidence,
    parts_of,
    weighs,
)
from maze_tasks.decide.prompt import build_prompt
from maze_tasks.decide.request import call_for
from maze_tasks.decide.shape import grammar_of, pattern_of, schema_of
from maze_tasks.models import Hole, ModelEndpoint, Part, Place, read_hole


def hole(scale: str | None = "macro", hole_id: int | str = 7, **beside: Any) -> Hole:
    own = {"hole_id": hole_id} if scale is None else {
        "id": hole_id, "scale": scale, "origin": "a.py:2:5", "status": "Pending", "expected_type": "int",
        "constraints": ["must_use_binding: add", "must_not_use_binding: eval"],
    }  # fmt: skip
    return read_hole({**own, **beside} if scale is None else {"hole": own, **beside})


def place(**fields: Any) -> Place:
    return Place(path="a.py", start=9, end=13, sha256="0" * 64, line=2, column=5, indent="    ", **fields)


@pytest.mark.parametrize(
    ("scale", "count", "smaller"),
    [("macro", 3, "meso"), ("meso", 2, "micro"), ("micro", 2, "nano"), (None, 2, "micro"), ("nano", 0, None)],
)
def test_each_scale_has_its_number_of_parts_and_nano_has_none(scale: str, count: int, smaller: str) -> None:
    whole = hole(scale)
    assert parts_of(whole) == count <= MOST_PARTS
    if count:
        assert [part.state.scale if part.state else None for part in divide(whole)] == [smaller] * count


def test_parts_form_a_chain_and_inherit_type_and_constraints() -> None:
    whole = hole(constraints=[{"name": "c"}], language="python", max_tokens=9, temperature=0.3, verify={"profile": "x"})
    first, second, third = divide(whole)
    for number, part in enumerate((first, second, third)):
        assert part.part == Part(parent=7, number=number, count=3)
        assert part.state is not None
        assert part.state.origin == f"a.py:2:5:child_{number}"
        assert (part.state.expected_type, part.state.constraints) == (
            "int",
            whole.state.constraints if whole.state else (),
        )
        assert (part.state.parent_id, part.state.id, part.spec.hole_id) == (7, part.id, part.id)
        assert part.spec.fill_constraints == whole.spec.fill_constraints
        assert (part.constraints, part.language, part.max_tokens) == (whole.constraints, "python", 9)
        assert (part.temperature, part.verify) == (0.3, None)
    assert [part.depends_on for part in (first, second, third)] == [(), (first.id,), (second.id,)]
    assert Hole.load(second.dump()) == second


def test_a_hole_of_unknown_origin_is_named_by_its_id() -> None:
    parts = divide(hole(None))
    assert [part.state.origin if part.state else "" for part in parts] == ["7:child_0", "7:child_1"]


@given(st.one_of(st.integers(0, 2**64 - 1), st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=200)))
def test_ids_of_parts_are_of_the_kind_of_the_wholes_distinct_and_always_the_same(hole_id: int | str) -> None:
    whole = hole("macro", hole_id)
    ids = [part.id for part in (*divide(whole), *divide(whole, 1))]
    assert len({hole_id, *ids}) == 7
    assert all(type(one) is type(hole_id) for one in ids)
    assert ids[:3] == [part.id for part in divide(whole)]
    assert all(read_hole({"hole_id": one}).id == one for one in ids)


def test_a_part_stands_behind_the_earlier_ones_in_the_place_of_the_whole() -> None:
    whole = hole(prefix="def f():\n", suffix="\n\nx = 1\n", language="python")
    third = in_place(divide(whole)[2], whole, ["    a = 1\n", "    b = 2"])
    assert third.prefix == "def f():\n    a = 1\n    b = 2\n"
    assert third.suffix == whole.suffix
    assert in_place(divide(whole)[0], whole, []).prefix == whole.prefix
    prompt = build_prompt(third)
    assert "Write part 3 of 3" in prompt
    assert "All parts together must keep all of these constraints" in prompt
    assert "b = 2\n<<<FILL>>>" in prompt


def test_a_part_of_a_part_says_of_what_it_is_a_part() -> None:
    whole = hole(suffix="end\n")
    meso = in_place(divide(whole)[0], whole, [])
    micro = in_place(divide(meso)[1], meso, ["x\n"])
    assert micro.part is not None
    assert "Write part 2 of 2 of part 1 of 3" in asked_of(micro.part)
    assert "left to the later parts" in asked_of(micro.part)
    last = in_place(divide(whole)[2], whole, ["x\n", "y\n"])
    lowest = in_place(divide(last)[1], last, ["z\n"])
    assert lowest.prefix == "x\ny\nz\n"
    assert lowest.part is not None
    assert "must be complete" in asked_of(lowest.part)
    assert len(asked_of(lowest.part).encode()) < SECTION_BYTES


def test_a_prompt_of_its_own_is_kept_and_says_which_part_is_wanted() -> None:
    whole = hole(None, prompt="Do it.")
    first, second = divide(whole)
    assert in_place(first, whole, []).prompt == f"Do it.\n\n{asked_of(Part(parent=7, number=0, count=2))}"
    asked = in_place(second, whole, ["one\r\n"]).prompt
    assert asked is not None
    assert asked.endswith("The earlier parts:\n<code>\none\r\n\n</code>")


def test_where_nothing_is_known_around_the_earlier_parts_are_shown_as_a_piece() -> None:
    whole = hole(None)
    first, second = divide(whole)
    assert in_place(first, whole, []).pieces == ()
    (piece,) = in_place(second, whole, ["one"]).pieces
    assert (piece.kind, piece.text) == ("dependency", "one")
    assert "one" in build_prompt(in_place(second, whole, ["one"]))


def test_what_asks_for_something_is_asked_of_the_whole_and_what_forbids_of_each_part() -> None:
    constraint = {
        "name": "c",
        "json_schema": {"type": "object"},
        "regex_patterns": [{"pattern": "x"}],
        "token_masks": {},
    }
    part = divide(hole(constraints=[constraint]))[0]
    checked = as_checked(part)
    assert [one.kind for one in checked.spec.fill_constraints] == ["must_not_use_binding"]
    assert checked.state is not None
    assert checked.state.expected_type is None
    (left,) = checked.constraints
    assert (left.json_schema, left.regex_patterns) == (None, ())
    assert left.token_masks is not None
    assert as_checked(part.model_copy(update={"state": None})).state is None
    assert (weighs("syntax"), weighs("body")) == (True, False)
    assert is_read(part)
    assert is_read(part.model_copy(update={"place": place(kind="body")}))
    assert not is_read(part.model_copy(update={"place": place(kind="expression")}))


def test_an_endpoint_is_asked_for_a_part_in_words_only() -> None:
    grammar = {"rules": [{"lhs": "S", "rhs": ["x"]}], "start_symbol": "S"}
    whole = hole(
        None,
        fill_schema={"type": "object"},
        fill_grammar=grammar,
        fill_constraints=[{"kind": "must_match_pattern", "value": "x"}],
        prefix="a",
        suffix="b",
    )
    part = in_place(divide(whole)[0], whole, [])
    assert (schema_of(part), grammar_of(part), pattern_of(part)) == (None, None, None)
    endpoint = ModelEndpoint(name="e", endpoint_url="http://h/v1", supports_fim=True)
    call = call_for(part, endpoint, "k", temperature=0.5)
    assert (call.schema, call.grammar, call.regex, call.constraints) == (None, None, None, ())
    assert (call.prefix, call.suffix) == (None, None)
    assert "The whole is JSON that this schema accepts" in call.prompt
    assert "The whole follows this grammar" in call.prompt


@pytest.mark.parametrize(
    ("fills", "whole"),
    [
        (["a\n", "b\n"], "a\nb\n"),
        (["a", "b"], "a\nb"),
        (["a\n\n", "b\n"], "a\n\nb\n"),
        (["a\r\n", "b\r\n"], "a\nb\r\n"),
        (["a"], "a"),
        ([], ""),
    ],
)
def test_fills_are_joined_each_on_lines_of_its_own(fills: list[str], whole: str) -> None:
    assert joined(fills) == whole


def test_lines_end_as_those_of_the_file() -> None:
    assert joined(["a\r\n", "b\r\n"], "\r\n") == "a\r\nb\r\n"
    whole = hole(prefix="x\r\n").model_copy(update={"place": place(newline="\r\n")})
    assert in_place(divide(whole)[1], whole, ["a"]).prefix == "x\r\na\r\n"


@pytest.mark.parametrize(
    ("given_ones", "mean"), [([0.5, 1.0], 0.75), ([None, 0.4], 0.4), ([None, None], None), ([], None)]
)
def test_the_confidence_of_the_whole_is_the_mean_of_those_measured(
    given_ones: list[float | None], mean: float | None
) -> None:
    assert mean_confidence(given_ones) == (pytest.approx(mean) if mean is not None else None)


def test_what_is_known_of_the_whole_is_said_of_the_whole() -> None:
    whole = hole(prefix="def f() -> int:\n").model_copy(update={"place": place(signature="def f() -> int:")})
    prompt = build_prompt(in_place(divide(whole)[0], whole, []))
    assert "expected type of the whole: int" in prompt
    assert "it is part of the body of: def f() -> int:" in prompt
    assert "expected type: int\n" in build_prompt(whole)
    assert "it is the body of: def f() -> int:" in build_prompt(whole)


@pytest.mark.parametrize(
    ("prefix", "suffix", "around", "whole"),
    [
        ("def f():", "\nx = 1\n", ("def f():\n", "x = 1\n"), "\n    a\n    b"),
        ("def f(): ", "", ("def f():\n", ""), "\n    a\n    b"),
        ("  f() {", " }\nx\n", ("  f() {\n", "   }\nx\n"), "\n    a\n    b\n  "),
        ("f() {", "}", ("f() {\n", "}"), "\n    a\n    b\n"),
        ("f() {\n", "}\n", ("f() {\n", "}\n"), "    a\n    b\n"),
    ],
)
def test_a_body_that_shares_a_line_is_filled_on_lines_of_its_own(
    prefix: str, suffix: str, around: tuple[str, str], whole: str
) -> None:
    made = hole(prefix=prefix, suffix=suffix).model_copy(update={"place": place(kind="body")})
    first, second, _ = divide(made)
    asked = in_place(first, made, [])
    assert (asked.prefix, asked.suffix) == around
    assert in_place(second, made, ["    a\n"]).prefix == f"{around[0]}    a\n"
    assert as_one(made, ["    a\n", "    b\n"]) == whole
    apart = made.model_copy(update={"place": place(kind="statement")})
    assert in_place(first, apart, []).prefix == prefix
    assert as_one(apart, ["a", "b"]) == "a\nb"
