from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from maze_tasks.models import (
    ConstraintIR,
    FillConstraint,
    Grammar,
    GrammarRule,
    Hole,
    HoleSpec,
    HoleState,
    HoleStateStatus,
    JsonSchema,
    Scale,
    explain,
    read_hole,
)
from maze_tasks.names import HoleId

STATE: dict[str, Any] = {"id": 7, "scale": "nano", "origin": "src/a.rs:10:5", "status": "Pending"}
SPECIAL_IDS = [0, 1, 2**53 + 1, 2**63, 2**64 - 1]
ID_ERROR = "should be a whole number in 0..2^64-1 or a text of 1 to 200 characters"


def problems_of(line: object) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        read_hole(line)
    return explain(caught.value)


# --- ids ---


@pytest.mark.parametrize("hole_id", [*SPECIAL_IDS, "5", "0", "é/✓ %", "x" * 200], ids=str)
def test_ids_come_back_as_they_came_through_json_text(hole_id: HoleId) -> None:
    hole = read_hole(json.loads(json.dumps({"hole_id": hole_id})))
    again = Hole.load(json.loads(json.dumps(hole.dump())))
    assert again == hole
    assert again.id == again.spec.hole_id == hole_id
    assert type(again.id) is type(hole_id)


@pytest.mark.parametrize("key", ["hole_id", "id"])
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (True, ID_ERROR),
        (5.0, ID_ERROR),
        ([5], ID_ERROR),
        (-1, "should lie in 0..18446744073709551615 (64 bits without sign)"),
        (2**64, "should lie in 0..18446744073709551615 (64 bits without sign)"),
        ("", "should have 1 to 200 characters"),
        ("x" * 201, "should have 1 to 200 characters"),
        ("\ud800", "should be valid Unicode"),
    ],
)
def test_what_cannot_be_an_id_is_refused(key: str, wrong: object, reason: str) -> None:
    assert problems_of({**STATE, key: wrong}) == [(key, reason)]


def test_an_id_as_number_and_the_same_as_text_differ() -> None:
    hole = read_hole({"hole_id": 1, "depends_on": [5, "5", 5]})
    assert hole.depends_on == (5, "5")
    assert read_hole({"hole_id": 5}) != read_hole({"hole_id": "5"})


# --- forms ---


def test_a_spec_alone_is_a_hole() -> None:
    line = {"hole_id": 3, "fill_schema": {"type": "object"}, "fill_constraints": [{"kind": "style", "value": "v"}]}
    hole = read_hole(line)
    assert hole == Hole(
        id=3,
        spec=HoleSpec(
            hole_id=3,
            fill_schema=JsonSchema(schema_type="object"),
            fill_constraints=(FillConstraint(kind="style", value="v"),),
        ),
    )
    assert hole.state is None


def test_a_constraint_of_a_state_that_begins_with_a_known_kind_is_of_that_kind() -> None:
    texts = ["must_use_binding: total", "style : x", "prefer: x", "must_match_pattern: a: b", "security: "]
    state = {"id": 1, "scale": "nano", "origin": "a.py:1:1", "status": "Pending", "constraints": texts}
    assert [(demand.kind, demand.value) for demand in read_hole(state).spec.fill_constraints] == [
        ("must_use_binding", "total"),
        ("generic", "style : x"),
        ("generic", "prefer: x"),
        ("must_match_pattern", "a: b"),
        ("generic", "security: "),
    ]


def test_a_state_alone_is_a_hole_whose_constraints_are_generic_demands() -> None:
    hole = read_hole({**STATE, "constraints": ["is pure", "returns int"], "depends_on": [1, "1"]})
    assert hole.id == 7
    assert hole.state == HoleState.model_validate(
        {**STATE, "constraints": ["is pure", "returns int"], "depends_on": [1, "1"]}
    )
    assert [(each.kind, each.value) for each in hole.spec.fill_constraints] == [
        ("generic", "is pure"),
        ("generic", "returns int"),
    ]
    assert hole.constraints == ()
    assert hole.depends_on == (1, "1")


@pytest.mark.parametrize("inner", [{"hole_id": 7}, STATE], ids=["spec", "state"])
def test_the_full_form_says_more_beside_the_hole(inner: dict[str, Any]) -> None:
    hole = read_hole(
        {
            "hole": inner,
            "constraints": {"name": "a"},
            "prompt": "p",
            "prefix": "before\r\n",
            "suffix": "\tafter",
            "language": "rust",
            "path": "src/a.rs",
            "depends_on": [1],
            "max_tokens": 9,
            "temperature": 0,
        }
    )
    assert hole.id == 7
    assert hole.constraints == (ConstraintIR(name="a"),)
    assert (hole.prompt, hole.prefix, hole.suffix) == ("p", "before\r\n", "\tafter")
    assert (hole.language, hole.path, hole.depends_on) == ("rust", "src/a.rs", (1,))
    assert (hole.max_tokens, hole.temperature) == (9, 0.0)
    assert (hole.state is not None) == ("id" in inner)


def test_a_flat_line_may_carry_what_the_full_form_says_beside_the_hole() -> None:
    beside = {"prefix": "a", "suffix": "b", "prompt": "p", "max_tokens": 5, "constraints": [{"name": "c"}]}
    flat, full = read_hole({"hole_id": 1, **beside}), read_hole({"hole": {"hole_id": 1}, **beside})
    assert flat == full
    assert read_hole({**STATE, "prefix": "a"}) == read_hole({"hole": STATE, "prefix": "a"})


def test_what_stands_outside_the_inner_hole_goes_before_what_stands_inside() -> None:
    line: dict[str, Any] = {"hole": {"hole_id": 1, "prefix": "in", "suffix": "in"}, "prefix": "out", "suffix": None}
    hole = read_hole(line)
    assert (hole.prefix, hole.suffix) == ("out", "in")


@pytest.mark.parametrize("constraints", [{"name": "a"}, [{"name": "a"}]])
def test_objects_among_a_flat_states_constraints_are_compiled_constraints(constraints: object) -> None:
    hole = read_hole({**STATE, "constraints": constraints})
    assert hole.constraints == (ConstraintIR(name="a"),)
    assert hole.state is not None
    assert hole.state.constraints == ()


def test_a_state_and_the_line_around_it_both_may_name_dependencies() -> None:
    line: dict[str, Any] = {"hole": {**STATE, "depends_on": [1, 2]}, "depends_on": [2, 3]}
    assert read_hole(line).depends_on == (1, 2, 3)


def test_a_line_with_an_id_is_a_hole_even_if_it_calls_something_else_a_hole() -> None:
    assert read_hole({"hole_id": 1, "hole": "text"}).id == 1


def test_null_is_the_same_as_missing_throughout_a_line() -> None:
    line = {"hole": {"hole_id": 1, "id": None, "fill_constraints": None}, "constraints": None, "depends_on": None}
    assert read_hole(line) == read_hole({"hole_id": 1})
    assert read_hole({"hole": None, "hole_id": 1}) == read_hole({"hole_id": 1})


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (5, [("", "should be an object")]),
        (None, [("", "should be an object")]),
        ([], [("", "should be an object")]),
        ({}, [("hole_id", "is required (or `id`, in the form of a HoleState)")]),
        ({"hole": 5}, [("hole", "should be an object")]),
        ({"hole": {}}, [("hole.hole_id", "is required (or `id`, in the form of a HoleState)")]),
        ({"hole_id": 1, "fill_schema": {"type": 5}}, [("fill_schema.type", "should be a valid string")]),
        ({"hole_id": 1, "constraints": 5}, [("constraints", "should be a list")]),
        ({**STATE, "constraints": "text"}, [("constraints", "should be a list")]),
        ({**STATE, "constraints": ["a", {}]}, [("constraints[1]", "should be a valid string")]),
        ({"hole_id": 1, "max_tokens": 0}, [("max_tokens", "should be greater than or equal to 1")]),
        ({"hole_id": 1, "temperature": -1}, [("temperature", "should be greater than or equal to 0")]),
        ({"hole_id": 1, "prefix": 5}, [("prefix", "should be a valid string")]),
        ({"hole_id": 1, "prefix": "\ud800"}, [("prefix", "should be valid Unicode")]),
    ],
)
def test_a_wrong_line_is_refused_by_the_path_as_the_line_spells_it(
    line: object, expected: list[tuple[str, str]]
) -> None:
    assert problems_of(line) == expected


def test_all_problems_of_a_line_are_named_at_once() -> None:
    line: dict[str, Any] = {
        "hole": {**STATE, "scale": "huge", "status": "Pendin"},
        "constraints": [{}, {"json_schema": {}}],
        "max_tokens": 0,
    }
    assert problems_of(line) == [
        ("hole.scale", "unknown scale 'huge'; known: nano, micro, meso, macro"),
        (
            "hole.status",
            "unknown status 'Pendin'; did you mean 'Pending'? known: "
            "Pending, InProgress, Filled, Failed, Skipped, NeedsHuman, PendingChildren",
        ),
        ("constraints[1].json_schema.schema_type", "is required"),
        ("max_tokens", "should be greater than or equal to 1"),
    ]


# --- states ---


@pytest.mark.parametrize(
    ("spelling", "scale"),
    [
        ("nano", Scale.NANO),
        ("micro", Scale.MICRO),
        ("meso", Scale.MESO),
        ("macro", Scale.MACRO),
        ("expression", Scale.NANO),
        ("statement", Scale.MICRO),
        ("block", Scale.MESO),
        ("function", Scale.MACRO),
        ("module", Scale.MACRO),
        ("specification", Scale.MACRO),
        ("Nano", Scale.NANO),
        ("Expression", Scale.NANO),
    ],
)
def test_both_vocabularies_of_scale_are_read_and_one_is_written(spelling: str, scale: Scale) -> None:
    state = HoleState.model_validate({**STATE, "scale": spelling})
    assert state.scale is scale
    assert state.model_dump(mode="json")["scale"] == scale.value


@pytest.mark.parametrize("status", list(HoleStateStatus))
def test_each_status_is_read(status: HoleStateStatus) -> None:
    assert HoleState.model_validate({**STATE, "status": status.value}).status is status


@pytest.mark.parametrize("field", ["scale", "status"])
def test_a_name_that_is_no_text_is_refused(field: str) -> None:
    assert [place for place, _ in problems_of({**STATE, field: 5})] == [field]


# --- storing ---

IDS = st.sampled_from(SPECIAL_IDS) | st.integers(0, 2**64 - 1) | st.text(min_size=1, max_size=200)
TEXTS = st.none() | st.text(max_size=20)
SCHEMAS = st.builds(
    JsonSchema,
    schema_type=st.text(max_size=5),
    properties=st.dictionaries(st.text(max_size=5), st.dictionaries(st.text(max_size=3), st.integers()), max_size=2),
    required=st.lists(st.text(max_size=5), max_size=2).map(tuple),
    additional_properties=st.booleans(),
)
GRAMMARS = st.builds(
    Grammar,
    rules=st.lists(
        st.builds(GrammarRule, lhs=st.text(max_size=3), rhs=st.lists(st.text(max_size=3), max_size=2).map(tuple)),
        max_size=2,
    ).map(tuple),
    start_symbol=st.text(max_size=3),
)
DEMANDS = st.builds(FillConstraint, kind=st.text(max_size=5), value=st.text(max_size=5), error_message=TEXTS)
SPECS = st.builds(
    HoleSpec,
    hole_id=IDS,
    fill_schema=st.none() | SCHEMAS,
    fill_grammar=st.none() | GRAMMARS,
    fill_constraints=st.lists(DEMANDS, max_size=2).map(tuple),
    grammar_ref=TEXTS,
)
STATES = st.builds(
    HoleState,
    id=IDS,
    scale=st.sampled_from(Scale),
    origin=st.text(max_size=9),
    constraints=st.lists(st.text(max_size=5), max_size=2).map(tuple),
    confidence=st.floats(0, 1),
    status=st.sampled_from(HoleStateStatus),
    depends_on=st.lists(IDS, max_size=2).map(tuple),
    parent_id=st.none() | IDS,
    child_ids=st.lists(IDS, max_size=2).map(tuple),
)
HOLES = st.builds(
    Hole,
    id=IDS,
    spec=SPECS,
    state=st.none() | STATES,
    constraints=st.lists(st.builds(ConstraintIR, json_schema=st.none() | SCHEMAS), max_size=2).map(tuple),
    prompt=TEXTS,
    prefix=TEXTS,
    suffix=TEXTS,
    language=TEXTS,
    path=TEXTS,
    depends_on=st.lists(IDS, max_size=3).map(tuple),
    max_tokens=st.none() | st.integers(1, 2**32 - 1),
    temperature=st.none() | st.floats(0, 2),
)


@settings(max_examples=60)
@given(HOLES)
def test_a_stored_hole_is_the_same_hole(hole: Hole) -> None:
    again = Hole.load(json.loads(json.dumps(hole.dump())))
    assert again == hole
    assert json.dumps(again.dump()) == json.dumps(hole.dump())


@settings(max_examples=60)
@given(SPECS, STATES)
def test_canonical_shapes_are_hole_lines(spec: HoleSpec, state: HoleState) -> None:
    assert read_hole(json.loads(spec.model_dump_json())).spec == spec
    assert read_hole({"hole": json.loads(state.model_dump_json())}).state == state


def test_a_hole_that_something_else_wrote_is_refused() -> None:
    with pytest.raises(ValidationError):
        Hole.load({"hole_id": 1})
