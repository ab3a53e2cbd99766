"""The cases the original ensemble was specified with, in this project's words."""

from __future__ import annotations

import pytest

from maze_tasks.models import EnsembleConfig, EnsembleMetrics, ModelMetrics


def test_ensemble_config_default() -> None:
    config = EnsembleConfig()
    assert config.endpoints == ()
    assert config.fallback_enabled is True
    assert config.best_of_n is None
    assert config.max_fallback_attempts == 3


def test_model_metrics_success_rate() -> None:
    assert ModelMetrics().success_rate() == 0.0
    assert ModelMetrics(requests=10, successes=8, failures=2).success_rate() == pytest.approx(0.8)


def test_model_metrics_avg_latency() -> None:
    assert ModelMetrics().avg_latency_ms() == 0.0
    metrics = ModelMetrics(requests=6, successes=4, failures=2, total_latency_ms=1000, failure_latency_ms=9000)
    assert metrics.avg_latency_ms() == pytest.approx(250.0)


def test_ensemble_metrics_default() -> None:
    metrics = EnsembleMetrics()
    assert metrics.per_model == {}
    assert metrics.total_requests == 0
    assert metrics.total_fallbacks == 0
