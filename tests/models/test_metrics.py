from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.models import EnsembleMetrics, ModelAccount, ModelMetrics

ACCOUNT = ModelAccount(
    requests=6,
    successes=4,
    failures=2,
    accepted=3,
    fallbacks=5,
    repeated=1,
    cost_nano=1_500_000_000,
    success_latency_us=8_000,
    failure_latency_us=90_000,
    confidence_sum_nano=1_800_000_000,
    confidence_count=2,
)


def test_metrics_say_what_the_account_holds() -> None:
    metrics = ModelMetrics.from_account(ACCOUNT)
    assert metrics == ModelMetrics(
        requests=6,
        successes=4,
        failures=2,
        total_latency_ms=8.0,
        avg_confidence=0.9,
        accepted=3,
        failure_latency_ms=90.0,
        repeated=1,
        cost_usd=1.5,
    )
    assert metrics.avg_latency_ms() == 2.0  # of the successes alone


def test_an_empty_account_has_no_rates() -> None:
    metrics = ModelMetrics.from_account(ModelAccount())
    assert metrics == ModelMetrics()
    assert (metrics.success_rate(), metrics.avg_latency_ms()) == (0.0, 0.0)


def test_totals_are_sums_over_models() -> None:
    metrics = EnsembleMetrics.from_accounts({"a": ACCOUNT, "b": ModelAccount(requests=1, failures=1, fallbacks=1)})
    assert (metrics.total_requests, metrics.total_fallbacks) == (7, 6)
    assert metrics.per_model["b"].failures == 1


def test_reports_hold_the_derived_rates_beside_every_field() -> None:
    report = EnsembleMetrics.from_accounts({"a": ACCOUNT}).report()
    assert report["total_requests"] == 6
    assert report["per_model"]["a"] == {
        **ModelMetrics.from_account(ACCOUNT).model_dump(mode="json"),
        "success_rate": pytest.approx(2 / 3),
        "avg_latency_ms": 2.0,
    }


COUNTS = st.integers(0, 10**12)
ACCOUNTS = st.builds(
    ModelAccount,
    requests=COUNTS,
    successes=COUNTS,
    fallbacks=COUNTS,
    cost_nano=COUNTS,
    confidence_sum_nano=COUNTS,
    confidence_count=COUNTS,
)


@given(ACCOUNTS, ACCOUNTS, ACCOUNTS)
def test_accounts_add_up_in_any_order(one: ModelAccount, two: ModelAccount, three: ModelAccount) -> None:
    assert (one + two) + three == three + (two + one)
    assert one + ModelAccount() == one
    assert (one + two).cost_nano == one.cost_nano + two.cost_nano


@given(ACCOUNTS)
def test_metrics_read_back_what_they_wrote(account: ModelAccount) -> None:
    metrics = EnsembleMetrics.from_accounts({"a": account})
    assert EnsembleMetrics.model_validate_json(metrics.model_dump_json()) == metrics
