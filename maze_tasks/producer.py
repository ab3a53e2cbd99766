"""From holes to a run: route, plan, submit, enqueue."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from maze_tasks.decide.parcels import parcel_size
from maze_tasks.decide.plan import plan
from maze_tasks.decide.request import most_prompt_tokens
from maze_tasks.decide.router import ModelRouter
from maze_tasks.decide.tokens import tokens_to_ask
from maze_tasks.errors import RunExists
from maze_tasks.freeing import free_dependents, release_ready
from maze_tasks.messages import FillMessage, messages_for
from maze_tasks.models import FailureStrategy, Hole, ModelEndpoint, RoutingDecision
from maze_tasks.models.runs import Cursor, Plan, RunRules, RunStatus
from maze_tasks.names import HoleId
from maze_tasks.sending import Send
from maze_tasks.store import reading
from maze_tasks.store.runs import NewHole, RunStore

BATCH = 200  # holes stored in one round trip, and announced in one batch of messages
FIRST_SEND = 1  # send number of what the producer sends


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a run is made with, beside its endpoints.

    Args:
        fallback_enabled: whether candidates after the primary are tried.
        max_fallback_attempts: candidates tried, the primary included.
        best_of_n: answers asked for at once; 0 and 1 mean one.
        spread: whether those answers are asked of several candidates, one each.
        rules: how the holes are tried beside that; the producer adds the endpoints' digests.
    """

    fallback_enabled: bool = True
    max_fallback_attempts: int = 3
    best_of_n: int | None = None
    spread: bool = False
    rules: RunRules = field(default_factory=RunRules)


@dataclass(slots=True)
class Planner:
    """Routes holes and numbers the plans they share.

    Args:
        endpoints: the ensemble, in the order listed.
        options: options of the run.

    Raises:
        ConfigError: no endpoints, or two of one name.
    """

    endpoints: Sequence[ModelEndpoint]
    options: RunOptions
    _router: ModelRouter = field(init=False)
    _by_name: Mapping[str, ModelEndpoint] = field(init=False)

    def __post_init__(self) -> None:
        self._router = ModelRouter(self.endpoints)
        self._by_name = {endpoint.name: endpoint for endpoint in self.endpoints}

    def route(self, hole: Hole) -> RoutingDecision:
        """Where a hole goes and why."""
        return self._router.route(hole.spec, hole.constraints)

    def table(self) -> list[Plan]:
        """Every plan there can be: one for each primary."""
        return [self.plan_for(self._decision(endpoint.name)) for endpoint in self.endpoints]

    def plan_for(self, decision: RoutingDecision) -> Plan:
        """The plan that a decision leads to."""
        options = self.options
        return plan(
            decision,
            fallback_enabled=options.fallback_enabled,
            max_fallback_attempts=options.max_fallback_attempts,
            best_of_n=options.best_of_n,
            spread=options.spread,
        )

    def prompt_bound(self, hole: Hole, plan: Plan) -> int:
        """Tokens that a prompt for this hole never exceeds, whoever of the plan's candidates is asked."""
        asked = [self._by_name[name] for name in plan.candidates]
        rules = self.options.rules
        divides = rules.failure_strategy is FailureStrategy.DECOMPOSE
        return most_prompt_tokens(hole, asked, rules.templates, grows=divides)

    def _decision(self, primary: str) -> RoutingDecision:
        others = [endpoint for endpoint in self.endpoints if endpoint.name != primary]
        others.sort(key=lambda endpoint: endpoint.priority)
        return RoutingDecision(
            primary_model=primary, fallback_models=tuple(endpoint.name for endpoint in others), reason=""
        )


@dataclass(frozen=True, slots=True)
class Submission:
    """A run that has been submitted.

    Args:
        run: its name.
        verdict: ``created``, or ``same`` where a run of that name held the same holes already.
        added: holes added by this submission.
    """

    run: str
    verdict: str
    added: int


