"""Several scripts in one round trip."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import redis
from redis.exceptions import NoScriptError, ResponseError

from maze_tasks.record import record
from maze_tasks.store.evaluating import Words, evaluate
from maze_tasks.store.scripts import Arg, Script

logger = logging.getLogger(__name__)


@record
class Step:
    """One call of a script.

    Args:
        script: the script.
        keys: its keys.
        args: its arguments.
    """

    script: Script
    keys: Sequence[str]
    args: Sequence[Arg]


class Combining:
    """What runs the steps of several threads in one round trip; see `Combiner`."""

    def run_each(self, steps: Sequence[Step]) -> list[Any]:
        """The result of each step, an error of its script in the place of one that failed."""
        raise NotImplementedError


Client = redis.Redis | redis.RedisCluster | Combining


def run_beside(client: Client, step: Step, others: Sequence[Step]) -> tuple[Any, list[Any]]:
    """Run a step with others beside it that must not hold it up.

    Args:
        client: the server.
        step: what counts.
        others: what goes along in the same round trip, ahead of it.

    Returns:
        The step's result, and those of the others; None for one that failed.

    Raises:
        redis.RedisError: the server cannot be reached, or the step itself failed.
    """
    *beside, result = run_each(client, [*others, step])
    if isinstance(result, Exception):
        raise result
    for other, answer in zip(others, beside, strict=True):
        if isinstance(answer, Exception):
            logger.warning("%s failed: %s", other.script.name, answer)
    return result, [None if isinstance(answer, Exception) else answer for answer in beside]


def run_together(client: Client, steps: Sequence[Step]) -> list[Any]:
    """Run scripts in one non-transactional pipeline; those that the server does not know are loaded and run again.

    Steps must not rest on their order: one that was not known runs after the others. On a cluster, whose pipelines
    refuse scripts, they run one after another.

    Args:
        client: the server.
        steps: the calls; each must bear repeating, for a broken connection repeats them all.

    Returns:
        One result a step, in order.

    Raises:
        redis.RedisError: the server cannot be reached, or a script failed; the first failure, after all have run.
    """
    results = run_each(client, steps)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results


def run_each(client: Client, steps: Sequence[Step]) -> list[Any]:
    """The result of each step, an error of its script in the place of one that failed.

    Raises:
        redis.RedisError: the server cannot be reached.
    """
    if isinstance(client, Combining):
        return client.run_each(steps)
    if isinstance(client, redis.RedisCluster):
        return [_result(client, step) for step in steps]
    results = evaluate(client, [_words(step) for step in steps])
    missing = [at for at, result in enumerate(results) if isinstance(result, NoScriptError)]
    if missing:
        for source in {steps[at].script.source for at in missing}:
            client.script_load(source)
        again = evaluate(client, [_words(steps[at]) for at in missing])
        for at, result in zip(missing, again, strict=True):
            results[at] = result
    return results


def _words(step: Step) -> Words:
    return (step.script.sha, len(step.keys), *step.keys, *step.args)


def _result(client: redis.RedisCluster, step: Step) -> Any:
    try:
        return step.script.run(client, step.keys, step.args)  # type: ignore[arg-type]
    except ResponseError as error:
        return error
