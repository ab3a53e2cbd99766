"""Requests and replies of inference, and the decision where a hole goes (CONTRACTS section 1)."""

from __future__ import annotations

from pydantic import Field

from maze_tasks.models.reading import U64, Json, NonNegative, Number, Positive, Shape

# CONTRACTS section 2, "Confidence from server statistics".
_TOKEN_SHARE, _CHECK_SHARE = 0.6, 0.4
_SLOW_TOKEN_US, _SLOW_CHECK_US = 10_000, 1_000  # from here on a server earns nothing


class GenerationContext(Shape):
    """Where generated code will stand."""

    current_file: str | None = None
    language: str | None = None
    project_root: str | None = None
    metadata: dict[str, Json] = Field(default_factory=dict)


class InferenceRequest(Shape):
    """What is asked of an ananke server."""

    prompt: str
    constraints: Json = None
    max_tokens: Positive = 256
    temperature: NonNegative = 0.7
    context: GenerationContext | None = None


class GenerationStats(Shape):
    """How long a server took: the whole in milliseconds, one token and one constraint check in microseconds."""

    total_time_ms: Number
    time_per_token_us: Number
    constraint_checks: U64
    avg_constraint_check_us: Number


class InferenceResponse(Shape):
    """What an ananke server answers."""

    generated_text: str
    tokens_generated: U64
    model: str
    stats: GenerationStats

    def confidence(self) -> float:
        """`speed_confidence` of this reply."""
        return speed_confidence(self.tokens_generated, self.stats.time_per_token_us, self.stats.avg_constraint_check_us)


class RoutingDecision(Shape):
    """Where a hole goes: endpoint names, the primary and those that stand in for it in order, and why."""

    primary_model: str
    fallback_models: tuple[str, ...] = ()
    reason: str


def speed_confidence(tokens_generated: int, time_per_token_us: float, avg_constraint_check_us: float) -> float:
    """How fast a server was, in 0..1; it says nothing about the fill.

    Source: CONTRACTS section 2: 0 if no token was generated, else
    ``.6 * (1 - min(time_per_token_us / 10000, 1)) + .4 * (1 - min(avg_constraint_check_us / 1000, 1))``.

    Args:
        tokens_generated: tokens of the reply.
        time_per_token_us: mean time of one token in microseconds.
        avg_constraint_check_us: mean time of one constraint check in microseconds.
    """
    if tokens_generated <= 0:
        return 0.0
    token_speed = 1 - min(time_per_token_us / _SLOW_TOKEN_US, 1)
    check_speed = 1 - min(avg_constraint_check_us / _SLOW_CHECK_US, 1)
    return min(max(_TOKEN_SHARE * token_speed + _CHECK_SHARE * check_speed, 0.0), 1.0)
