"""Values of a run: plans, cursors, attempts, results and counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from maze_tasks.errors import Failure
from maze_tasks.models.refinement import FailureStrategy
from maze_tasks.models.templates import Templates
from maze_tasks.names import HoleId
from maze_tasks.record import record

HoleStatus = Literal["pending", "in_progress", "filled", "failed", "skipped", "needs_review"]
RunState = Literal["running", "paused", "cancelling", "cancelled", "done", "exhausted", "expired"]
AttemptOutcome = Literal["accepted", "rejected", "failed", "lost", "cancelled"]

TERMINAL_STATUSES: tuple[HoleStatus, ...] = ("filled", "failed", "skipped", "needs_review")
TERMINAL_STATES: tuple[RunState, ...] = ("cancelled", "done", "exhausted", "expired")
NANO_PER_USD = 1_000_000_000  # money is integer nano-USD inside (PROTOCOL, "Cache, money, ids")


@dataclass(frozen=True, slots=True)
class Plan:
    """How the holes that share it are tried.

    Args:
        candidates: endpoint names in the order they are tried, the primary first; never empty.
        samples: answers asked for at once; above 1 the best is selected.
        spread: whether the samples go to one candidate each, in order and around again where there are more samples;
            otherwise all of them go to one candidate, and the next one's turn comes where none is acceptable.
    """

    candidates: tuple[str, ...]
    samples: int = 1
    spread: bool = False

    @property
    def stages(self) -> int:
        """How many places a cursor's candidate may point to: candidates, or groups of them where samples are spread."""
        return -(-len(self.candidates) // self.samples) if self.spread else len(self.candidates)

    def model_at(self, cursor: Cursor) -> str:
        """The endpoint that is asked at a cursor."""
        if not self.spread:
            return self.candidates[cursor.candidate]
        return self.candidates[(cursor.candidate * self.samples + max(cursor.sample, 0)) % len(self.candidates)]

    def models_at(self, candidate: int) -> tuple[str, ...]:
        """The endpoint that each sample goes to."""
        return tuple(self.model_at(Cursor(0, candidate, sample)) for sample in range(self.samples))


@record
class Cursor:
    """Where a hole stands: which candidate of its plan, in which round, is next.

    Args:
        round_no: round of refinement, from 0.
        candidate: index into the plan's stages.
        sample: which of the plan's samples, from 0.
    """

    round_no: int = 0
    candidate: int = 0
    sample: int = 0

    @property
    def at_first(self) -> bool:
        """Whether it is the first candidate of the first round, before which nobody was asked."""
        return self.round_no == 0 and self.candidate == 0


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class RunRules(_Stored):
    """How the holes of a run are tried, beside their plans; kept with the run, the same for all its workers.

    `max_retries` counts deliberate retries at the last candidate of a round; `min_confidence` binds where a confidence
    was measured; `ordered` says that holes wait for holes; `tree` is the folder they were scanned from, as its user
    named it; `verify` names the profile that judges fills on the tree with the digest `snapshot`; `templates` are the
    texts of prompts where they are not the package's own; `cache` says whether replies that were paid for are used
    again, and kept for `cache_days`; `budget_nano` is the most that the run may spend, in nano-USD, `deadline_s` the
    longest that it may take, in seconds from its creation; `endpoints` holds the digest of each endpoint's public
    configuration at submission, by name.
    """

    max_retries: int = 2
    scorer: str = "evidence"
    temperature_schedule: tuple[float, ...] = ()
    max_iterations: int = 1
    min_confidence: float = 0.0
    failure_strategy: FailureStrategy = FailureStrategy.RETRY_ALTERNATE
    ordered: bool = False
    tree: str | None = None
    verify: str | None = None
    snapshot: str | None = None
    templates: Templates | None = None
    cache: bool = True
    cache_days: float = 7.0
    budget_nano: int | None = None
    deadline_s: float | None = None
    endpoints: dict[str, str] = Field(default_factory=dict)


class ErrorRecord(_Stored):
    """A failure in an attempt or a result: kind for programs, message for people."""

    kind: str
    message: str = ""

    @classmethod
    def of(cls, failure: Failure) -> ErrorRecord:
        """The record of a failure."""
        return cls(kind=failure.kind, message=failure.message)


_INNER = {
    "code",
    "request",
    "cost_nano",
    "speed",
    "token_us",
    "checks",
    "check_us",
}  # what reports of attempts leave out


class Attempt(_Stored):
    """One call to one endpoint for one hole, as it is kept.

    `speed` is the server-speed score (CONTRACTS section 2) where the server gave statistics: it breaks ties only.
    `token_us`, `checks` and `check_us` are those statistics: microseconds a token, constraint checks, time of one.
    `resent` counts how often the request went out again at once, since the connection was found closed.
    `worker` is the process that held the lease of a lost one, as host and process id.
    `notes` counts what the static checks could not decide of the fill: nothing is the best.
    `output` is what the command that judged the fill said against it, the telling part.
    `joined` says that no call was made: the fills of the hole's parts are this one.
    `code` is what the call gave, kept for selection and for later prompts; `request` is the digest that a reply which
    is still to be verified is kept by in the fill cache. Reports leave these out.
    """

    candidate: int
    round: int = 0
    sample: int = 0
    model: str
    outcome: AttemptOutcome
    error: ErrorRecord | None = None
    confidence: float | None = None
    speed: float | None = None
    token_us: float = 0.0
    checks: int = 0
    check_us: float = 0.0
    cost_nano: int = 0
    latency_ms: float = 0.0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    cached: bool = False
    repeated: bool = False
    resent: int = 0
    simulated: bool = False
    unsettled: bool = False
    verified: bool | None = None
    notes: int = 0
    output: str | None = None
    worker: str | None = None
    joined: bool = False
    at: float = 0.0
    code: str | None = None
    request: str | None = None

    @property
    def usable(self) -> bool:
        """Whether the endpoint gave a usable reply, whatever came of it."""
        return self.outcome in ("accepted", "rejected")

    def report(self) -> dict[str, Any]:
        """The attempt as reports show it (PROTOCOL, "A hole's life")."""
        shown = self.model_dump(exclude=_INNER)
        shown["cost_usd"] = self.cost_nano / NANO_PER_USD
        return shown


class HoleResult(_Stored):
    """What became of one hole."""

    hole_id: HoleId
    status: HoleStatus
    model: str | None = None
    code: str | None = None
    confidence: float | None = None
    attempts: tuple[Attempt, ...] = ()
    fallbacks: int = 0
    cost_nano: int = 0
    latency_ms: float = 0.0
    error: ErrorRecord | None = None
    parent_id: HoleId | None = None
    child_ids: tuple[HoleId, ...] = ()

    def report(self) -> dict[str, Any]:
        """The JSON line of `maze results`."""
        shown = self.model_dump(exclude={"attempts", "cost_nano"})
        shown["attempts"] = [attempt.report() for attempt in self.attempts]
        shown["cost_usd"] = self.cost_nano / NANO_PER_USD
        return shown


class ModelAccount(_Stored):
    """Exact counts of one model over a run (or several, added up)."""

    requests: int = 0
    successes: int = 0
    failures: int = 0
    accepted: int = 0
    fallbacks: int = 0
    lost: int = 0
    cancelled: int = 0
    repeated: int = 0
    cached: int = 0
    saved_nano: int = 0
    cost_nano: int = 0
    repeated_nano: int = 0
    unsettled_nano: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    success_latency_us: int = 0
    failure_latency_us: int = 0
    confidence_sum_nano: int = 0  # sum of confidences, each times 10^9
    confidence_count: int = 0

    def __add__(self, other: ModelAccount) -> ModelAccount:
        return ModelAccount(**{name: getattr(self, name) + getattr(other, name) for name in ModelAccount.model_fields})


_COSTS = ("cost", "repeated", "unsettled")


class RunStatus(_Stored):
    """Counts of one run; the hole counts always add up to `holes`, of which `parts` are parts of others."""

    run: str
    state: RunState
    holes: int = 0
    pending: int = 0
    in_progress: int = 0
    filled: int = 0
    failed: int = 0
    skipped: int = 0
    needs_review: int = 0
    attempts: int = 0
    fallbacks: int = 0
    repeated: int = 0
    late: int = 0
    cached: int = 0
    set_aside: int = 0
    simulated: int = 0
    parts: int = 0
    cost_nano: int = 0
    repeated_nano: int = 0
    unsettled_nano: int = 0
    budget_nano: int | None = None
    deadline_at: float | None = None
    stopped_by: Literal["budget", "deadline"] | None = None
    created_at: float = 0.0
    finished_at: float | None = None
    sealed: bool = False
    input_digest: str = ""
    config_digest: str = ""
    version: int = 1
    notes: tuple[str, ...] = Field(default=(), description="what workers said about the run, once each")

    @property
    def closed(self) -> int:
        """Holes that have come to an end."""
        return self.filled + self.failed + self.skipped + self.needs_review

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in TERMINAL_STATES

    def report(self) -> dict[str, Any]:
        """The JSON of `maze status`."""
        hidden = {f"{name}_nano" for name in (*_COSTS, "budget")} | {
            "version",
            "sealed",
            "input_digest",
            "config_digest",
        }
        shown = self.model_dump(exclude=hidden)
        shown["notes"] = list(self.notes)
        shown["budget_usd"] = None if self.budget_nano is None else self.budget_nano / NANO_PER_USD
        return shown | self.costs()

    def costs(self) -> dict[str, float]:
        """What the run cost in USD, and how much of that went for repeated calls, and for calls nobody knows of."""
        return {f"{name}_usd": getattr(self, f"{name}_nano") / NANO_PER_USD for name in _COSTS}
