"""Complexity against exact fractions, and its sums where they fall on a threshold."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maze_tasks.decide.complexity import complexity
from maze_tasks.models import HoleSpec


def spec_of(*, n: int = 0, schema: tuple[int, int, int] | None = None, grammar: list[int] | None = None) -> HoleSpec:
    """A hole with n fill constraints; schema = (properties, objects among them, required); grammar = lengths of rhs."""
    raw: dict[str, Any] = {"hole_id": 1, "fill_constraints": [{"kind": "style", "value": str(i)} for i in range(n)]}
    if schema is not None:
        properties, objects, required = schema
        raw["fill_schema"] = {
            "type": "object",
            "properties": {f"p{i}": {"type": "string"} if i < objects else True for i in range(properties)},
            "required": [f"r{i}" for i in range(required)],
        }
    if grammar is not None:
        rules = [{"lhs": f"l{i}", "rhs": ["x"] * length} for i, length in enumerate(grammar)]
        raw["fill_grammar"] = {"rules": rules, "start_symbol": "l0"}
    return HoleSpec.model_validate(raw)


def exact(n: int, schema: tuple[int, int, int] | None, grammar: list[int] | None) -> Fraction:
    """The formula of the contract in fractions, written apart from the code under test."""
    half = Fraction(1, 2)
    factors = [min(Fraction(n, 10), Fraction(1))]
    if schema is not None:
        properties, objects, required = schema
        nested = min(Fraction(objects, 5), Fraction(1, 5))
        total = min(Fraction(properties, 20), half) + min(Fraction(required, 10), Fraction(3, 10)) + nested
        factors.append(min(total, Fraction(1)))
    if grammar is not None:
        mean = Fraction(sum(grammar), len(grammar)) if grammar else Fraction(0)
        factors.append(min(min(Fraction(len(grammar), 50), half) + min(mean / 10, half), Fraction(1)))
    return sum(factors, Fraction(0)) / len(factors)


schemas = st.none() | st.tuples(st.integers(0, 14), st.integers(0, 7), st.integers(0, 5)).map(
    lambda t: (t[0], min(t[0], t[1]), t[2])
)
grammars = st.none() | st.lists(st.integers(0, 12), max_size=30)


@settings(deadline=None)
@given(n=st.integers(0, 14), schema=schemas, grammar=grammars)
def test_it_is_the_mean_of_the_factors_present(
    n: int, schema: tuple[int, int, int] | None, grammar: list[int] | None
) -> None:
    found = complexity(spec_of(n=n, schema=schema, grammar=grammar))
    expected = exact(n, schema, grammar)
    assert 0 <= found <= 1
    assert found == round(float(expected), 9)
    # On the same side of both thresholds as on paper, on the threshold included.
    for threshold in (Fraction(3, 10), Fraction(7, 10)):
        assert (found < float(threshold)) == (expected < threshold)
        assert (found > float(threshold)) == (expected > threshold)


@pytest.mark.parametrize(
    ("n", "schema", "grammar", "expected"),
    [
        (0, None, None, 0.0),
        (3, None, None, 0.3),
        (7, None, None, 0.7),
        (10, None, None, 1.0),
        (25, None, None, 1.0),
        (4, (10, 1, 3), None, 0.7),  # (0.4 + 1.0) / 2
        (6, (6, 1, 3), None, 0.7),  # (0.6 + 0.3 + 0.3 + 0.2) / 2
        (10, (8, 1, 3), None, 0.95),
        (7, None, [2] * 25, 0.7),  # (0.7 + 0.5 + 0.2) / 2
        (1, (2, 1, 1), [1] * 10, 0.266666667),  # (0.1 + 0.4 + 0.3) / 3
        (0, (0, 0, 0), None, 0.0),
        (4, None, [], 0.2),
        (3, (4, 0, 1), [1] * 10, 0.3),  # (0.3 + 0.3 + 0.3) / 3
    ],
)
def test_sums_come_out_as_on_paper(
    n: int, schema: tuple[int, int, int] | None, grammar: list[int] | None, expected: float
) -> None:
    assert complexity(spec_of(n=n, schema=schema, grammar=grammar)) == expected


def test_only_properties_that_are_json_objects_count_as_such() -> None:
    plain = HoleSpec.model_validate({"hole_id": 1, "fill_schema": {"type": "object", "properties": {"a": "string"}}})
    nested = HoleSpec.model_validate({"hole_id": 1, "fill_schema": {"type": "object", "properties": {"a": {}}}})
    assert complexity(plain) == 0.025
    assert complexity(nested) == 0.125
