"""Several scripts in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis
from redis.exceptions import NoScriptError

from maze_tasks.store.scripts import Arg, Script


@dataclass(frozen=True, slots=True)
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


def run_together(client: redis.Redis | redis.RedisCluster, steps: Sequence[Step]) -> list[Any]:
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
    if isinstance(client, redis.RedisCluster) or len(steps) == 1:
        return [step.script.run(client, step.keys, step.args) for step in steps]  # type: ignore[arg-type]
    results: dict[int, Any] = {}
    missing = list(range(len(steps)))
    for _ in (0, 1):
        pipe = client.pipeline(transaction=False)
        for source in {steps[at].script.source for at in missing} if results else ():
            pipe.script_load(source)
        loads = len(pipe)
        for at in missing:
            pipe.evalsha(steps[at].script.sha, len(steps[at].keys), *steps[at].keys, *steps[at].args)
        replies = pipe.execute(raise_on_error=False)[loads:] if missing else []
        results.update(zip(missing, replies, strict=True))
        missing = [at for at in missing if isinstance(results[at], NoScriptError)]
    for at in range(len(steps)):
        if isinstance(results[at], Exception):
            raise results[at]
    return [results[at] for at in range(len(steps))]
