"""Tokens to ask for, temperatures of rounds, and what a call may use in all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maze_tasks.decide.tokens import estimate_tokens, prompt_bytes, temperature, tokens_to_ask
from maze_tasks.models import Hole, read_hole

SCHEMA = {"type": "object"}
GRAMMAR = {"rules": [], "start_symbol": "s"}


def hole(n: int = 0, scale: str | None = None, **full: Any) -> Hole:
    """A hole of n constraints: a HoleState where it has a scale, else a HoleSpec."""
    spec: dict[str, Any] = {"hole_id": 1, "fill_constraints": [{"kind": "style", "value": "v"} for _ in range(n)]}
    state = {"id": 1, "scale": scale, "origin": "a.py:1:1", "constraints": ["v"] * n, "status": "Pending"}
    return read_hole({"hole": state if scale else spec, **full})


@pytest.mark.parametrize(
    ("scale", "tokens"),
    [
        ("nano", 64),
        ("micro", 256),
        ("meso", 512),
        ("macro", 1024),
        ("expression", 64),
        ("statement", 256),
        ("block", 512),
        ("function", 1024),
        ("specification", 1024),
    ],
)
def test_the_scale_decides(scale: str, tokens: int) -> None:
    assert tokens_to_ask(hole(scale=scale)) == tokens


def test_a_hole_of_unknown_scale_asks_for_256() -> None:
    assert tokens_to_ask(hole()) == 256


@pytest.mark.parametrize(
    ("n", "constraint", "tokens"),
    [
        (0, {}, 64),
        (2, {}, 64),
        (3, {}, 96),
        (0, {"json_schema": SCHEMA}, 256),
        (0, {"grammar": GRAMMAR}, 256),
        (1, {"json_schema": SCHEMA, "grammar": GRAMMAR}, 544),
        (47, {"json_schema": SCHEMA, "grammar": GRAMMAR}, 2016),
        (48, {"json_schema": SCHEMA, "grammar": GRAMMAR}, 2048),
        (49, {"json_schema": SCHEMA, "grammar": GRAMMAR}, 2048),
        (200, {}, 2048),
    ],
)
def test_schema_grammar_and_constraints_raise_it_up_to_2048(n: int, constraint: dict[str, Any], tokens: int) -> None:
    assert tokens_to_ask(hole(n, "nano", constraints=[{"name": "c", **constraint}])) == tokens


def test_the_hole_s_own_schema_and_grammar_count_once() -> None:
    spec = {"hole_id": 1, "fill_schema": SCHEMA, "fill_grammar": GRAMMAR}
    both = {"hole": spec, "constraints": [{"json_schema": SCHEMA, "grammar": GRAMMAR}]}
    assert tokens_to_ask(read_hole(spec)) == tokens_to_ask(read_hole(both)) == 512


@pytest.mark.parametrize("max_tokens", [1, 64, 4096])
def test_what_the_hole_says_goes_before_everything(max_tokens: int) -> None:
    assert tokens_to_ask(hole(9, "macro", max_tokens=max_tokens)) == max_tokens


@pytest.mark.parametrize(("round_no", "expected"), [(0, 0.9), (1, 0.7), (2, 0.3), (3, 0.3), (50, 0.3)])
def test_later_rounds_keep_the_last_temperature(round_no: int, expected: float) -> None:
    assert temperature((0.9, 0.7, 0.3), round_no) == expected


def test_an_empty_schedule_means_0_7() -> None:
    assert temperature((), 0) == temperature([], 4) == 0.7


@settings(deadline=None)
@given(prompt=st.text(), max_tokens=st.integers(1, 10_000))
def test_an_estimate_counts_bytes_and_64_for_the_framing(prompt: str, max_tokens: int) -> None:
    assert estimate_tokens(prompt, max_tokens) == len(prompt.encode()) + 64 + max_tokens


def test_a_lone_surrogate_has_a_size() -> None:
    assert prompt_bytes("a\ud800") == 4
