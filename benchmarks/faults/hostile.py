"""The endpoints of the run, all of them SIMULATED and all but one hostile, and the holes that are asked of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CALL_TIMEOUT_S = 4  # of an endpoint that hangs
FORMS = ("seconds", "decimal", "date", "ms", "provider")
CANDIDATES = 4  # asked for a hole, the sure one last


@dataclass(frozen=True)
class Hostile:
    """One endpoint.

    Args:
        name: of the endpoint.
        settings: of its configuration besides.
        simulation: how it is simulated.
    """

    name: str
    settings: Mapping[str, Any]
    simulation: Mapping[str, Any]

    @property
    def prices(self) -> tuple[float, float]:
        """USD of a thousand tokens asked, and of a thousand generated."""
        return self.settings["input_cost_per_1k_tokens"], self.settings["output_cost_per_1k_tokens"]

    @property
    def a_minute(self) -> int | None:
        """Requests that it allows in a minute, None for any number."""
        return self.settings.get("requests_per_minute")


def hostile(seed: int, latency_ms: float, a_minute: int) -> list[Hostile]:
    """The ensemble; every hole can be filled, at worst by the last of its candidates.

    Args:
        seed: of what the endpoints do.
        latency_ms: of a good reply.
        a_minute: requests that the endpoint which throttles allows in a minute.
    """

    def made(
        name: str, capability: str, priority: int, slots: int, errors: list[dict[str, Any]], **limits: int
    ) -> Hostile:
        settings = {
            "capabilities": [capability],
            "priority": priority,
            "max_concurrency": slots,
            "timeout_secs": CALL_TIMEOUT_S,
            "input_cost_per_1k_tokens": 0.001,
            "output_cost_per_1k_tokens": 0.002,
            **limits,
        }
        behaviour = {"seed": seed, "latency": {"mean_ms": latency_ms}, "missing_text": "pass  # {hole} {model}"}
        return Hostile(name, settings, behaviour | {"errors": errors, **limits})

    return [
        made("broken", "CodeCompletion", 2, 6, _broken()),  # the first is the default
        made("throttling", "FastInference", 1, 6, _throttling(), requests_per_minute=a_minute),
        made("slow", "HighQuality", 3, 8, _slow()),
        made("sure", "LongContext", 4, 6, []),
    ]


def _throttling() -> list[dict[str, Any]]:
    """429 and 503 that ask for a pause in every form, for one too long to wait for, or for none."""
    asking = [
        {"kind": kind, "rate": 0.005, "retry_after_s": 1.2, "retry_after_form": form}
        for form, kind in zip(FORMS, (429, 503, 429, 429, 503), strict=True)
    ]
    return [*asking, {"kind": 429, "rate": 0.003, "retry_after_s": 8}, {"kind": 429, "rate": 0.01}]


def _broken() -> list[dict[str, Any]]:
    """Errors, and replies that are none."""
    kinds = ("garbage", "truncated", "cut", "closed", "reset", "close_after", "wrong_content_type", "html", "empty")
    several = [{"kind": kind, "rate": 0.03} for kind in (*kinds, "no_choices", "disguised", 400, 404)]
    return [{"kind": 500, "rate": 0.15}, *several]


def _slow() -> list[dict[str, Any]]:
    """Replies that never come, or come byte by byte."""
    return [
        {"kind": "hang", "rate": 0.04},
        {"kind": "trickle", "rate": 0.02},
        {"kind": "trickle_headers", "rate": 0.02},
        {"kind": 500, "rate": 0.10},
    ]


def holes(count: int) -> list[dict[str, Any]]:
    """Hole lines: their ids count from 0, their constraints spread them over the endpoints.

    By the routing rules (CONTRACTS section 2) holes with up to two constraints go to the fast endpoint, three to seven
    to the default, eight to ten to the one of high quality.
    """
    rule = {"kind": "style", "value": "plain"}
    sizes = (0, 5, 9, 1, 4, 8, 2, 0)
    return [
        {
            "hole": {"hole_id": number, "fill_constraints": [rule] * sizes[number % len(sizes)]},
            "prompt": f"return {number}",
            "max_tokens": 64,
        }
        for number in range(count)
    ]
