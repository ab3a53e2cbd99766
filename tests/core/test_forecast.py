"""What a run may cost, before anything is asked."""

from __future__ import annotations

import pytest

from maze_tasks.decide.request import call_for
from maze_tasks.forecast import forecast
from maze_tasks.models import ModelEndpoint, read_hole
from maze_tasks.models.runs import RunRules
from maze_tasks.producer import Planner, RunOptions
from maze_tasks.recording import most_nano

HOLE = read_hole({"hole_id": 1, "prefix": "def double(x):\n", "suffix": "\n", "language": "python"})


def endpoint(name: str, price: float = 0.01) -> ModelEndpoint:
    return ModelEndpoint(name=name, endpoint_url="http://127.0.0.1:1/v1", cost_per_1k_tokens=price)


def planner(*endpoints: ModelEndpoint, retries: int = 0, **more: int) -> Planner:
    return Planner(endpoints, RunOptions(rules=RunRules(max_retries=retries), **more))


@pytest.mark.parametrize("retries", [0, 2])
def test_with_one_candidate_the_most_is_what_its_very_prompt_may_cost_with_every_retry(retries: int) -> None:
    only = endpoint("a")
    most = most_nano(only, call_for(HOLE, only, "", temperature=0))
    assert forecast(planner(only, retries=retries), [HOLE]).high_nano == (1 + retries) * most


def test_prompts_that_are_not_known_yet_count_with_the_longest_they_may_be() -> None:
    first, second = endpoint("a"), endpoint("b", price=1)
    found = forecast(planner(first, second), [HOLE])
    known = most_nano(first, call_for(HOLE, first, "", temperature=0))
    assert found.high_nano > known + most_nano(second, call_for(HOLE, second, "", temperature=0))
    assert found.low_nano < known
    waiting = HOLE.model_copy(update={"depends_on": (2,)})
    assert forecast(planner(first), [waiting]).high_nano > known, "fills of others come into its prompt"