class Producer:
    """Submits runs.

    Args:
        store: the store.
        send: publishes messages.
        endpoints: the ensemble.
        options: options of the runs.
    """

    def __init__(
        self, store: RunStore, send: Send, endpoints: Sequence[ModelEndpoint], options: RunOptions | None = None
    ) -> None:
        self._store, self._send = store, send
        self._options = options or RunOptions()
        self._planner = Planner(endpoints, self._options)
        self._plans = self._planner.table()
        self._numbers = {one.candidates[0]: number for number, one in enumerate(self._plans)}

    def open(self, run: str, *, input_digest: str, config_digest: str, ordered: bool = False) -> str:
        """Create a run, or recognise it.

        Returns:
            ``created`` or ``same``.

        Raises:
            RunExists: a run of that name holds other holes or was made with another configuration.
        """
        verdict = self._store.create(
            run, self._plans, input_digest=input_digest, config_digest=config_digest, rules=self._rules(ordered=ordered)
        )
        if verdict == "other":
            raise RunExists(run)
        return verdict

    def submit(
        self,
        run: str,
        holes: Iterable[Hole],
        *,
        input_digest: str,
        config_digest: str,
        ordered: bool = False,
        expected: int | None = None,
        on_batch: Callable[[int], None] | None = None,
    ) -> Submission:
        """Submit a run: every hole is stored, then announced. A repeat adds and announces only what is missing.

        Args:
            run: its name.
            holes: the holes, in order; read once, a batch at a time.
            input_digest: digest of the holes.
            config_digest: digest of the configuration.
            ordered: whether holes depend on holes; all that they name must be in the run, without a circle.
            expected: how many they are about, by which holes are put together in messages; None where nobody knows.
            on_batch: called after each batch with the number of holes added in all.

        Raises:
            RunExists: a run of that name holds something else.
            Refused: the run has ended.
            ServiceUnavailable: Redis or the broker cannot be reached; a repeat goes on where it was.
        """
        verdict = self.open(run, input_digest=input_digest, config_digest=config_digest, ordered=ordered)
        added = 0
        held: list[HoleId] = []
        sizes = self._parcel_sizes(expected)
        for batch in _batches(holes, BATCH):
            new = [self._new(hole) for hole in batch]
            fresh = set(self._store.submit(run, new))
            going = [hole for hole in new if hole.hole_id in fresh and not hole.depends_on]
            self._send(message for parcel in _parcels(going, sizes) for message in self._messages(run, parcel))
            held += [hole.hole_id for hole in new if hole.depends_on]
            added += len(fresh)
            if on_batch:
                on_batch(added)
        self._release(run, held)
        self._store.seal(run)
        return Submission(run, verdict, added)

    def _release(self, run: str, held: Sequence[HoleId]) -> None:
        """Let those go whose dependencies had come to an end before they were stored themselves."""
        info = self._store.info(run)
        if held and info is not None:
            for ended in release_ready(self._store, self._send, run, held, info):
                free_dependents(self._store, self._send, run, ended)

    def _new(self, hole: Hole) -> NewHole:
        number = self._numbers[self._planner.route(hole).primary_model]
        plan = self._plans[number]
        bound = self._planner.prompt_bound(hole, plan)
        return NewHole(hole.id, hole_text(hole), number, plan, bound, tokens_to_ask(hole), hole.depends_on)

    def _parcel_sizes(self, expected: int | None) -> dict[Plan, int]:
        """How many holes of each plan travel together; the slowest of its first models says."""
        if expected is None:
            return {}
        latency = reading.recent_latency(self._store.client, self._store.namespace)
        by_name = {endpoint.name: endpoint for endpoint in self._planner.endpoints}

        def size(asked: ModelEndpoint, samples: int) -> int:
            return parcel_size(
                expected * samples,
                slots=asked.max_concurrency,
                latency_s=latency.get(asked.name),
                timeout_s=asked.timeout_secs,
            )

        return {
            plan: min(size(by_name[name], samples) for name, samples in Counter(plan.models_at(0)).items())
            for plan in self._plans
        }

    def _messages(self, run: str, parcel: Sequence[NewHole]) -> list[FillMessage]:
        return messages_for(run, parcel[0].plan, [hole.hole_id for hole in parcel], Cursor(), FIRST_SEND)

    def _rules(self, *, ordered: bool) -> RunRules:
        # Parts wait for one another, and their whole for all of them.
        divides = self._options.rules.failure_strategy is FailureStrategy.DECOMPOSE
        digests = {endpoint.name: endpoint.digest() for endpoint in self._planner.endpoints}
        return self._options.rules.model_copy(update={"endpoints": digests, "ordered": ordered or divides})


def _parcels(holes: Sequence[NewHole], sizes: Mapping[Plan, int]) -> Iterator[Sequence[NewHole]]:
    """Holes put together that travel together."""
    by_plan: dict[Plan, list[NewHole]] = {}
    for hole in holes:
        by_plan.setdefault(hole.plan, []).append(hole)
    for shared, its_holes in by_plan.items():
        size = sizes.get(shared, 1)
        for start in range(0, len(its_holes), size):
            yield its_holes[start : start + size]


def hole_text(hole: Hole) -> str:
    """A hole as the store keeps it: its canonical JSON without what says nothing."""
    return hole.model_dump_json(exclude_defaults=True)


def digest_of(holes: Iterable[Hole]) -> str:
    """Fingerprint of a batch in order, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for hole in holes:
        digest.update(hole_text(hole).encode() + b"\n")
    return digest.hexdigest()


def find_run(store: RunStore, input_digest: str, config_digest: str, stem: str) -> tuple[str, RunStatus | None]:
    """The name for a run that was given none: the unfinished run of the same holes, or a new name.

    Args:
        store: the store.
        input_digest: digest of the holes.
        config_digest: digest of the configuration.
        stem: what the name begins with.

    Returns:
        A name, and the latest run of the same holes and configuration, if there is one.
    """
    base = f"{stem}-{input_digest[:4]}{config_digest[:4]}"
    latest: RunStatus | None = None
    number = 1
    while True:
        name = base if number == 1 else f"{base}-{number}"
        found = reading.read_status(store.client, store.namespace, name)
        if found is None:
            return name, latest
        if found.input_digest == input_digest and found.config_digest == config_digest:
            latest = found
            if not found.ended:
                return name, found
        number += 1


def _batches(holes: Iterable[Hole], size: int) -> Iterator[list[Hole]]:
    batch: list[Hole] = []
    for hole in holes:
        batch.append(hole)
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch
