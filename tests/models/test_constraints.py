from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from maze_tasks.models import (
    Binding,
    ConstraintIR,
    Grammar,
    JsonSchema,
    TokenMasks,
    TypeInhabitationData,
    TypeLanguage,
    explain,
    read_constraints,
)


def test_a_schema_is_read_in_both_spellings_and_written_in_one() -> None:
    ours = JsonSchema.model_validate({"schema_type": "object", "additional_properties": True})
    theirs = JsonSchema.model_validate({"type": "object", "additionalProperties": True})
    assert ours == theirs
    assert ours.model_dump(mode="json") == {
        "schema_type": "object",
        "properties": {},
        "required": [],
        "additional_properties": True,
    }


def test_a_null_in_one_spelling_leaves_the_other_to_speak() -> None:
    assert JsonSchema.model_validate({"schema_type": None, "type": "array"}).schema_type == "array"
    binding = Binding.model_validate({"name": "a", "type_sig": None, "type": "int"})
    assert binding.model_dump() == {"name": "a", "type_sig": "int"}


def test_sub_schemas_stay_as_they_came_nulls_included() -> None:
    properties = {"a": {"type": "string", "default": None}, "b": True, "c": "text"}
    assert JsonSchema.model_validate({"type": "object", "properties": properties}).properties == properties


def test_a_rule_may_produce_nothing() -> None:
    grammar = Grammar.model_validate({"rules": [{"lhs": "e", "rhs": [], "is_optional": None}], "start_symbol": "e"})
    assert grammar.model_dump(mode="json")["rules"] == [{"lhs": "e", "rhs": [], "is_optional": False}]


@pytest.mark.parametrize("language", [*TypeLanguage, "Rust", "TypeScript"])
def test_each_type_language_is_read(language: str) -> None:
    data = TypeInhabitationData.model_validate({"goal_type": "T", "language": language})
    assert data.model_dump(mode="json")["language"] == language.lower()


def test_zig_is_read_in_the_spelling_of_its_tools() -> None:
    assert TypeInhabitationData.model_validate({"goal_type": "T", "language": "zig_lang"}).language == "zig"


def test_an_unknown_type_language_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ValidationError) as caught:
        TypeInhabitationData.model_validate({"goal_type": "T", "language": "pyton"})
    [(place, reason)] = explain(caught.value)
    assert place == "language"
    assert reason.startswith("unknown language 'pyton'; did you mean 'python'? known: typescript, ")


def test_a_token_mask_keeps_64_bit_hashes_exactly_and_an_empty_one_is_still_a_mask() -> None:
    masks = TokenMasks.model_validate({"allowed_tokens": [0, 2**53 + 1, 2**64 - 1], "forbidden_tokens": None})
    assert TokenMasks.model_validate_json(masks.model_dump_json()).allowed_tokens == (0, 2**53 + 1, 2**64 - 1)
    assert read_constraints({"token_masks": {}})[0].token_masks == TokenMasks()


def test_constraints_come_as_none_one_or_many() -> None:
    one = ConstraintIR(name="a")
    assert read_constraints(None) == ()
    assert read_constraints([]) == ()
    assert read_constraints({"name": "a"}) == (one,)
    assert read_constraints(one) == (one,)
    assert read_constraints([{"name": "a"}, one, {}]) == (one, one, ConstraintIR())


@pytest.mark.parametrize("nameless", [{}, {"name": None}])
def test_a_constraint_without_a_name_is_unnamed(nameless: dict[str, Any]) -> None:
    assert read_constraints(nameless)[0].name == "unnamed"


def test_the_export_wrapper_is_taken_off_and_its_other_keys_become_rich_context() -> None:
    wrapped = {"language": "rust", "source": "a.rs", "nothing": None, "constraint_ir": {"name": "a", "priority": 7}}
    [constraint] = read_constraints(wrapped)
    assert constraint == ConstraintIR(name="a", priority=7, rich_context={"language": "rust", "source": "a.rs"})
    assert read_constraints([wrapped, {"name": "b"}]) == (constraint, ConstraintIR(name="b"))


@pytest.mark.parametrize(
    ("own", "merged"),
    [
        (None, {"language": "rust"}),
        ({"types": 1}, {"language": "rust", "types": 1}),
        ({"language": "go"}, {"language": "go"}),
        ("a note", {"language": "rust", "rich_context": "a note"}),
    ],
)
def test_a_constraints_own_context_is_kept_inside_a_wrapper(own: object, merged: dict[str, Any]) -> None:
    [constraint] = read_constraints({"language": "rust", "constraint_ir": {"rich_context": own}})
    assert constraint.rich_context == merged


def test_a_wrapper_may_hold_nothing_or_several_or_only_the_constraint() -> None:
    assert read_constraints({"language": "rust", "constraint_ir": None}) == ()
    assert read_constraints({"constraint_ir": {"name": "a"}}) == (ConstraintIR(name="a"),)
    several = read_constraints({"language": "go", "constraint_ir": [{"name": "a"}, {"name": "b"}]})
    assert [(each.name, each.rich_context) for each in several] == [
        ("a", {"language": "go"}),
        ("b", {"language": "go"}),
    ]


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ("text", ""),
        (5, ""),
        ([{"name": "a"}, 5], "[1]"),
        ({"language": "rust", "constraint_ir": 5}, "[0]"),
        ([{"regex_patterns": [{"flags": "i"}]}], "[0].regex_patterns[0].pattern"),
    ],
)
def test_what_is_no_constraint_is_refused_by_its_place(wrong: object, place: str) -> None:
    with pytest.raises(ValidationError) as caught:
        read_constraints(wrong)
    assert [each for each, _ in explain(caught.value)] == [place]


@given(st.lists(st.builds(ConstraintIR, name=st.text(), priority=st.integers(0, 2**32 - 1)), max_size=4))
def test_constraints_read_back_what_they_wrote(constraints: list[ConstraintIR]) -> None:
    assert read_constraints([each.model_dump(mode="json") for each in constraints]) == tuple(constraints)
