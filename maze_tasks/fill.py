"""The life of one attempt: begin, call, validate, decide, finish. A plain function; no Celery here."""

from __future__ import annotations

import json
import logging
import random
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from maze_tasks import selecting
from maze_tasks.decide.money import cost_nano
from maze_tasks.decide.request import call_for
from maze_tasks.decide.scoring import speed_score
from maze_tasks.decide.step import Step, step_after
from maze_tasks.decide.tokens import temperature
from maze_tasks.endpoints import EndpointClient
from maze_tasks.errors import ConfigError, EndpointError, Failure, Refused, ServiceUnavailable
from maze_tasks.freeing import free_dependents, pieces_from
from maze_tasks.judging import profile_of
from maze_tasks.leases import LeaseKeeper
from maze_tasks.messages import FillMessage, VerifyMessage
from maze_tasks.models import Hole, ModelEndpoint, diagnostics_of
from maze_tasks.models.calls import Call, Reply, ServerStats
from maze_tasks.models.runs import NANO_PER_USD, Attempt, Cursor, ErrorRecord, Plan, RunRules
from maze_tasks.names import FORMAT_VERSION, VERIFIERS, HoleId, idempotency_key
from maze_tasks.selecting import facts_of
from maze_tasks.sending import Send, send_from
from maze_tasks.store.runs import Begun, Commit, Finished, RunInfo, RunStore, Ticket
from maze_tasks.validation import MAX_FILL_CHARS, check, normalise, reject_reason, take_apart, verdict

logger = logging.getLogger(__name__)

T = TypeVar("T")

_COMMIT_PATIENCE_S = 300.0  # how long a worker holds an answer that Redis does not take: losing it would cost it again
_BEGIN_PATIENCE_S = 30.0
_BYTES_A_TOKEN = 4  # where a server does not say how many tokens it used
_KNOWN_RUNS = 256  # runs whose plans a process remembers


