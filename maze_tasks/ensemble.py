"""The library's front door: `EnsembleClient`."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from maze_tasks import control
from maze_tasks.clients import ClientPool
from maze_tasks.config import Settings, load_settings
from maze_tasks.decide.plan import plan
from maze_tasks.decide.router import ModelRouter
from maze_tasks.direct import DirectRun
from maze_tasks.errors import AllCandidatesFailed, ConfigError
from maze_tasks.fill import Filler
from maze_tasks.given import GivenConstraints, GivenHole, read_given_constraints, read_given_holes
from maze_tasks.intake import refuse_disorder
from maze_tasks.leases import LeaseKeeper
from maze_tasks.models import (
    ConstraintIR,
    EnsembleConfig,
    EnsembleMetrics,
    FailureStrategy,
    GenerationStats,
    Hole,
    HoleSpec,
    InferenceRequest,
    InferenceResponse,
    RoutingDecision,
)
from maze_tasks.models.reading import MOST_S, MOST_USD
from maze_tasks.models.runs import Attempt, HoleResult, Plan, RunRules
from maze_tasks.producer import digest_of
from maze_tasks.project import (
    Project,
    local_workers,
    open_project,
    refuse_literal_keys,
    resume_run,
    run_digest,
    run_rules,
)
from maze_tasks.run_handle import Check, RunHandle
from maze_tasks.store import reading
from maze_tasks.store.cache import FillCache
from maze_tasks.store.cancelled import needless
from maze_tasks.store.gauges import Gates

if TYPE_CHECKING:
    from maze_tasks.supervisor import Supervisor

_MOST = {"budget_usd": MOST_USD, "deadline_s": MOST_S}
_POOL = 64  # calls at once that a client's own thread pools may make


class EnsembleClient:
    """Fills holes with the endpoints of a configuration.

    `generate_*` make their calls in this process and return the answer; `submit` hands a batch to workers. Both keep
    attempts, accounts and spend in Redis: that of `redis_url`, or a private one that lives as long as somebody uses it.

    Args:
        settings: the configuration.
        state_dir: folder of the private server's data; by default that of the configuration's file, or, without a file,
            a temporary one that is removed by `close`: name a folder where an interrupted run is to be resumed.
    """

    def __init__(self, settings: Settings, *, state_dir: Path | None = None) -> None:
        self.settings = settings
        self.router = ModelRouter(settings.endpoints)
        self._state_dir = state_dir
        self._stack = ExitStack()
        self._lock = threading.RLock()
        self._project: Project | None = None
        self._direct: DirectRun | None = None
        self._workers: Supervisor | None = None
        self._numbers = itertools.count()

    @classmethod
    def from_config(
        cls,
        config: EnsembleConfig | Settings | Mapping[str, Any] | str | Path,
        *,
        redis_url: str | None = None,
        broker_url: str | None = None,
        state_dir: str | Path | None = None,
        cache: bool | None = None,
    ) -> Self:
        """A client for a configuration.

        Args:
            config: an EnsembleConfig (or its JSON as a mapping), `Settings`, or the path of a configuration file.
            redis_url: the store; without it, and none in `config`, a private server is used.
            broker_url: the broker, by default the store's server.
            state_dir: folder of a private server's data.
            cache: whether replies that were paid for are used again, where it differs from `config`.

        Raises:
            ConfigError: the configuration is wrong.
        """
        if isinstance(config, str | Path):
            settings = load_settings(Path(config))
        elif isinstance(config, Settings):
            settings = config
        else:
            ensemble = config if isinstance(config, EnsembleConfig) else EnsembleConfig.model_validate(config)
            settings = Settings(
                endpoints=ensemble.endpoints,
                fallback_enabled=ensemble.fallback_enabled,
                best_of_n=ensemble.best_of_n,
                max_fallback_attempts=ensemble.max_fallback_attempts,
            )
        given = {"redis_url": redis_url, "broker_url": broker_url, "cache": cache}
        settings = settings.model_copy(update={name: value for name, value in given.items() if value is not None})
        return cls(settings, state_dir=Path(state_dir) if state_dir is not None else None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End workers started by `submit`, and the private server if nobody else uses it."""
        with self._lock:
            self._project = self._direct = None
            self._workers = None
            self._stack.close()

    def generate_routed(
        self,
        request: InferenceRequest,
        hole_spec: HoleSpec | Mapping[str, Any],
        constraints: GivenConstraints = None,
    ) -> InferenceResponse:
        """Route a hole, and ask its candidates in order until one gives an acceptable fill.

        Args:
            request: prompt, tokens and temperature.
            hole_spec: the hole, by whose traits it is routed.
            constraints: its constraints.

        Raises:
            AllCandidatesFailed: none did.
            ServiceUnavailable: Redis cannot be reached or started.
        """
        spec = hole_spec if isinstance(hole_spec, HoleSpec) else HoleSpec.model_validate(hole_spec)
        known = read_given_constraints(constraints)
        decision = self.router.route(spec, known)
        return self._generate(request, self._plan(decision, self.settings.best_of_n), spec, known)

    def generate_with_fallback(self, request: InferenceRequest, decision: RoutingDecision) -> InferenceResponse:
        """Ask the primary of a decision, then its fallbacks, until one gives an acceptable fill.

        Raises:
            AllCandidatesFailed: none did.
            ConfigError: the decision names an endpoint that is not configured.
            ServiceUnavailable: Redis cannot be reached or started.
        """
        return self._generate(request, self._plan(decision, None))

    def generate_best_of_n(self, request: InferenceRequest, n: int, model_name: str) -> InferenceResponse:
        """Ask one model `n` times at once and choose the best acceptable answer; the first of equals.

        Raises:
            AllCandidatesFailed: no answer was acceptable.
            ConfigError: there is no endpoint of that name, or `n` is less than 1.
            ServiceUnavailable: Redis cannot be reached or started.
        """
        if n < 1:
            raise ConfigError(f"at least 1, not {n}", field="n")
        self.settings.endpoint(model_name)
        return self._generate(request, Plan((model_name,), n))

    def submit(
        self,
        holes: Iterable[GivenHole],
        *,
        run: str | None = None,
        best_of_n: int | None = None,
        budget_usd: float | None = None,
        deadline_s: float | None = None,
    ) -> RunHandle:
        """Submit a batch to workers; without a `redis_url` they are started here and end with the client.

        Args:
            holes: the holes; read once.
            run: name of the run, by default a new one. An unfinished run of that name and these holes goes on.
            best_of_n: answers to ask of each candidate, where it differs from the configuration.
            budget_usd: the most that the run may spend, in USD, where it differs from the configuration.
            deadline_s: the longest that it may take from now on, in seconds, where it differs from the configuration.

        Raises:
            ConfigError: a budget or deadline is no number, or none that can be meant.
            RunExists: a run of that name holds something else, or was given another budget or deadline.
            InputError: two holes have one id.
            ServiceUnavailable: Redis or the broker cannot be reached.
        """
        refuse_literal_keys(self.settings)
        settings = _limited(self.settings, budget_usd=budget_usd, deadline_s=deadline_s)
        project = self.project()
        batch = read_given_holes(holes)
        digest, name = digest_of(batch), run or f"batch-{uuid.uuid4().hex[:12]}"
        known = reading.read_status(project.store.client, project.store.namespace, name)
        if known is not None and known.ended and known.input_digest == digest:
            return RunHandle(project, name)
        check = self._work(project)
        if known is not None and known.input_digest == digest and known.state == "paused":
            resume_run(project, name)
        config_digest = run_digest(settings, best_of_n)
        graph = {hole.id: hole.depends_on for hole in batch if hole.depends_on}
        refuse_disorder(graph, {hole.id: number for number, hole in enumerate(batch, 1)}, "holes")
        replace(project, settings=settings).producer(best_of_n=best_of_n).submit(
            name,
            batch,
            input_digest=digest,
            config_digest=config_digest,
            ordered=bool(graph),
            expected=len(batch),
        )
        return RunHandle(project, name, check)

    def metrics(self) -> EnsembleMetrics:
        """Requests, successes, latency, confidence and cost of each model over all runs of the store."""
        return EnsembleMetrics.from_accounts(control.metrics_accounts(self.project().store))

    def _generate(
        self,
        request: InferenceRequest,
        chosen: Plan,
        spec: HoleSpec | None = None,
        constraints: tuple[ConstraintIR, ...] = (),
    ) -> InferenceResponse:
        for name in chosen.candidates:
            self.settings.endpoint(name)
        context = request.context
        hole = Hole(
            id=f"{spec.hole_id if spec else 'request'}-{next(self._numbers)}",
            spec=spec or HoleSpec(hole_id=0),
            constraints=constraints or read_given_constraints(request.constraints),
            prompt=request.prompt,
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            language=context.language if context else None,
            path=context.current_file if context else None,
        )
        return _response(self.direct_run().fill(hole, chosen))

    def _plan(self, decision: RoutingDecision, best_of_n: int | None) -> Plan:
        return plan(
            decision,
            fallback_enabled=self.settings.fallback_enabled,
            max_fallback_attempts=self.settings.max_fallback_attempts,
            best_of_n=best_of_n,
            spread=self.settings.spread,
        )

    def project(self) -> Project:
        """The store and the queues; opened when first asked for.

        Raises:
            ServiceUnavailable: Redis cannot be reached or started.
        """
        with self._lock:
            if self._project is None:
                folder = self._state_dir
                if folder is None and self.settings.embedded and self.settings.config_path is None:
                    folder = Path(tempfile.mkdtemp(prefix="maze-client-"))
                    self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
                self._project = self._stack.enter_context(open_project(self.settings, state_dir=folder))
            return self._project

    def direct_run(self) -> DirectRun:
        """What makes attempts in this process; opened when first asked for."""
        project = self.project()
        with self._lock:
            if self._direct is None:
                clients = ClientPool(self.settings, pool_size=_POOL)
                cache = FillCache.beside(project.store)
                gates = Gates.beside(project.store, self.settings.endpoints)
                leases = LeaseKeeper(project.store, needless=partial(needless, project.store), cache=cache, gates=gates)
                endpoints = {endpoint.name: endpoint for endpoint in self.settings.endpoints}
                filler = Filler(project.store, leases, list, endpoints, clients.get, cache, gates)
                self._direct = DirectRun(project.store, filler, _whole(run_rules(self.settings)))
                for closing in (clients.close, leases.close, self._direct.close):
                    self._stack.callback(closing)
            return self._direct

    def _work(self, project: Project) -> Check | None:
        """See that somebody works; what says whether our own workers are well, where there are any."""
        with self._lock:
            if project.embedded and self._workers is None:
                self._workers = self._stack.enter_context(local_workers(project))
            return self._workers.check if self._workers else None


def _limited(settings: Settings, **limits: float | None) -> Settings:
    """The configuration with a budget and deadline of one run's own."""
    given = {name: limit for name, limit in limits.items() if limit is not None}
    for name, limit in given.items():
        most = _MOST[name]
        if not 0 <= limit <= most:
            raise ConfigError(f"a number from 0 to {most}, not {limit}", field=name)
    return settings.model_copy(update=given)


def _whole(rules: RunRules) -> RunRules:
    """Rules for one answer to one request, which is never asked for in parts, and has the time of its endpoints."""
    rules = rules.model_copy(update={"deadline_s": None})
    if rules.failure_strategy is not FailureStrategy.DECOMPOSE:
        return rules
    return rules.model_copy(update={"failure_strategy": FailureStrategy.RETRY_ALTERNATE, "max_iterations": 1})


def _response(result: HoleResult) -> InferenceResponse:
    won: Attempt | None = next((one for one in result.attempts if one.outcome == "accepted"), None)
    if won is None or result.code is None:
        error = result.error
        raise AllCandidatesFailed(error.kind if error else "no_fill", error.message if error else "no fill")
    stats = GenerationStats(
        total_time_ms=won.latency_ms,
        time_per_token_us=won.token_us or won.latency_ms * 1000 / max(won.generated_tokens, 1),
        constraint_checks=won.checks,
        avg_constraint_check_us=won.check_us,
    )
    return InferenceResponse(
        generated_text=result.code, tokens_generated=won.generated_tokens, model=won.model, stats=stats
    )
