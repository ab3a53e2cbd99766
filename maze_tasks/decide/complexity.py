"""How hard a hole looks from its constraints alone: a number in 0..1.

Source of every formula here: CONTRACTS section 2, "Complexity".
"""

from __future__ import annotations

from collections.abc import Mapping

from maze_tasks.models import Grammar, HoleSpec, JsonSchema

MANY_CONSTRAINTS = 10  # fill constraints from which their factor is 1
DECIMALS = 9  # a sum that is 0.7 on paper must compare as 0.7


def complexity(spec: HoleSpec) -> float:
    """Complexity of a hole: the mean of the factors that are present.

    Args:
        spec: the hole; only its own schema, grammar and fill constraints count.

    Returns:
        A number in 0..1, rounded to 9 decimals so that it can be compared with a threshold as it is.
    """
    factors = [min(len(spec.fill_constraints) / MANY_CONSTRAINTS, 1.0)]
    if spec.fill_schema is not None:
        factors.append(_of_schema(spec.fill_schema))
    if spec.fill_grammar is not None:
        factors.append(_of_grammar(spec.fill_grammar))
    return round(sum(factors) / len(factors), DECIMALS)


def _of_schema(schema: JsonSchema) -> float:
    """Half for 10 properties, 0.3 for 3 required ones, 0.2 for one whose value is a JSON object."""
    objects = sum(isinstance(value, Mapping) for value in schema.properties.values())
    parts = (
        min(len(schema.properties) / 20, 0.5),
        min(len(schema.required) / 10, 0.3),
        min(objects / 5, 0.2),
    )
    return min(1.0, sum(parts))


def _of_grammar(grammar: Grammar) -> float:
    """Half for 25 rules, half for right-hand sides of 5 symbols on average."""
    rules = len(grammar.rules)
    mean_length = sum(len(rule.rhs) for rule in grammar.rules) / rules if rules else 0.0
    return min(1.0, min(rules / 50, 0.5) + min(mean_length / 10, 0.5))
