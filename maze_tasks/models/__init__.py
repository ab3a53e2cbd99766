"""Values that cross edges: holes, constraints, endpoints, requests, runs and metrics.

The shapes and their spellings are those of CONTRACTS sections 1 and 2; all of them are frozen.
"""

from maze_tasks.models.calls import Call, Reply, ServerStats
from maze_tasks.models.constraints import (
    Binding,
    ConstraintIR,
    FillConstraint,
    Grammar,
    GrammarRule,
    JsonSchema,
    RegexPattern,
    TokenMasks,
    TypeInhabitationData,
    TypeLanguage,
    read_constraints,
)
from maze_tasks.models.context import PIECE_KINDS, ContextPiece
from maze_tasks.models.diagnostics import Diagnostic, diagnostics_in, diagnostics_of
from maze_tasks.models.endpoints import EnsembleConfig, ModelCapability, ModelEndpoint
from maze_tasks.models.holes import FillAttempt, Hole, HoleSpec, HoleState, HoleStateStatus, Part, Scale, read_hole
from maze_tasks.models.inference import (
    GenerationContext,
    GenerationStats,
    InferenceRequest,
    InferenceResponse,
    RoutingDecision,
    speed_confidence,
)
from maze_tasks.models.metrics import EnsembleMetrics, ModelMetrics
from maze_tasks.models.places import Place
from maze_tasks.models.reading import Shape, did_you_mean, explain, known_fields
from maze_tasks.models.refinement import FailureStrategy, RefinementConfig, RefinementMetadata, RefinementResult
from maze_tasks.models.runs import (
    NANO_PER_USD,
    TERMINAL_STATES,
    TERMINAL_STATUSES,
    Attempt,
    AttemptOutcome,
    Cursor,
    ErrorRecord,
    HoleResult,
    HoleStatus,
    ModelAccount,
    Plan,
    RunState,
    RunStatus,
)
from maze_tasks.models.templates import Templates, default_templates
from maze_tasks.models.verification import HoleCheck
from maze_tasks.names import HoleId

__all__ = [
    "NANO_PER_USD",
    "PIECE_KINDS",
    "TERMINAL_STATES",
    "TERMINAL_STATUSES",
    "Attempt",
    "AttemptOutcome",
    "Binding",
    "Call",
    "ConstraintIR",
    "ContextPiece",
    "Cursor",
    "Diagnostic",
    "EnsembleConfig",
    "EnsembleMetrics",
    "ErrorRecord",
    "FailureStrategy",
    "FillAttempt",
    "FillConstraint",
    "GenerationContext",
    "GenerationStats",
    "Grammar",
    "GrammarRule",
    "Hole",
    "HoleCheck",
    "HoleId",
    "HoleResult",
    "HoleSpec",
    "HoleState",
    "HoleStateStatus",
    "HoleStatus",
    "InferenceRequest",
    "InferenceResponse",
    "JsonSchema",
    "ModelAccount",
    "ModelCapability",
    "ModelEndpoint",
    "ModelMetrics",
    "Part",
    "Place",
    "Plan",
    "RefinementConfig",
    "RefinementMetadata",
    "RefinementResult",
    "RegexPattern",
    "Reply",
    "RoutingDecision",
    "RunState",
    "RunStatus",
    "Scale",
    "ServerStats",
    "Shape",
    "Templates",
    "TokenMasks",
    "TypeInhabitationData",
    "TypeLanguage",
    "default_templates",
    "diagnostics_in",
    "diagnostics_of",
    "did_you_mean",
    "explain",
    "known_fields",
    "read_constraints",
    "read_hole",
    "speed_confidence",
]
