"""What a run would ask and cost, without asking: the dry run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from maze_tasks.decide.decomposition import SECTION_BYTES, divide, parts_of
from maze_tasks.decide.money import cost_nano
from maze_tasks.decide.request import call_for, prompt_of
from maze_tasks.decide.tokens import estimate_tokens, prompt_bytes, tokens_to_ask
from maze_tasks.models import FailureStrategy, Hole, ModelEndpoint
from maze_tasks.models.runs import NANO_PER_USD, RunRules
from maze_tasks.producer import Planner

_BYTES_A_TOKEN = 4  # of a usual prompt; for the lower bound of a cost


@dataclass(slots=True)
class ModelForecast:
    """What would reach one model as primary.

    Args:
        holes: holes routed to it.
        prompt_tokens: upper bound of their prompts' tokens.
        max_tokens: tokens that would be asked for.
    """

    holes: int = 0
    prompt_tokens: int = 0
    max_tokens: int = 0


@dataclass(slots=True)
class Forecast:
    """What a run would do.

    Args:
        models: by primary model.
        low_nano: cost if every first answer is accepted and short: a quarter of the prompt bytes, one token back.
        high_nano: cost if every candidate is asked in every round, with every retry, and uses all it may; and every
            part of a hole after it, where holes are filled in parts. What is asked first is known; later prompts also
            show what was wrong with earlier answers, and count with the longest that they may be.
    """

    models: dict[str, ModelForecast] = field(default_factory=dict)
    low_nano: int = 0
    high_nano: int = 0

    def report(self) -> dict[str, Any]:
        """The JSON of ``maze refine --dry-run``."""
        return {
            "dry_run": True,
            "holes": sum(one.holes for one in self.models.values()),
            "models": {
                name: {"holes": one.holes, "prompt_tokens": one.prompt_tokens, "max_tokens": one.max_tokens}
                for name, one in self.models.items()
            },
            "prompt_tokens": sum(one.prompt_tokens for one in self.models.values()),
            "max_tokens": sum(one.max_tokens for one in self.models.values()),
            "cost_usd_low": self.low_nano / NANO_PER_USD,
            "cost_usd_high": self.high_nano / NANO_PER_USD,
        }


def forecast(planner: Planner, holes: Iterable[Hole]) -> Forecast:
    """What a run of these holes would ask and cost; no call is made.

    Args:
        planner: routes and plans.
        holes: read once.
    """
    endpoints = {endpoint.name: endpoint for endpoint in planner.endpoints}
    total = Forecast(models={name: ModelForecast() for name in endpoints})
    for hole in holes:
        decision = planner.route(hole)
        plan = planner.plan_for(decision)
        asked = tokens_to_ask(hole)
        bounds = {name: planner.prompt_bound(hole, replace(plan, candidates=(name,))) for name in plan.candidates}
        one = total.models[decision.primary_model]
        one.holes += 1
        first = {name: _first(hole, endpoints[name], planner.options.rules, bounds[name]) for name in plan.models_at(0)}
        one.prompt_tokens += first[decision.primary_model]
        one.max_tokens += asked
        total.low_nano += sum(_low(endpoints[name], hole) for name in plan.models_at(0))
        for more, tokens in _all_asked(hole, planner.options.rules):
            cost = {name: cost_nano(endpoints[name], bound + more, tokens) for name, bound in bounds.items()}
            stages = [sum(cost[name] for name in plan.models_at(stage)) for stage in range(plan.stages)]
            # A failed call is not charged as a rule; those that are retried at the last candidate may be.
            a_round = sum(stages) + planner.options.rules.max_retries * stages[-1]
            total.high_nano += planner.options.rules.max_iterations * a_round
        known = sum(cost_nano(endpoints[name], bounds[name] - first[name], 0) for name in plan.models_at(0))
        times = 1 + planner.options.rules.max_retries if plan.stages == 1 else 1
        total.high_nano -= times * known
    return total


def _first(hole: Hole, endpoint: ModelEndpoint, rules: RunRules, bound: int) -> int:
    """Tokens that the prompt of a hole's first call has at most; it is known, but for fills that come into it."""
    if hole.depends_on or endpoint.supports_fim:
        return bound
    call = call_for(hole, endpoint, "", temperature=0.0, templates=rules.templates)
    return min(estimate_tokens(call.system + call.prompt, 0), bound)


def _all_asked(hole: Hole, rules: RunRules) -> Iterator[tuple[int, int]]:
    """Of a hole, and of all its parts where nobody fills it: tokens of the prompt beyond the hole's, tokens to ask."""
    yield 0, tokens_to_ask(hole)
    level = [hole] if rules.failure_strategy is FailureStrategy.DECOMPOSE else []
    more = 0
    while level := [part for one in level if parts_of(one) for part in divide(one)]:
        more += SECTION_BYTES
        yield from ((more, tokens_to_ask(part)) for part in level)


def _low(endpoint: ModelEndpoint, hole: Hole) -> int:
    return cost_nano(endpoint, prompt_bytes(prompt_of(hole)) // _BYTES_A_TOKEN, 1)
