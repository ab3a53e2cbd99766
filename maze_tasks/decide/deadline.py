"""How long a call may take in a run that has a deadline."""

from __future__ import annotations


def call_limit_s(left_s: float, links: int, timeout_s: float) -> float:
    """Seconds that a call may take: its share of what is left, divided over the candidates that may follow.

    Source: PROTOCOL, "Best of N, cache, money, ids".

    Args:
        left_s: seconds until the run's deadline.
        links: candidates left in this round, this one included; at least 1.
        timeout_s: what the endpoint's configuration allows.
    """
    return max(min(timeout_s, left_s / links), 0.0)
