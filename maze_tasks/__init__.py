"""Fill holes in code with an ensemble of language models: routed, queued on Celery, accounted in Redis.

The library's front door; everything is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maze_tasks.config import Settings, load_settings
    from maze_tasks.decide.router import ModelRouter
    from maze_tasks.ensemble import EnsembleClient
    from maze_tasks.errors import (
        AllCandidatesFailed,
        ConfigError,
        EndpointError,
        InputError,
        MazeError,
        ServiceUnavailable,
    )
    from maze_tasks.models import (
        ConstraintIR,
        EnsembleConfig,
        EnsembleMetrics,
        FillAttempt,
        FillConstraint,
        GenerationContext,
        Grammar,
        Hole,
        HoleSpec,
        HoleState,
        InferenceRequest,
        InferenceResponse,
        JsonSchema,
        ModelCapability,
        ModelEndpoint,
        ModelMetrics,
        RefinementConfig,
        RefinementMetadata,
        RefinementResult,
        RoutingDecision,
    )
    from maze_tasks.models.runs import Attempt, HoleResult, RunStatus
    from maze_tasks.refiner import ProgressiveRefiner
    from maze_tasks.run_handle import RunHandle

_HOME = {
    "maze_tasks.config": ("Settings", "load_settings"),
    "maze_tasks.decide.router": ("ModelRouter",),
    "maze_tasks.ensemble": ("EnsembleClient",),
    "maze_tasks.run_handle": ("RunHandle",),
    "maze_tasks.errors": (
        "AllCandidatesFailed",
        "ConfigError",
        "EndpointError",
        "InputError",
        "MazeError",
        "ServiceUnavailable",
    ),
    "maze_tasks.models": (
        "ConstraintIR",
        "EnsembleConfig",
        "EnsembleMetrics",
        "FillAttempt",
        "FillConstraint",
        "GenerationContext",
        "Grammar",
        "Hole",
        "HoleSpec",
        "HoleState",
        "InferenceRequest",
        "InferenceResponse",
        "JsonSchema",
        "ModelCapability",
        "ModelEndpoint",
        "ModelMetrics",
        "RefinementConfig",
        "RefinementMetadata",
        "RefinementResult",
        "RoutingDecision",
    ),
    "maze_tasks.models.runs": ("Attempt", "HoleResult", "RunStatus"),
    "maze_tasks.refiner": ("ProgressiveRefiner",),
}
_WHERE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "AllCandidatesFailed",
    "Attempt",
    "ConfigError",
    "ConstraintIR",
    "EndpointError",
    "EnsembleClient",
    "EnsembleConfig",
    "EnsembleMetrics",
    "FillAttempt",
    "FillConstraint",
    "GenerationContext",
    "Grammar",
    "Hole",
    "HoleResult",
    "HoleSpec",
    "HoleState",
    "InferenceRequest",
    "InferenceResponse",
    "InputError",
    "JsonSchema",
    "MazeError",
    "ModelCapability",
    "ModelEndpoint",
    "ModelMetrics",
    "ModelRouter",
    "ProgressiveRefiner",
    "RefinementConfig",
    "RefinementMetadata",
    "RefinementResult",
    "RoutingDecision",
    "RunHandle",
    "RunStatus",
    "ServiceUnavailable",
    "Settings",
    "load_settings",
]


def __getattr__(name: str) -> Any:
    """A name of the public interface, imported now."""
    module = _WHERE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
