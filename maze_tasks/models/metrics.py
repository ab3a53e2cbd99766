"""What became of the calls to each model (CONTRACTS sections 1 and 2, "Metrics")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from maze_tasks.models.reading import U64, NonNegative, Shape
from maze_tasks.models.runs import NANO_PER_USD, ModelAccount

_US_PER_MS = 1_000


class ModelMetrics(Shape):
    """Counts of one model.

    `requests` are calls decided, `successes` usable replies, `failures` the rest; `accepted` counts fills apart from
    them, `repeated` calls that may have been paid twice, `cached` attempts that the fill cache answered: those are no
    requests, and `saved_usd` is what their replies had cost. `total_latency_ms` belongs to the successes,
    `failure_latency_ms` to the failures. Of `cost_usd`, `repeated_usd` went for repeated calls, and `unsettled_usd` is
    estimated, for calls that went out and were not answered. `avg_confidence` is the mean over successes that carry a
    confidence.
    """

    requests: U64 = 0
    successes: U64 = 0
    failures: U64 = 0
    total_latency_ms: NonNegative = 0.0
    avg_confidence: NonNegative = 0.0
    accepted: U64 = 0
    failure_latency_ms: NonNegative = 0.0
    repeated: U64 = 0
    cached: U64 = 0
    saved_usd: NonNegative = 0.0
    cost_usd: NonNegative = 0.0
    repeated_usd: NonNegative = 0.0
    unsettled_usd: NonNegative = 0.0

    def success_rate(self) -> float:
        """Successes per request; 0 when there was no request."""
        return self.successes / self.requests if self.requests else 0.0

    def avg_latency_ms(self) -> float:
        """Mean latency of a success in milliseconds; 0 when there was none."""
        return self.total_latency_ms / self.successes if self.successes else 0.0

    def report(self) -> dict[str, Any]:
        """All fields and the derived rates, as JSON values."""
        return {
            **self.model_dump(mode="json"),
            "success_rate": self.success_rate(),
            "avg_latency_ms": self.avg_latency_ms(),
        }

    @classmethod
    def from_account(cls, account: ModelAccount) -> ModelMetrics:
        """The metrics that the exact counts of `account` add up to."""
        mean_nano = account.confidence_sum_nano / account.confidence_count if account.confidence_count else 0.0
        return cls(
            requests=account.requests,
            successes=account.successes,
            failures=account.failures,
            total_latency_ms=account.success_latency_us / _US_PER_MS,
            avg_confidence=mean_nano / 10**9,
            accepted=account.accepted,
            failure_latency_ms=account.failure_latency_us / _US_PER_MS,
            repeated=account.repeated,
            cached=account.cached,
            saved_usd=account.saved_nano / NANO_PER_USD,
            cost_usd=account.cost_nano / NANO_PER_USD,
            repeated_usd=account.repeated_nano / NANO_PER_USD,
            unsettled_usd=account.unsettled_nano / NANO_PER_USD,
        )


class EnsembleMetrics(Shape):
    """Counts of all models; `total_fallbacks` are attempts at candidates after the first."""

    per_model: dict[str, ModelMetrics] = Field(default_factory=dict)
    total_requests: U64 = 0
    total_fallbacks: U64 = 0

    def report(self) -> dict[str, Any]:
        """All fields and, for each model, the derived rates, as JSON values."""
        return {
            **self.model_dump(mode="json"),
            "per_model": {name: metrics.report() for name, metrics in self.per_model.items()},
        }

    @classmethod
    def from_accounts(cls, accounts: Mapping[str, ModelAccount]) -> EnsembleMetrics:
        """The metrics of all models, from their exact counts by endpoint name."""
        return cls(
            per_model={name: ModelMetrics.from_account(account) for name, account in accounts.items()},
            total_requests=sum(account.requests for account in accounts.values()),
            total_fallbacks=sum(account.fallbacks for account in accounts.values()),
        )