@dataclass(slots=True)
class Filler:
    """What a process needs to make attempts.

    Args:
        store: the store.
        leases: keeps leases alive while calls run.
        send: publishes messages.
        endpoints: configured endpoints by name.
        client: the HTTP client of an endpoint.
        draw: random number in 0..1.
        sleep: waits seconds.
    """

    store: RunStore
    leases: LeaseKeeper
    send: Send
    endpoints: Mapping[str, ModelEndpoint]
    client: Callable[[str], EndpointClient]
    draw: Callable[[], float] = random.random
    sleep: Callable[[float], None] = time.sleep
    _runs: dict[str, RunInfo] = field(default_factory=dict)

    def fill(self, message: FillMessage, hole_id: HoleId) -> bool:
        """Make one attempt for one hole of a message, if it is due.

        Args:
            message: the link that is being run.
            hole_id: one of its holes.

        Returns:
            Whether the hole goes on to the next candidate, so that the rest of the chain is wanted.

        Raises:
            ServiceUnavailable: Redis cannot be reached; nothing was called that was not put on record before.
        """
        ticket = Ticket(message.run, hole_id, message.cursor, message.send_no, message.model)
        attempt_id = secrets.token_hex(16)
        begun = self._begin(message, ticket, attempt_id)
        if begun.verdict == "unfit":
            # Plans may be added while a run goes on: what is remembered may be older than the message.
            self.forget(message.run)
            begun = self._begin(message, ticket, attempt_id)
        info = self.run_info(message.run)
        if info is None:
            return False
        if begun.verdict != "go":
            logger.debug("hole %r dropped: %s", hole_id, begun.verdict)
            return begun.on
        finished = self._attempt(ticket, attempt_id, begun, info)
        if finished.what == "select":
            selecting.select_fill(self.store, self.send, message.run, hole_id)
        if info.rules.ordered:
            free_dependents(self.store, self.send, message.run, hole_id)
        if finished.what == "verify":
            self.send([VerifyMessage(message.run, message.model, hole_id, message.cursor, message.send_no)])
        if finished.what == "round":
            send_from(self.store, self.send, message.run, [(hole_id, str(message.cursor.sample))])
        return finished.what == "next" or finished.on

    def _begin(self, message: FillMessage, ticket: Ticket, attempt_id: str) -> Begun:
        """Ask for the lease, if this worker may run the message; ``unfit`` where no plan it knows has room for it."""
        info = self.run_info(message.run)
        if info is None:
            return Begun("gone")
        plans = self._fitting(info, message)
        if not plans:
            return Begun("unfit")
        prices = _prices(self.endpoints[message.model])
        return self._patiently(
            lambda: self.store.begin(ticket, attempt_id, _lost(ticket), prices, plans), _BEGIN_PATIENCE_S
        )

    def forget(self, run: str) -> None:
        """Read a run's plans anew when it is met next."""
        self._runs.pop(run, None)

    def run_info(self, run: str) -> RunInfo | None:
        """Plans and options of a run, read once a process."""
        info = self._runs.get(run)
        if info is None:
            info = self._patiently(lambda: self.store.info(run), _BEGIN_PATIENCE_S)
            if info is None:
                logger.warning("message for a run that does not exist dropped")
                return None
            if len(self._runs) >= _KNOWN_RUNS:
                self._runs.clear()
            self._runs[run] = info
        return info

    def _fitting(self, info: RunInfo, message: FillMessage) -> list[int]:
        """Numbers of the plans a message may belong to; none where this worker may not run it."""
        at = message.cursor.candidate
        plans = [number for number, plan in enumerate(info.plans) if plan.candidates[at : at + 1] == (message.model,)]
        if not plans:
            logger.warning("message for model %r does not fit a plan of run %r: dropped", message.model, message.run)
            return []
        why = self._unfit(info, message.model)
        if why and self.store.note(message.run, why):
            logger.warning("%s", why)
        return [] if why else plans

    def _unfit(self, info: RunInfo, model: str) -> str | None:
        if info.version > FORMAT_VERSION:
            return f"a worker of an older release (format {FORMAT_VERSION}) leaves records of format {info.version}"
        endpoint = self.endpoints.get(model)
        if endpoint is None:
            return f"a worker does not know the endpoint {model!r}: its configuration differs from the run's"
        if info.rules.endpoints.get(model) != endpoint.digest():
            return f"a worker has another configuration of endpoint {model!r} than the run was made with"
        try:
            self.client(model)
        except ConfigError as error:
            return f"a worker cannot use endpoint {model!r}: {error.reason}"
        return None

    def _attempt(self, ticket: Ticket, attempt_id: str, begun: Begun, info: RunInfo) -> Finished:
        endpoint = self.endpoints[ticket.model]
        cursor, plan = ticket.cursor, info.plans[begun.plan_no]
        hole = Hole.load(json.loads(begun.text))
        if hole.depends_on:
            pieces = self._patiently(lambda: pieces_from(self.store, ticket.run, hole), _BEGIN_PATIENCE_S)
            hole = hole.model_copy(update={"pieces": (*pieces, *hole.pieces)})
        key = idempotency_key(
            ticket.run, ticket.hole_id, cursor.round_no, cursor.candidate, cursor.sample, begun.retries
        )
        heat = temperature(info.rules.temperature_schedule, cursor.round_no)
        call = call_for(
            hole,
            endpoint,
            key,
            temperature=heat,
            diagnostics=diagnostics_of(begun.before),
            templates=info.rules.templates,
        )
        outcome: EndpointError | Failure | None
        reply: Reply | None = None
        code: str | None = None
        with self.leases.holding(ticket, attempt_id, endpoint.timeout_secs) as cut:
            try:
                reply = self.client(ticket.model).call(call, deadline_s=endpoint.timeout_secs, cancelled=cut)
            except EndpointError as error:
                outcome = error
            else:
                code, reason = self._read(ticket.run, reply, hole)
                outcome = reason or _unsure(reply, info.rules)
            known = facts_of(cursor, plan, info.rules)
            facts = replace(
                known,
                retries=begun.retries,
                spill_after_s=endpoint.spill_after_s,
                draw=self.draw(),
                verified=profile_of(hole, info.rules) is not None,
            )
            step = step_after(outcome, facts)
            attempt = _record(ticket, endpoint, call, reply, code, outcome, repeated=begun.repeated)
            attempt = _provisional(attempt, step, plan.samples)
            commit = _commit(attempt, step, reply)
            follows = _following(plan, cursor, step)
            return self._patiently(
                lambda: self.store.finish(ticket, attempt_id, commit, next_model=follows), _COMMIT_PATIENCE_S
            )

    def _read(self, run: str, reply: Reply, hole: Hole) -> tuple[str, Failure | None]:
        """The fill that a reply holds, and why it cannot be accepted, if it cannot."""
        try:
            fill = take_apart(reply.text, hole)
            if isinstance(fill, Failure):
                return reply.text, fill
            return fill.code, verdict(check(fill, hole, finish_reason=reply.finish_reason))
        except Refused as error:  # what reads source code is not installed here
            if self.store.note(run, f"a worker accepts fills without looking at their syntax: {error}"):
                logger.warning("fills are accepted without looking at their syntax: %s", error)
            code = normalise(reply.text)
            return code, reject_reason(code, reply.finish_reason)

    def _patiently(self, step: Callable[[], T], patience_s: float) -> T:
        """Run a step of the store; while Redis is away, again with growing waits. Every step bears repeating."""
        end = time.monotonic() + patience_s
        wait = 0.1
        while True:
            try:
                return step()
            except ServiceUnavailable as error:
                if time.monotonic() + wait > end:
                    raise
                logger.warning("%s; trying again in %.1f s", error, wait)
                self.sleep(wait * (0.5 + self.draw()))
                wait = min(wait * 2, 5.0)


