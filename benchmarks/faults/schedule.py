"""Which faults a run meets, and when. Pure: all draws come from the seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Victim = Literal["worker", "child", "supervisor", "client"]
Event = Literal["stop", "redis", "flush", "broker", "cut worker", "cut all", "reset all"]

# How often each kind of process is killed: workers hold the calls, so most kills are theirs.
_WEIGHTS: dict[Victim, int] = {"worker": 5, "child": 3, "supervisor": 1, "client": 2}


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault that is played when a share of the holes has come to an end.

    Args:
        at: that share, 0..1.
        what: the fault.
        draw: in 0..1, says which of several it strikes, and how long it lasts.
    """

    at: float
    what: Event
    draw: float


# What a whole run meets: Redis is killed twice and the broker flushed once, as the claim has it.
WHOLE: Sequence[tuple[float, Event]] = (
    (0.08, "stop"),
    (0.18, "redis"),
    (0.28, "cut worker"),
    (0.38, "flush"),
    (0.48, "cut all"),
    (0.56, "stop"),
    (0.64, "redis"),
    (0.72, "reset all"),
    (0.80, "broker"),
)
SHORT: Sequence[tuple[float, Event]] = ((0.15, "stop"), (0.35, "redis"), (0.55, "flush"), (0.70, "cut all"))


def planned(seed: int, kinds: Sequence[tuple[float, Event]]) -> list[Planned]:
    """The faults of a run but its kills, in order."""
    draws = random.Random(f"{seed} events")
    return [Planned(at, what, draws.random()) for at, what in sorted(kinds)]


def victims(seed: int) -> Iterator[tuple[Victim, float]]:
    """Who is killed next, for ever: a kind of process, and a draw that says which one of them."""
    draws = random.Random(f"{seed} kills")
    kinds = list(_WEIGHTS)
    yield from [(kind, draws.random()) for kind in kinds]  # none is left out, however short the run
    while True:
        yield draws.choices(kinds, list(_WEIGHTS.values()))[0], draws.random()


def submission_kills(seed: int, count: int) -> list[float]:
    """At which shares of the submitted holes the producer is killed."""
    draws = random.Random(f"{seed} producer")
    return sorted(draws.uniform(0.1, 0.9) for _ in range(count))
