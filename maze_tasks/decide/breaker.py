"""The circuit breaker of a model: what a call says about its endpoint, and what the breaker makes of it.

The breaker that all workers share is moved by a script in the store (``store/lua/permit_release.lua``), so that its
decision and the state it rests on cannot come apart. `after_call` is the same decision as a function of values: the
definition that the script is held to, call by call, by the tests of the store.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from maze_tasks.errors import EndpointError, Failure, PassingError, ThrottledError
from maze_tasks.models.limits import BreakerRules, BreakerState, CallOutcome

UNAUTHORIZED, PAYMENT_REQUIRED, FORBIDDEN = 401, 402, 403
MAX_LEVEL = 20  # doublings of the open period; keeps the power of two small
# Kinds that end a hole at an endpoint and lie with the endpoint all the same: its address, model name or size of reply.
_ENDPOINTS_FAULT = frozenset({"not_found", "redirect", "too_large"})


@dataclass(frozen=True, slots=True)
class Breaker:
    """State of a breaker; times in milliseconds of the store's clock.

    Args:
        open_until_ms: None while closed; else when the open period ends, after which it is half open.
        epoch: how often it has opened. A call counts only in the epoch it began in: what began before the breaker
            opened says nothing about the endpoint afterwards.
        level: openings in a row, from 0, that the length of the next one grows with.
        closed_at_ms: when it last closed after having been open.
        counts: number, calls and failures of the buckets that hold any, oldest first.
        streak: failures since the last success.
        denied: whether it is open since the endpoint refused our key.
    """

    open_until_ms: int | None = None
    epoch: int = 0
    level: int = 0
    closed_at_ms: int | None = None
    counts: tuple[tuple[int, int, int], ...] = ()
    streak: int = 0
    denied: bool = False

    def state(self, now_ms: int) -> BreakerState:
        """``closed``, ``open``, or ``half_open``: a single call at a time is let through as a probe."""
        if self.open_until_ms is None:
            return "closed"
        return "open" if now_ms < self.open_until_ms else "half_open"


def after_call(
    breaker: Breaker, rules: BreakerRules, outcome: CallOutcome, *, epoch: int, now_ms: int, draw: float
) -> Breaker:
    """The breaker after a call.

    Args:
        breaker: before it.
        rules: when it opens.
        outcome: what the call said.
        epoch: the breaker's epoch when the call began. While it is not closed the calls of its epoch are probes.
        now_ms: the time.
        draw: random number in 0..1 for the jitter of the open period.
    """
    if epoch != breaker.epoch or outcome in ("throttled", "neutral", "unused"):
        return breaker
    if breaker.open_until_ms is not None:
        if outcome == "ok":
            return Breaker(epoch=breaker.epoch, level=breaker.level, closed_at_ms=now_ms)
        return _opened(breaker, rules, outcome, now_ms, draw)
    counted = _counted(breaker, rules, now_ms, failed=outcome != "ok")
    return _opened(counted, rules, outcome, now_ms, draw) if _trips(counted, rules, outcome) else counted


def _counted(breaker: Breaker, rules: BreakerRules, now_ms: int, *, failed: bool) -> Breaker:
    number = now_ms // rules.bucket_ms
    kept = [bucket for bucket in breaker.counts if bucket[0] > number - rules.buckets]
    last = kept.pop() if kept and kept[-1][0] == number else (number, 0, 0)
    kept.append((number, last[1] + 1, last[2] + failed))
    return replace(breaker, counts=tuple(kept), streak=breaker.streak + 1 if failed else 0)


def _trips(breaker: Breaker, rules: BreakerRules, outcome: CallOutcome) -> bool:
    if outcome in ("ok", "auth"):
        return outcome == "auth"
    calls = sum(bucket[1] for bucket in breaker.counts)
    failures = sum(bucket[2] for bucket in breaker.counts)
    if outcome == "denied" and calls == failures:
        return True
    return breaker.streak >= rules.streak or (calls >= rules.min_calls and failures >= rules.failure_rate * calls)


def _opened(breaker: Breaker, rules: BreakerRules, outcome: CallOutcome, now_ms: int, draw: float) -> Breaker:
    since = breaker.closed_at_ms
    fresh = breaker.open_until_ms is None and (since is None or now_ms - since >= rules.calm_ms)
    level = 0 if fresh else min(breaker.level + 1, MAX_LEVEL)
    denied = outcome in ("auth", "denied")
    first = rules.auth_open_ms if denied else rules.open_ms
    period = min(first * 2**level, rules.max_open_ms)
    until = now_ms + int(period * (0.5 + draw / 2))
    return Breaker(open_until_ms=until, epoch=breaker.epoch + 1, level=level, closed_at_ms=since, denied=denied)


def call_outcome(outcome: EndpointError | Failure | None) -> CallOutcome:
    """What a call says about its endpoint.

    Failures of content - a rejected fill, a 400 for this hole, an answer withheld or empty - are answers all the same:
    the endpoint works.

    Args:
        outcome: the endpoint's error, the reason a reply was rejected for, or None where the fill is acceptable.
    """
    if not isinstance(outcome, EndpointError):
        return "ok"
    if isinstance(outcome, ThrottledError):
        return "throttled"
    if outcome.kind == "cancelled":
        return "neutral" if outcome.sent else "unused"
    if outcome.kind == "unauthorized" or outcome.status in (UNAUTHORIZED, PAYMENT_REQUIRED):
        # Some providers answer 403 to a prompt that their filter dislikes.
        return "denied" if outcome.status == FORBIDDEN else "auth"
    if isinstance(outcome, PassingError):
        return "ok" if outcome.kind == "empty" else "failure"
    if outcome.kind in _ENDPOINTS_FAULT:
        return "failure"
    return "ok" if outcome.sent else "unused"


def pause_ms(outcome: EndpointError | Failure | None) -> int:
    """The pause that an endpoint asked everybody for, in milliseconds; 0 where it named none."""
    asked = outcome.retry_after_s if isinstance(outcome, ThrottledError) else None
    return math.ceil((asked or 0.0) * 1000)
