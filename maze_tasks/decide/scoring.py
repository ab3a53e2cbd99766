"""How fast a server was, as a number in 0..1.

It says nothing about the fill: `selection` uses it to break ties, or alone where that is asked for.
"""

from __future__ import annotations

from maze_tasks.models import ServerStats, speed_confidence


def speed_score(tokens: int, stats: ServerStats) -> float:
    """Score of a server's speed, the original's "confidence".

    Source: CONTRACTS section 2, "Confidence from server statistics".

    Args:
        tokens: tokens generated; none scores 0.
        stats: the server's statistics.
    """
    return speed_confidence(tokens, stats.time_per_token_us, stats.avg_constraint_check_us)
