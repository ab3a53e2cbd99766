"""Counts of a simulated endpoint, and the log line of one request."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from maze_tasks.simulate.behaviour import SlidingWindow

ANSWERED = "answered"
_MINUTE_S = 60.0


@dataclass(slots=True)
class EndpointStats:
    """Counts of one endpoint; ``requests`` is always ``answered`` plus all ``errors`` plus ``in_flight``.

    Args:
        requests: requests for a fill that arrived.
        answered: good replies sent.
        errors: everything else, by kind.
        in_flight: requests that wait for their reply.
        max_in_flight: the most at a time.
        arrivals: how often each idempotency key came.
        without_key: requests without a key.
        peak_per_minute: the most arrivals within any 60 s.
        prompt_tokens: of answered requests.
        generated_tokens: of answered requests.
    """

    requests: int = 0
    answered: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    max_in_flight: int = 0
    arrivals: dict[str, int] = field(default_factory=dict)
    without_key: int = 0
    peak_per_minute: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    _minute: SlidingWindow = field(default_factory=lambda: SlidingWindow(float("inf"), _MINUTE_S))

    def arrived(self, key: str | None, now: float) -> None:
        """Count a request, with its idempotency key if it has one, at a monotonic time in seconds."""
        self.requests += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        self.peak_per_minute = max(self.peak_per_minute, int(self._minute.take(now)))
        if key is None:
            self.without_key += 1
        else:
            self.arrivals[key] = self.arrivals.get(key, 0) + 1

    def ended(self, outcome: str, prompt_tokens: int, generated_tokens: int) -> None:
        """Count how a request ended: `ANSWERED`, with the tokens of both sides, or a kind of error."""
        self.in_flight -= 1
        if outcome != ANSWERED:
            self.errors[outcome] += 1
            return
        self.answered += 1
        self.prompt_tokens += prompt_tokens
        self.generated_tokens += generated_tokens

    def snapshot(self) -> dict[str, Any]:
        """The counts as JSON; ``repeated_keys`` are the keys that came more than once."""
        return {
            "requests": self.requests,
            "answered": self.answered,
            "errors": dict(sorted(self.errors.items())),
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "peak_per_minute": self.peak_per_minute,
            "distinct_keys": len(self.arrivals),
            "repeated_keys": sum(count > 1 for count in self.arrivals.values()),
            "without_key": self.without_key,
            "tokens": {"prompt": self.prompt_tokens, "generated": self.generated_tokens},
        }


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One request as the log shows it.

    Args:
        time: when it arrived, seconds since 1970.
        endpoint: name.
        key: idempotency key, if there was one.
        outcome: `ANSWERED` or a kind of error.
        status: HTTP status sent; None where no reply was sent.
        latency_ms: from arrival to the end of the reply.
        prompt_tokens, generated_tokens: of an answered request, what its sender is charged for; else 0.
    """

    time: float
    endpoint: str
    key: str | None
    outcome: str
    status: int | None
    latency_ms: float
    prompt_tokens: int = 0
    generated_tokens: int = 0

    def line(self) -> str:
        """The entry as one line of JSON, with its end of line."""
        shown = {
            "time": round(self.time, 6),
            "endpoint": self.endpoint,
            "key": self.key,
            "outcome": self.outcome,
            "status": self.status,
            "latency_ms": round(self.latency_ms, 3),
            "prompt_tokens": self.prompt_tokens,
            "generated_tokens": self.generated_tokens,
            "simulated": True,
        }
        return json.dumps(shown) + "\n"
