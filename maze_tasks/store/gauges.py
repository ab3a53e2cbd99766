"""The gates of the endpoints, shared by all workers: breaker, calls at once, requests and tokens a minute, pauses.

Every change is one script under the model's hash tag, on Redis's own clock. What is granted is exact: in no window of
`Limits.window_ms` is more granted than the limit. Grants are counted in buckets of `Limits.grain_ms`, which leave the
window as a whole when their last millisecond is a window old; so a bucket errs to the late side by at most its width,
memory is bounded by window / grain entries whatever the limit, and a call costs the same at 10 a minute and at 100,000.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import redis

from maze_tasks.models.endpoints import ModelEndpoint
from maze_tasks.models.limits import BreakerState, CallOutcome, Limits
from maze_tasks.names import DEFAULT_NAMESPACE
from maze_tasks.record import record
from maze_tasks.store.connection import translated
from maze_tasks.store.gauge_keys import gate_keys
from maze_tasks.store.runs import RunStore
from maze_tasks.store.scripts import Arg, script
from maze_tasks.store.together import Client, Step, run_together

Verdict = Literal["go", "wait", "refuse"]

_IDLE_MS = 600_000  # keys that nobody used for so long, beyond all that they may be needed for, expire


@record
class Admission:
    """Answer to a request for a permit; times in milliseconds of Redis's clock.

    Args:
        verdict: ``go``: the permit is held, use it within `USE_WITHIN_MS` or return it; ``wait``: a slot is reserved,
            ask again at `until_ms`; ``refuse``: nothing is reserved.
        until_ms: with ``go`` when the permit's lease ends; else when to ask again, 0: never.
        now_ms: the time of the answer.
        why: ``probe`` with a ``go`` of a half-open breaker; else what is short: ``rate, concurrency, paused, reserved``
            (asked before its time), ``open, denied`` (open since the endpoint refused our key), ``probing, too_large``
            (more tokens than a minute may have) or ``crowded``.
        openings: with ``open, denied, probing``, how often the breaker has opened in a row.
        pace_ms: with ``refuse``, the mean time between two calls that the limits leave room for.
    """

    verdict: Verdict
    until_ms: int
    now_ms: int
    why: str = ""
    openings: int = 0
    pace_ms: int = 0

    @property
    def reserved(self) -> bool:
        """Whether a slot is kept, for `Limits.hold_ms` after it is due."""
        return self.verdict == "wait"

    @property
    def wait_ms(self) -> int:
        """How long until `until_ms`."""
        return max(self.until_ms - self.now_ms, 0)


@record
class Released:
    """Answer to a release; times in milliseconds of Redis's clock.

    Args:
        counted: whether the permit was held; if not, nothing was changed.
        open_until_ms: when the breaker's open period ends, None while it is closed.
        paused_until_ms: when the latest pause ends, None where there was none.
        quiet: whether calls are let through, and nobody was refused one of late since all calls at once were made.
    """

    counted: bool
    open_until_ms: int | None
    paused_until_ms: int | None
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Gauge:
    """What the gate of a model shows; times in milliseconds of Redis's clock, None where they do not apply.

    Args:
        model: name of the endpoint.
        breaker: state of its breaker.
        open_until_ms: when the open period ends or ended.
        paused_until_ms: when the pause ends.
        in_flight: calls that hold a permit.
        limit: how many may.
        requests_last_minute: requests that count against the limit now.
        tokens_last_minute: tokens that count against the limit now; those of running calls as estimated.
        waiting: slots reserved.
        latency_ms: running mean of a call's latency, 0 where none is known.
        now_ms: the time.
    """

    model: str
    breaker: BreakerState
    open_until_ms: int | None
    paused_until_ms: int | None
    in_flight: int
    limit: int
    requests_last_minute: int
    tokens_last_minute: int
    waiting: int
    latency_ms: float
    now_ms: int

    def report(self) -> dict[str, Any]:
        """The gauge as reports show it; times in seconds since 1970, None where they do not apply."""
        return {
            "breaker": self.breaker,
            "open_until": None if self.open_until_ms is None else self.open_until_ms / 1000,
            "paused_until": None if self.paused_until_ms is None else self.paused_until_ms / 1000,
            "in_flight": self.in_flight,
            "max_concurrency": self.limit,
            "requests_last_minute": self.requests_last_minute,
            "tokens_last_minute": self.tokens_last_minute,
            "waiting": self.waiting,
            "mean_latency_ms": round(self.latency_ms, 3),
        }


class Gates:
    """The gates of some models.

    Args:
        client: connection with decoded replies.
        limits: limits of each model by its name.
        namespace: prefix of every key.
        lease_ms: length of a permit's lease; as long as that of a run's.
        clock: time in milliseconds that stands in for Redis's clock; for tests only.
        calls: what runs the scripts of attempts, by default the client.
    """

    def __init__(
        self,
        client: redis.Redis,
        limits: Mapping[str, Limits],
        *,
        namespace: str = DEFAULT_NAMESPACE,
        lease_ms: int = 15_000,
        clock: Callable[[], int] | None = None,
        calls: Client | None = None,
    ) -> None:
        self.client, self.limits, self.namespace, self.lease_ms = client, limits, namespace, lease_ms
        self._clock = clock
        self._calls = calls if calls is not None else client

    @classmethod
    def beside(cls, store: RunStore, endpoints: Iterable[ModelEndpoint]) -> Gates:
        """The gates of some endpoints on the server of a store, with the limits of their configuration."""
        limits = {endpoint.name: Limits.of(endpoint) for endpoint in endpoints}
        return cls(store.client, limits, namespace=store.namespace, lease_ms=store.lease_ms, calls=store.calls)

    def acquire(
        self,
        model: str,
        permit_id: str,
        *,
        place: str | None = None,
        tokens: int = 0,
        max_wait_ms: int | None = None,
        present: bool = False,
    ) -> Admission:
        """Ask for a permit to call a model now, or for the next slot.

        Args:
            model: name of the endpoint.
            permit_id: drawn by the worker for this attempt; the same one again gets the same answer and counts once.
            place: what the slot is reserved for, the same when the hole comes back with another attempt, such as run,
                hole and sample; the permit's id if left out.
            tokens: upper bound of the tokens of prompt and reply.
            max_wait_ms: reserve no slot further ahead; `Limits.max_wait_ms` if left out, 0 to ask without reserving.
            present: reserve nothing, and go ahead of those whose slot is reserved, but for their requests and tokens.

        Raises:
            ServiceUnavailable: Redis cannot be reached.
        """
        step = self.acquire_call(model, permit_id, place=place, tokens=tokens, max_wait_ms=max_wait_ms, present=present)
        with translated():
            return read_admission(run_together(self._calls, [step])[0])

    def acquire_call(
        self,
        model: str,
        permit_id: str,
        *,
        place: str | None = None,
        tokens: int = 0,
        max_wait_ms: int | None = None,
        only_now: bool = False,
        present: bool = False,
    ) -> Step:
        """The call behind `acquire`, for `run_together`; its answer is for `read_admission`.

        With `only_now` it is a permit at once or nothing: no slot is reserved, and one that is reserved stays as it is.
        With `present` too, and of the calls at once none is kept for those for whom a slot is reserved: they may be on
        their way, while who asks is here, and holds the very worker slot that they would need.
        """
        limits = self.limits[model]
        if only_now or present:
            max_wait_ms = -2 if present else -1
        args: list[Arg] = [
            self._now(), permit_id, permit_id if place is None else place, self.lease_ms, limits.max_concurrency,
            limits.requests_per_minute or 0, limits.tokens_per_minute or 0, tokens,
            limits.max_wait_ms if max_wait_ms is None else max_wait_ms, limits.hold_ms, limits.window_ms,
            limits.grain_ms, limits.max_waiting, self._idle_ms(limits),
        ]  # fmt: skip
        return self._step("permit_acquire", model, args)

    def release(
        self,
        model: str,
        permit_id: str,
        outcome: CallOutcome,
        *,
        latency_ms: float = 0.0,
        tokens_used: int | None = None,
        pause_ms: int = 0,
        draw: float = 0.5,
    ) -> Released:
        """Give a permit back, once, however often it is called.

        Args:
            model: name of the endpoint.
            permit_id: the permit.
            outcome: what the call said about the endpoint (`decide.breaker.call_outcome`); with ``unused`` request
                and tokens are given back as well.
            latency_ms: how long the call took.
            tokens_used: tokens of prompt and reply; None: not known, the estimate stays.
            pause_ms: pause that the endpoint asked for; 0: none named.
            draw: random number in 0..1 for the jitter of the breaker's open period.

        Raises:
            ServiceUnavailable: Redis cannot be reached.
        """
        step = self.release_call(
            model, permit_id, outcome,
            latency_ms=latency_ms, tokens_used=tokens_used, pause_ms=pause_ms, draw=draw,
        )  # fmt: skip
        with translated():
            return read_released(run_together(self._calls, [step])[0])

    def release_call(
        self,
        model: str,
        permit_id: str,
        outcome: CallOutcome,
        *,
        latency_ms: float = 0.0,
        tokens_used: int | None = None,
        pause_ms: int = 0,
        draw: float = 0.5,
        heir: tuple[str, int] | None = None,
    ) -> Step:
        """The call behind `release`, for `run_together`; its answer is for `read_released`.

        With an `heir` the permit is theirs from then on, whose call has begun: their permit's id, and its tokens.
        """
        limits = self.limits[model]
        rules = limits.breaker
        args: list[Arg] = [
            self._now(), permit_id, outcome, round(latency_ms * 1000), -1 if tokens_used is None else tokens_used,
            pause_ms, repr(draw), self._idle_ms(limits), limits.window_ms, limits.grain_ms, rules.bucket_ms,
            rules.buckets, rules.min_calls, repr(rules.failure_rate), rules.streak, rules.open_ms, rules.auth_open_ms,
            rules.max_open_ms, rules.calm_ms, *(("", 0, 0) if heir is None else (heir[0], heir[1], self.lease_ms)),
        ]  # fmt: skip
        return self._step("permit_release", model, args)

    def leave(self, model: str, place: str) -> bool:
        """Give up a reserved slot, for a hole that goes to another candidate; whether there was one."""
        step = self.leave_call(model, place)
        with translated():
            return bool(step.script.run(self.client, step.keys, step.args))

    def leave_call(self, model: str, place: str) -> Step:
        """The call behind `leave`, for `run_together`."""
        return self._step("permit_leave", model, [self._now(), place, self._idle_ms(self.limits[model])])

    def forget(self) -> int:
        """Give back what was held and reserved at all models, where nobody can be alive who holds it; how much it was.

        Requests and tokens of the last minute still count.
        """
        steps = [
            self._step("permit_forget", model, [self._now(), self._idle_ms(limits)])
            for model, limits in self.limits.items()
        ]
        with translated():
            return sum(int(count) for count in run_together(self.client, steps))

    def any_free(self, models: Sequence[str], tokens: int) -> bool:
        """Whether one of some models would let a call through now, in one round trip; nothing is reserved.

        Args:
            models: names of endpoints.
            tokens: upper bound of the call's tokens.
        """
        return any(_is_free(gauge, self.limits[gauge.model], tokens) for gauge in self.read_gauges(models))

    def renew_permits(self, held: Sequence[tuple[str, str]]) -> list[bool]:
        """Lengthen the leases of permits in one round trip.

        Args:
            held: model and permit of each.

        Returns:
            Of each, whether it is still held.
        """
        by_model: dict[str, list[int]] = {}
        for at, (model, _) in enumerate(held):
            by_model.setdefault(model, []).append(at)
        steps = [self._renew_call(model, [held[at][1] for at in places]) for model, places in by_model.items()]
        kept = [False] * len(held)
        with translated():
            for places, answers in zip(by_model.values(), run_together(self.client, steps), strict=True):
                for at, answer in zip(places, answers, strict=True):
                    kept[at] = bool(answer)
        return kept

    def _renew_call(self, model: str, permits: Sequence[str]) -> Step:
        args: list[Arg] = [self._now(), self.lease_ms, self._idle_ms(self.limits[model]), *permits]
        return self._step("permit_renew", model, args)

    def read_gauges(self, models: Sequence[str]) -> list[Gauge]:
        """What the gates of some models show, in one round trip; looking changes nothing."""
        steps = []
        for model in models:
            limits = self.limits[model]
            steps.append(self._step("permit_gauge", model, [self._now(), limits.window_ms, limits.grain_ms]))
        with translated():
            rows = run_together(self.client, steps)
        return [self._gauge(model, row) for model, row in zip(models, rows, strict=True)]

    def _gauge(self, model: str, row: Sequence[str]) -> Gauge:
        open_until, paused_until, in_flight, requests, tokens, waiting, latency_us, now = map(int, row[1:])
        return Gauge(
            model=model,
            breaker=_STATES[row[0]],
            open_until_ms=open_until or None,
            paused_until_ms=paused_until or None,
            in_flight=in_flight,
            limit=self.limits[model].max_concurrency,
            requests_last_minute=requests,
            tokens_last_minute=tokens,
            waiting=waiting,
            latency_ms=latency_us / 1000,
            now_ms=now,
        )

    def _step(self, name: str, model: str, args: Sequence[Arg]) -> Step:
        return Step(script(name, "_permits"), gate_keys(self.namespace, model), args)

    def _now(self) -> Arg:
        return "" if self._clock is None else self._clock()

    def _idle_ms(self, limits: Limits) -> int:
        rules = limits.breaker
        needed = limits.window_ms + limits.grain_ms + limits.max_wait_ms + limits.hold_ms + self.lease_ms
        return needed + rules.bucket_ms * rules.buckets + rules.calm_ms + _IDLE_MS


def _is_free(gauge: Gauge, limits: Limits, tokens: int) -> bool:
    if gauge.breaker != "closed" or gauge.paused_until_ms is not None or gauge.waiting:
        return False
    requests, most_tokens = limits.requests_per_minute, limits.tokens_per_minute
    return (
        gauge.in_flight < limits.max_concurrency
        and (requests is None or gauge.requests_last_minute < requests)
        and (most_tokens is None or gauge.tokens_last_minute + tokens <= most_tokens)
    )


_STATES: Mapping[str, BreakerState] = {"closed": "closed", "open": "open", "half_open": "half_open"}
_VERDICTS: Mapping[str, Verdict] = {"go": "go", "wait": "wait", "refuse": "refuse"}


def read_admission(raw: Sequence[str]) -> Admission:
    """The admission in an answer to `Gates.acquire_call`."""
    verdict, until, now, why, *refused = raw
    return Admission(_VERDICTS[verdict], int(until), int(now), why, *map(int, refused))


def read_released(raw: Sequence[str]) -> Released:
    """What an answer to `Gates.release_call` says."""
    counted, open_until, paused_until, quiet = map(int, raw)
    return Released(bool(counted), open_until or None, paused_until or None, bool(quiet))
