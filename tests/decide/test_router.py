"""Routing: the table row by row, its boundaries, and what must hold for any holes and endpoints."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maze_tasks.decide.router import ModelRouter
from maze_tasks.errors import ConfigError
from maze_tasks.models import ConstraintIR, HoleSpec, ModelCapability, ModelEndpoint, RoutingDecision

GRAMMAR = {"rules": [{"lhs": "s", "rhs": ["x"]}], "start_symbol": "s"}
MEDIUM = "default selection for medium complexity"


def endpoint(name: str, *capabilities: str, priority: int = 0) -> ModelEndpoint:
    return ModelEndpoint.model_validate(
        {"name": name, "endpoint_url": f"http://{name}", "capabilities": list(capabilities), "priority": priority}
    )


def hole(n: int = 0, **more: Any) -> HoleSpec:
    """A hole with n constraints of style and whatever else is given."""
    own = [{"kind": "style", "value": f"rule {i}"} for i in range(n)]
    return HoleSpec.model_validate({"hole_id": 7, "fill_constraints": own, **more})


def security_hole() -> HoleSpec:
    return HoleSpec.model_validate({"hole_id": 7, "fill_constraints": [{"kind": "security", "value": "no eval"}]})


def constraint(**fields: Any) -> ConstraintIR:
    return ConstraintIR.model_validate({"name": "c", **fields})


FAST = endpoint("fast", "FastInference", "CodeCompletion", priority=1)
QUALITY = endpoint("quality", "HighQuality", "LongContext", priority=2)
CONSTRAINED = endpoint("constrained", "ConstrainedGeneration", priority=3)
SECURE = endpoint("secure", "SecurityAware", priority=4)
GENERAL = endpoint("general", "CodeCompletion", priority=5)
ALL = (GENERAL, FAST, QUALITY, CONSTRAINED, SECURE)


def route(spec: HoleSpec, *constraints: ConstraintIR, over: tuple[ModelEndpoint, ...] = ALL) -> RoutingDecision:
    return ModelRouter(over).route(spec, constraints)


def test_route_simple_hole_to_fast() -> None:
    decision = route(hole())
    assert decision.primary_model == "fast"
    assert decision.reason == "simple hole, using fast inference"


def test_route_security_constraints_to_security_aware() -> None:
    masked = constraint(token_masks={"forbidden_tokens": [1, 2]})
    for decision in (route(hole(), masked), route(security_hole()), route(security_hole(), masked)):
        assert decision.primary_model == "secure"
        assert decision.reason == "security constraints require security-aware model"


def test_route_many_constraints_to_constrained() -> None:
    decision = route(hole(11))
    assert decision.primary_model == "constrained"
    assert decision.reason == "complex constraints require constrained generation"


def test_fallback_chain_by_priority() -> None:
    decision = route(hole())
    assert tuple(decision.fallback_models) == ("quality", "constrained", "secure", "general")


def test_default_model_fallback() -> None:
    decision = route(hole(), over=(GENERAL, QUALITY))
    assert decision.primary_model == "general"
    assert decision.reason == "no fast model, using default"
    assert tuple(decision.fallback_models) == ("quality",)


def test_empty_token_masks_are_a_security_constraint_and_missing_ones_are_not() -> None:
    assert route(hole(), constraint(token_masks={})).primary_model == "secure"
    assert route(hole(), constraint(token_masks=None)).primary_model == "fast"


def test_any_of_several_constraints_decides() -> None:
    assert route(hole(), constraint(), constraint(token_masks={})).primary_model == "secure"
    assert route(hole(), constraint(), constraint(grammar=GRAMMAR)).primary_model == "constrained"


def test_security_goes_before_constrained_and_constrained_before_complexity() -> None:
    assert route(hole(11), constraint(token_masks={}, grammar=GRAMMAR)).primary_model == "secure"
    assert route(hole(0), constraint(grammar=GRAMMAR)).primary_model == "constrained"
    assert route(hole(11)).primary_model == "constrained"


def test_the_hole_s_own_grammar_is_complexity_and_not_a_call_for_constrained_generation() -> None:
    assert route(hole(fill_grammar=GRAMMAR)).primary_model == "fast"


@pytest.mark.parametrize(
    ("n", "primary"),
    [*[(n, "fast") for n in (0, 1, 2)]]
    + [(n, "general") for n in (3, 4, 5, 6, 7)]
    + [(n, "quality") for n in (8, 9, 10)]
    + [(n, "constrained") for n in (11, 12, 40)],
)
def test_constraints_alone_decide_by_their_number(n: int, primary: str) -> None:
    assert route(hole(n)).primary_model == primary


@pytest.mark.parametrize(
    ("spec", "constraints", "reason"),
    [
        (security_hole(), (), "no security-aware model, using default"),
        (hole(), (constraint(token_masks={}),), "no security-aware model, using default"),
        (hole(11), (), "no constrained generation model, using default"),
        (hole(), (constraint(grammar=GRAMMAR),), "no constrained generation model, using default"),
        (hole(2), (), "no fast model, using default"),
        (hole(8), (), "no high quality model, using default"),
        (hole(5), (), MEDIUM),
    ],
)
def test_without_the_capability_the_first_listed_endpoint_is_the_primary(
    spec: HoleSpec, constraints: tuple[ConstraintIR, ...], reason: str
) -> None:
    listed = (endpoint("first", priority=9), endpoint("second", "CodeCompletion", priority=0))
    decision = route(spec, *constraints, over=listed)
    assert (decision.primary_model, decision.reason) == ("first", reason)
    assert tuple(decision.fallback_models) == ("second",)


def test_a_sum_that_is_on_the_threshold_on_paper_is_on_it() -> None:
    schema = {
        "type": "object",
        "properties": {**{f"p{i}": True for i in range(5)}, "o": {}},
        "required": ["a", "b", "c"],
    }
    decision = route(hole(6, fill_schema=schema))  # (0.6 + 0.3 + 0.3 + 0.2) / 2 = 0.7
    assert (decision.primary_model, decision.reason) == ("general", MEDIUM)


def test_equal_priorities_keep_the_listed_order() -> None:
    listed = (endpoint("z", "FastInference"), endpoint("a", "FastInference"), endpoint("m"))
    decision = route(hole(), over=listed)
    assert (decision.primary_model, tuple(decision.fallback_models)) == ("z", ("a", "m"))


def test_the_lowest_priority_number_with_the_capability_wins() -> None:
    listed = (
        endpoint("late", "FastInference", priority=3),
        endpoint("none", priority=0),
        endpoint("early", "FastInference", priority=1),
    )
    decision = route(hole(), over=listed)
    assert (decision.primary_model, tuple(decision.fallback_models)) == ("early", ("none", "late"))


def test_no_endpoint_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="no endpoint") as error:
        ModelRouter(())
    assert error.value.field == "endpoints"


def test_two_endpoints_of_one_name_are_a_configuration_error_that_names_both() -> None:
    with pytest.raises(ConfigError, match=r"'fast' is taken by endpoints\[0\]") as error:
        ModelRouter((FAST, QUALITY, endpoint("fast")))
    assert error.value.field == "endpoints[2].name"


def test_constraints_may_be_left_out() -> None:
    assert ModelRouter(ALL).route(hole()) == ModelRouter(ALL).route(hole(), [])


# What must hold for any holes and endpoints.

token_masks = st.sampled_from([None, {}, {"allowed_tokens": [1]}])
constraint_lists = st.lists(
    st.builds(constraint, token_masks=token_masks, grammar=st.sampled_from([None, None, GRAMMAR])), max_size=3
)


@st.composite
def specs(draw: st.DrawFn) -> HoleSpec:
    kinds = draw(st.lists(st.sampled_from(["style", "must_have_type", "generic", "security"]), max_size=13))
    raw: dict[str, Any] = {"hole_id": 1, "fill_constraints": [{"kind": kind, "value": "v"} for kind in kinds]}
    if draw(st.booleans()):
        properties = draw(st.lists(st.sampled_from([True, {}]), max_size=12))
        raw["fill_schema"] = {
            "type": "object",
            "properties": {f"p{i}": value for i, value in enumerate(properties)},
            "required": ["r"] * draw(st.integers(0, 4)),
        }
    if draw(st.booleans()):
        lengths = draw(st.lists(st.integers(0, 6), max_size=30))
        rules = [{"lhs": "l", "rhs": ["x"] * length} for length in lengths]
        raw["fill_grammar"] = {"rules": rules, "start_symbol": "l"}
    return HoleSpec.model_validate(raw)


@st.composite
def endpoint_lists(draw: st.DrawFn) -> list[ModelEndpoint]:
    names = draw(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=6, unique=True))
    capabilities = st.sets(st.sampled_from([capability.value for capability in ModelCapability]), max_size=3)
    return [endpoint(name, *sorted(draw(capabilities)), priority=draw(st.integers(0, 2))) for name in names]


def paper_complexity(spec: HoleSpec) -> Fraction:
    factors = [min(Fraction(len(spec.fill_constraints), 10), Fraction(1))]
    if spec.fill_schema is not None:
        properties = spec.fill_schema.properties
        factors.append(
            min(Fraction(len(properties), 20), Fraction(1, 2))
            + min(Fraction(len(spec.fill_schema.required), 10), Fraction(3, 10))
            + (Fraction(1, 5) if any(value == {} for value in properties.values()) else 0)
        )
    if spec.fill_grammar is not None:
        lengths = [len(rule.rhs) for rule in spec.fill_grammar.rules]
        mean = Fraction(sum(lengths), len(lengths)) if lengths else Fraction(0)
        half = Fraction(1, 2)
        factors.append(min(Fraction(len(lengths), 50), half) + min(mean / 10, half))
    return sum(factors, Fraction(0)) / len(factors)


def wanted(spec: HoleSpec, constraints: list[ConstraintIR]) -> tuple[str | None, str, str]:
    """The table of the contract as one reads it: capability, reason if found, reason if not."""
    kinds = [own.kind for own in spec.fill_constraints]
    hardness = paper_complexity(spec)
    if "security" in kinds or [c for c in constraints if c.token_masks is not None]:
        found, missing = "security constraints require security-aware model", "no security-aware model, using default"
        return "SecurityAware", found, missing
    if len(kinds) >= 11 or [c for c in constraints if c.grammar is not None]:
        found = "complex constraints require constrained generation"
        return "ConstrainedGeneration", found, "no constrained generation model, using default"
    if hardness < Fraction(3, 10):
        return "FastInference", "simple hole, using fast inference", "no fast model, using default"
    if hardness > Fraction(7, 10):
        return "HighQuality", "complex hole, using high quality model", "no high quality model, using default"
    return None, MEDIUM, MEDIUM


def expected(
    endpoints: list[ModelEndpoint], spec: HoleSpec, constraints: list[ConstraintIR]
) -> tuple[str, tuple[str, ...], str]:
    capability, found, missing = wanted(spec, constraints)
    ranks = {e.name: (e.priority, position) for position, e in enumerate(endpoints)}
    able = [e.name for e in endpoints if capability in [c.value for c in e.capabilities]]
    primary = min(able, key=ranks.__getitem__) if able else endpoints[0].name
    others = tuple(sorted(set(ranks) - {primary}, key=ranks.__getitem__))
    return primary, others, found if able else missing


@settings(deadline=None, max_examples=200)
@given(endpoints=endpoint_lists(), spec=specs(), constraints=constraint_lists)
def test_every_hole_goes_where_the_table_says(
    endpoints: list[ModelEndpoint], spec: HoleSpec, constraints: list[ConstraintIR]
) -> None:
    decision = ModelRouter(endpoints).route(spec, constraints)
    found = (decision.primary_model, tuple(decision.fallback_models), decision.reason)
    assert found == expected(endpoints, spec, constraints)


@settings(deadline=None)
@given(endpoints=endpoint_lists(), spec=specs(), constraints=constraint_lists)
def test_every_endpoint_stands_exactly_once_in_a_decision_and_fallbacks_are_sorted(
    endpoints: list[ModelEndpoint], spec: HoleSpec, constraints: list[ConstraintIR]
) -> None:
    decision = ModelRouter(endpoints).route(spec, constraints)
    names = [e.name for e in endpoints]
    assert sorted([decision.primary_model, *decision.fallback_models]) == sorted(names)
    ranks = {e.name: (e.priority, position) for position, e in enumerate(endpoints)}
    assert [ranks[name] for name in decision.fallback_models] == sorted(ranks[n] for n in decision.fallback_models)


@settings(deadline=None)
@given(endpoints=endpoint_lists(), spec=specs(), constraints=constraint_lists)
def test_the_same_hole_always_goes_the_same_way(
    endpoints: list[ModelEndpoint], spec: HoleSpec, constraints: list[ConstraintIR]
) -> None:
    router = ModelRouter(endpoints)
    assert router.route(spec, constraints) == router.route(spec, constraints)
    assert ModelRouter(endpoints).route(spec, constraints) == router.route(spec, constraints)
