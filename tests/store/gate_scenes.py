"""A gate whose clock the test moves, and the plain definitions that it is held to."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import redis

from maze_tasks.models.limits import Limits
from maze_tasks.store import RunStore
from maze_tasks.store.gauges import Admission, Gates

START_MS = 1_800_000_000_000
_names: Iterator[int] = itertools.count()


class Clock:
    """Milliseconds that pass when told to."""

    def __init__(self) -> None:
        self.now = START_MS

    def __call__(self) -> int:
        return self.now


@dataclass
class Scene:
    """One model's gate, named as no other, and its clock."""

    client: redis.Redis
    limits: Limits = field(default_factory=Limits)
    lease_ms: int = 15_000
    clock: Clock = field(default_factory=Clock)
    gates: Gates = field(init=False)

    def __post_init__(self) -> None:
        self.gates = Gates(
            self.client, {"m": self.limits}, namespace=f"n{next(_names)}", lease_ms=self.lease_ms, clock=self.clock
        )

    def ask(self, permit: str, **more: int | str) -> Admission:
        return self.gates.acquire("m", permit, **more)  # type: ignore[arg-type]

    def gone(self, permit: str) -> bool:
        """Whether the permit goes through at once."""
        return self.ask(permit).verdict == "go"

    def done(self, permit: str, outcome: str = "ok", **more: float) -> bool:
        return self.gates.release("m", permit, outcome, **more).counted  # type: ignore[arg-type]

    def gauge(self) -> object:
        return self.gates.read_gauges(["m"])[0]


@dataclass
class Log:
    """Everything that was granted, as the endpoint may see it: time and tokens of each permit."""

    window_ms: int
    grants: dict[str, tuple[int, int]] = field(default_factory=dict)

    def within(self, now: int) -> tuple[int, int]:
        """Requests and tokens in the window that ends now."""
        inside = [tokens for at, tokens in self.grants.values() if at >= now - self.window_ms]
        return len(inside), sum(inside)

    def free_at(self, requests: int, tokens: int) -> int:
        """First millisecond at which no more than so many are left in the window."""
        left = sorted(self.grants.values())
        while left and (len(left) > requests or sum(tokens for _, tokens in left) > tokens):
            at, _ = left.pop(0)
            if len(left) <= requests and sum(one for _, one in left) <= tokens:
                return at + self.window_ms + 1
        return 0


def scene(store: RunStore, lease_ms: int = 15_000, **limits: object) -> Scene:
    return Scene(store.client, Limits(**limits), lease_ms)  # type: ignore[arg-type]
