"""Settings of a simulated endpoint as they stand in a configuration."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from typing import Any

import pytest
from pydantic import ValidationError

from maze_tasks.simulate.settings import Fault, SimulatedEndpoint

TABLE = """
seed = 7
latency = { kind = "lognormal", p50_ms = 180, p95_ms = 900 }
requests_per_minute = 600
max_concurrency = 8
over_concurrency = 503
answers = "fills.jsonl"
where = { model = "GPT-4-Turbo", sample = 0 }
missing = 404
confidence = 0.9

[[errors]]
kind = 429
rate = 0.05
retry_after_s = 1.5
retry_after_form = "decimal"

[[errors]]
kind = "hang"
every = 50
"""


def test_a_table_of_a_configuration_is_read() -> None:
    settings = SimulatedEndpoint.model_validate(tomllib.loads(TABLE))
    assert settings.latency.p95_ms == 900
    assert settings.missing == "404"
    assert [fault.name for fault in settings.errors] == ["429", "hang"]
    assert SimulatedEndpoint.model_validate(settings.model_dump()) == settings


def test_without_a_table_there_are_defaults() -> None:
    settings = SimulatedEndpoint()
    assert settings.latency.mean_ms == 50
    assert settings.errors == ()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": 429},
        {"kind": 429, "rate": 0.1, "every": 2},
        {"kind": 429, "rate": 1.1},
        {"kind": 429, "every": 0},
        {"kind": 429, "rate": 0.1, "after": 3},
        {"kind": 200, "every": 2},
        {"kind": 600, "every": 2},
        {"kind": "no such kind", "every": 2},
        {"kind": 429, "every": 2, "retry_after": 3},
    ],
    ids=str,
)
def test_a_fault_without_a_clear_kind_and_trigger_is_refused(fault: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Fault.model_validate(fault)


def test_a_status_may_be_written_as_text() -> None:
    assert Fault.model_validate({"kind": "503", "first": 1}).kind == 503


def test_rates_above_one_together_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"add up to 1\.2"):
        SimulatedEndpoint.model_validate({"errors": [{"kind": 429, "rate": 0.6}, {"kind": 500, "rate": 0.6}]})


def test_rates_that_are_one_on_paper_are_taken() -> None:
    SimulatedEndpoint.model_validate({"errors": [{"kind": 500 + index, "rate": 0.1} for index in range(10)]})


@pytest.mark.parametrize(
    ("module", "words"),
    [("settings", ""), ("server", "pip install 'maze-tasks[simulate]'")],
    ids=["settings can be read", "the server names the extra"],
)
def test_without_aiohttp(module: str, words: str) -> None:
    program = f"import sys; sys.modules['aiohttp'] = None; import maze_tasks.simulate.{module}"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.returncode != 0) == bool(words)
    assert words in ended.stderr