def _unsure(reply: Reply, rules: RunRules) -> Failure | None:
    """Why a reply is rejected whose measured confidence is too low; where none was measured nothing is known."""
    if reply.confidence is None or reply.confidence >= rules.min_confidence:
        return None
    return Failure(
        "low_confidence", f"confidence {reply.confidence:.3f} is below min_confidence {rules.min_confidence}"
    )


def _following(plan: Plan, cursor: Cursor, step: Step) -> str | None:
    """The candidate that a step leads to, None where it leads to none."""
    if step.kind == "verify":
        return VERIFIERS
    if step.kind not in ("next", "round"):
        return None
    return plan.candidates[selecting.cursor_after(cursor, step.kind).candidate]


def _tokens(count: int | None, text: str) -> int:
    return count if count is not None else -(-len(text.encode("utf-8", "replace")) // _BYTES_A_TOKEN)


def _prices(endpoint: ModelEndpoint) -> tuple[int, int]:
    """Nano-USD of a prompt token and of a generated token."""
    # Rounded up from a thousand: a reservation may be a little too large, never too small.
    return -(-cost_nano(endpoint, 1000, 0) // 1000), -(-cost_nano(endpoint, 0, 1000) // 1000)


def _lost(ticket: Ticket) -> Attempt:
    """The record of a lease's holder that never came back; the script that keeps it adds the estimated cost."""
    return Attempt(
        candidate=ticket.cursor.candidate,
        round=ticket.cursor.round_no,
        sample=ticket.cursor.sample,
        model=ticket.model,
        outcome="lost",
        error=ErrorRecord(kind="lost", message="the worker did not come back; the call may have been paid for"),
        unsettled=True,
        at=time.time(),
    )


def _record(
    ticket: Ticket,
    endpoint: ModelEndpoint,
    call: Call,
    reply: Reply | None,
    code: str | None,
    outcome: EndpointError | Failure | None,
    *,
    repeated: bool,
) -> Attempt:
    failure = outcome.failure if isinstance(outcome, EndpointError) else outcome
    attempt = Attempt(
        candidate=ticket.cursor.candidate,
        round=ticket.cursor.round_no,
        sample=ticket.cursor.sample,
        model=ticket.model,
        outcome="accepted",
        error=ErrorRecord.of(failure) if failure else None,
        at=time.time(),
        repeated=repeated,
    )
    if reply is None:
        assert isinstance(outcome, EndpointError)
        state = "cancelled" if outcome.kind == "cancelled" else "failed"
        return attempt.model_copy(update={"outcome": state, "latency_ms": round(outcome.latency_ms, 3)})
    asked, generated = _tokens(reply.prompt_tokens, call.prompt), _tokens(reply.generated_tokens, reply.text)
    known: dict[str, object] = {
        "outcome": "rejected" if failure else "accepted",
        "code": code if code is not None and len(code) <= MAX_FILL_CHARS else None,
        "confidence": reply.confidence,
        **_speed(generated, reply.stats),
        "latency_ms": round(reply.latency_ms, 3),
        "prompt_tokens": asked,
        "generated_tokens": generated,
        "cost_nano": cost_nano(endpoint, asked, generated),
        "simulated": reply.simulated,
        "repeated": repeated or reply.resent > 0,
    }
    return attempt.model_copy(update=known)


def _provisional(attempt: Attempt, step: Step, samples: int) -> Attempt:
    """An acceptable fill that is not accepted yet: it is still to be verified, or one of several to choose from."""
    if attempt.outcome != "accepted" or (step.kind != "verify" and samples == 1):
        return attempt
    why = selecting.UNVERIFIED if step.kind == "verify" else selecting.NOT_SELECTED
    return attempt.model_copy(update={"outcome": "rejected", "error": why})


def _speed(generated: int, stats: ServerStats | None) -> dict[str, float]:
    if stats is None:
        return {}
    return {
        "speed": speed_score(generated, stats),
        "token_us": stats.time_per_token_us,
        "checks": stats.constraint_checks,
        "check_us": stats.avg_constraint_check_us,
    }


def _commit(attempt: Attempt, step: Step, reply: Reply | None) -> Commit:
    latency_us = round(attempt.latency_ms * 1000)
    counts = {"cost_nano": attempt.cost_nano, "repeated": int(attempt.repeated)}
    if attempt.outcome == "cancelled":
        counts["cancelled"] = 1
    elif reply is None:
        counts |= {"requests": 1, "failures": 1, "failure_latency_us": latency_us}
    else:
        counts |= {
            "requests": 1,
            "successes": 1,
            "accepted": int(step.kind == "accept"),
            "success_latency_us": latency_us,
            "prompt_tokens": attempt.prompt_tokens,
            "generated_tokens": attempt.generated_tokens,
        }
        if attempt.confidence is not None:
            counts |= {"confidence_sum_nano": round(attempt.confidence * NANO_PER_USD), "confidence_count": 1}
    failure = step.failure or Failure("", "")
    return Commit(
        attempt,
        step.kind,
        counts,
        wait_ms=round(step.wait_s * 1000),
        error_kind=failure.kind,
        error_message=failure.message,
        status=step.status,
    )
