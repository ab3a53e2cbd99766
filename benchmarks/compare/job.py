"""What is to be done, as the processes of a comparison tell one another; without anything that must be installed."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

FILL = "return 1"  # what every simulated endpoint answers
VARIABLE = "BENCH_JOB"


@dataclass(frozen=True)
class Job:
    """A number of holes to fill, and with what.

    Args:
        count: holes.
        warm: holes to fill ahead of that, which are not measured.
        endpoint: URL of the simulated endpoints, without a path.
        latency_ms: of each call.
        fails_with: status that the first candidate answers; None means that it succeeds.
        samples: answers to ask for a hole, of which one is chosen.
        processes: worker processes; where there are none, processes that call by themselves.
        slots: calls that each of them makes at once.
        redis_url, broker_url: of the private Redis, for those that use one.
        folder: to work in.
        events: whether workers send Celery events.
        only_send: whether holes are only handed in, and nobody works.
        keys: whether each request is to be told from the others.
    """

    count: int
    warm: int
    endpoint: str
    latency_ms: int = 0
    fails_with: int | None = None
    samples: int = 1
    processes: int = 2
    slots: int = 10
    redis_url: str = ""
    broker_url: str = ""
    folder: str = ""
    events: bool = False
    only_send: bool = False
    keys: bool = False

    @property
    def candidates(self) -> list[str]:
        """Base URL of each candidate, in the order in which they are to be asked."""
        first = [self.fails_with] if self.fails_with else []
        return [f"{self.endpoint}/{self.latency_ms}/{status}/v1" for status in (*first, 200)]

    def dumped(self) -> str:
        """As text, for `VARIABLE` of the environment."""
        return json.dumps(asdict(self))


def given_job() -> Job:
    """The job that this process was started for."""
    return Job(**json.loads(os.environ[VARIABLE]))


def prompt(number: int | str) -> str:
    """What is asked for a hole."""
    return f"Write the body of a function that returns {number}."
