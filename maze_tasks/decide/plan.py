"""From a routing decision to the plan that the holes sharing it are tried by."""

from __future__ import annotations

from maze_tasks.models import RoutingDecision
from maze_tasks.models.runs import Plan


def plan(
    decision: RoutingDecision,
    *,
    fallback_enabled: bool,
    max_fallback_attempts: int,
    best_of_n: int | None,
    spread: bool = False,
) -> Plan:
    """Candidates in the order they are tried, and how many answers to ask of each.

    Source: CONTRACTS section 2, after "Complexity"; PROTOCOL, "Best of N, cache, money, ids".

    Args:
        decision: where the holes go.
        fallback_enabled: False tries the primary alone.
        max_fallback_attempts: candidates to try, the primary included; below 1 it is still tried.
        best_of_n: answers to ask for at once; None, 0 and 1 mean one.
        spread: whether those answers are asked of several candidates, one each.

    Returns:
        A plan with at least one candidate and at least one sample.
    """
    fallbacks = max(max_fallback_attempts - 1, 0) if fallback_enabled else 0
    candidates = (decision.primary_model, *decision.fallback_models[:fallbacks])
    samples = max(best_of_n or 1, 1)
    return Plan(candidates, samples, spread=spread and samples > 1)
