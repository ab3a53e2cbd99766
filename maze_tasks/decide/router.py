"""Which endpoint a hole goes to first, which after it, and why.

Source: CONTRACTS section 2, "Routing rules".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from maze_tasks.decide.complexity import complexity
from maze_tasks.errors import ConfigError
from maze_tasks.models import ConstraintIR, HoleSpec, ModelCapability, ModelEndpoint, RoutingDecision

CONSTRAINED_ABOVE = 10  # fill constraints that a hole may have before it needs constrained generation
SIMPLE_BELOW = 0.3  # complexity
COMPLEX_ABOVE = 0.7  # complexity

MEDIUM = "default selection for medium complexity"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the routing table.

    Args:
        applies: whether the row is meant for this hole under these constraints.
        wants: the capability it asks for.
        found: reason given where an endpoint has it.
        missing: reason given where none has and the default is taken.
    """

    applies: Callable[[HoleSpec, Sequence[ConstraintIR]], bool]
    wants: ModelCapability
    found: str
    missing: str


def needs_security(spec: HoleSpec, constraints: Sequence[ConstraintIR]) -> bool:
    """Whether a constraint masks tokens (an empty mask counts) or a fill constraint is about security."""
    masked = any(constraint.token_masks is not None for constraint in constraints)
    return masked or any(constraint.kind == "security" for constraint in spec.fill_constraints)


def needs_constrained(spec: HoleSpec, constraints: Sequence[ConstraintIR]) -> bool:
    """Whether there are more fill constraints than prompting can be trusted with, or a constraint with a grammar."""
    many = len(spec.fill_constraints) > CONSTRAINED_ABOVE
    return many or any(constraint.grammar is not None for constraint in constraints)


def is_simple(spec: HoleSpec, _constraints: Sequence[ConstraintIR]) -> bool:
    """Whether the hole is simple enough for the fastest model."""
    return complexity(spec) < SIMPLE_BELOW


def is_complex(spec: HoleSpec, _constraints: Sequence[ConstraintIR]) -> bool:
    """Whether the hole is complex enough to ask for the best model."""
    return complexity(spec) > COMPLEX_ABOVE


# The first row that applies wins.
RULES = (
    Rule(
        needs_security,
        ModelCapability.SECURITY_AWARE,
        "security constraints require security-aware model",
        "no security-aware model, using default",
    ),
    Rule(
        needs_constrained,
        ModelCapability.CONSTRAINED_GENERATION,
        "complex constraints require constrained generation",
        "no constrained generation model, using default",
    ),
    Rule(
        is_simple,
        ModelCapability.FAST_INFERENCE,
        "simple hole, using fast inference",
        "no fast model, using default",
    ),
    Rule(
        is_complex,
        ModelCapability.HIGH_QUALITY,
        "complex hole, using high quality model",
        "no high quality model, using default",
    ),
)


class ModelRouter:
    """Routes holes over a fixed set of endpoints.

    There are only as many decisions as rows in the table, so all are made once and `route` merely picks one.

    Args:
        endpoints: the endpoints as they are listed in the configuration; the first is the default.

    Raises:
        ConfigError: there is no endpoint, or two have one name.
    """

    def __init__(self, endpoints: Sequence[ModelEndpoint]) -> None:
        _refuse_ambiguous(endpoints)
        # Sorting is stable: equal priorities keep the listed order.
        ranked = sorted(endpoints, key=lambda endpoint: endpoint.priority)
        self._table = tuple((rule, _decision(rule, endpoints[0], ranked)) for rule in RULES)
        self._medium = _starting_with(endpoints[0], ranked, MEDIUM)

    def route(self, spec: HoleSpec, constraints: Sequence[ConstraintIR] = ()) -> RoutingDecision:
        """Where a hole goes.

        Args:
            spec: the hole.
            constraints: the constraints that hold for it.

        Returns:
            Every endpoint exactly once: the primary, then all others by priority (lower first), then listed order.
        """
        matching = (decision for rule, decision in self._table if rule.applies(spec, constraints))
        return next(matching, self._medium)


def _decision(rule: Rule, default: ModelEndpoint, ranked: Sequence[ModelEndpoint]) -> RoutingDecision:
    """What a row of the table comes to with these endpoints, given by rank."""
    capable = next((endpoint for endpoint in ranked if rule.wants in endpoint.capabilities), None)
    if capable is None:
        return _starting_with(default, ranked, rule.missing)
    return _starting_with(capable, ranked, rule.found)


def _starting_with(primary: ModelEndpoint, ranked: Sequence[ModelEndpoint], reason: str) -> RoutingDecision:
    others = tuple(endpoint.name for endpoint in ranked if endpoint.name != primary.name)
    return RoutingDecision(primary_model=primary.name, fallback_models=others, reason=reason)


def _refuse_ambiguous(endpoints: Sequence[ModelEndpoint]) -> None:
    if not endpoints:
        raise ConfigError("no endpoint is configured; at least one is needed", field="endpoints")
    first_at: dict[str, int] = {}
    for index, endpoint in enumerate(endpoints):
        earlier = first_at.setdefault(endpoint.name, index)
        if earlier != index:
            raise ConfigError(
                f"the name {endpoint.name!r} is taken by endpoints[{earlier}]; every endpoint needs its own",
                field=f"endpoints[{index}].name",
            )
