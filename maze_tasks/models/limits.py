"""What an endpoint may be asked for: limits of its gate, rules of its breaker, and what a call says about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from maze_tasks.models.endpoints import ModelEndpoint

BreakerState = Literal["closed", "open", "half_open"]

# What a call says about its endpoint. ``ok``: it works, whatever became of the fill. ``failure``: it does not.
# ``auth``: it refuses our key. ``denied``: it refuses our key or this hole; which of the two, only other calls tell.
# ``throttled``: it asks for a pause. ``neutral``: nothing, such as a call that was cut. ``unused``: the same, and the
# request never left.
CallOutcome = Literal["ok", "failure", "auth", "denied", "throttled", "neutral", "unused"]

MINUTE_MS = 60_000
# A permit that was not used for so long is returned (PROTOCOL, "Waits"). What is granted within a minute and this long
# cannot arrive within less than a minute, so windows are that much longer.
USE_WITHIN_MS = 1_000


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When the breaker of a model opens, and for how long.

    Args:
        bucket_ms: width of a bucket of the sliding window.
        buckets: buckets of the window, the running one included.
        min_calls: calls in the window below which no rate is judged.
        failure_rate: share of failures, 0..1, at which it opens.
        streak: failures with no success between them at which it opens too: calls that all hang until their deadline
            may be too few for any window.
        open_ms: the first open period; doubled with each that follows.
        auth_open_ms: the same after an authentication error.
        max_open_ms: no open period is longer.
        calm_ms: how long it must have been closed for the periods to start anew.
    """

    bucket_ms: int = 10_000
    buckets: int = 6
    min_calls: int = 20
    failure_rate: float = 0.5
    streak: int = 8
    open_ms: int = 5_000
    auth_open_ms: int = 30_000
    max_open_ms: int = 300_000
    calm_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one model, over all workers.

    Args:
        max_concurrency: calls at once.
        requests_per_minute: requests in any minute; None: no limit.
        tokens_per_minute: tokens of prompts and replies in any minute; None: no limit.
        max_wait_ms: how far ahead a slot may be reserved.
        window_ms: length of the window that the limits hold for.
        grain_ms: grants of so many milliseconds are counted together and leave the window together, the last of them
            on time: this bounds memory to `window_ms` / `grain_ms` entries, whatever the limit.
        hold_ms: how long a reserved slot is kept for a hole that does not come for it.
        max_waiting: reservations at once.
        breaker: rules of the breaker.
    """

    max_concurrency: int = 8
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    max_wait_ms: int = 30_000
    window_ms: int = MINUTE_MS + USE_WITHIN_MS
    grain_ms: int = 250
    hold_ms: int = 15_000
    max_waiting: int = 10_000
    breaker: BreakerRules = field(default_factory=BreakerRules)

    @classmethod
    def of(cls, endpoint: ModelEndpoint) -> Limits:
        """The limits that an endpoint's configuration sets."""
        return cls(
            max_concurrency=endpoint.max_concurrency,
            requests_per_minute=endpoint.requests_per_minute,
            tokens_per_minute=endpoint.tokens_per_minute,
            max_wait_ms=round(endpoint.max_wait_s * 1000),
        )
