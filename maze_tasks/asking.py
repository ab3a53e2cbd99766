"""The call of an attempt: who is asked for how long, and what is read from what comes back."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from maze_tasks.caching import Recalled
from maze_tasks.call_slots import Place
from maze_tasks.decide.breaker import call_outcome
from maze_tasks.decide.deadline import call_limit_s
from maze_tasks.endpoints import EndpointClient
from maze_tasks.errors import EndpointError, Refused
from maze_tasks.models import Hole, ModelEndpoint
from maze_tasks.models.calls import Reply
from maze_tasks.models.runs import Plan, RunRules
from maze_tasks.opening import Prepared
from maze_tasks.record import record
from maze_tasks.recording import Answer
from maze_tasks.replying import Read, read_fill, read_plainly, unsure
from maze_tasks.store.runs import Begun, RunStore, Ticket

logger = logging.getLogger(__name__)

_LONG_CHARS = 20_000  # of a hole and the reply to it together, beyond which reading them takes many milliseconds


@record
class Work:
    """What one attempt is about.

    Args:
        ticket: what it is for.
        attempt_id: the attempt.
        begun: what came of its lease.
        plan: the hole's plan.
        rules: of the run.
        asks: what is asked.
        recalled: what the fill cache says.
        since: when its time began, in seconds.
        place: its place among the calls at once.
    """

    ticket: Ticket
    attempt_id: str
    begun: Begun
    plan: Plan
    rules: RunRules
    asks: Prepared
    recalled: Recalled
    since: float
    place: Place


@record
class Asker:
    """Makes the calls of attempts.

    Args:
        store: is told where fills cannot be looked at as they should be.
        client: the HTTP client of an endpoint.
        now: seconds that pass.
        aside: runs what computes for long.
    """

    store: RunStore
    client: Callable[[str], EndpointClient]
    now: Callable[[], float]
    aside: Callable[[Callable[[], Read]], Read]

    def answer(self, work: Work, endpoint: ModelEndpoint, cut: threading.Event, *, heirs: bool) -> Answer:
        """Make the call, unless its reply is kept, and look for the fill in what comes back.

        Args:
            work: what it is about.
            endpoint: who is asked.
            cut: set when the call is to end early.
            heirs: whether slot and permit may go to the next in line as soon as the endpoint has answered, be it
                that it refused this very hole.
        """
        kept, run = work.recalled.kept, work.ticket.run
        try:
            reply = kept.reply if kept else self._ask(work, endpoint, cut)
        except EndpointError as error:
            if heirs and call_outcome(error) == "ok":
                work.place.leave_both()
            return Answer(None, None, error)
        if heirs and not kept:
            work.place.leave_both()
        answer = self._read(run, reply, work.asks.hole, len(work.begun.text))
        if kept:
            answer = replace(answer, saved_nano=kept.cost_nano)
        doubt = None if answer.outcome else unsure(reply, work.rules)
        return replace(answer, outcome=doubt) if doubt else answer

    def _ask(self, work: Work, endpoint: ModelEndpoint, cut: threading.Event) -> Reply:
        left_ms, limit_s = work.begun.left_ms, endpoint.timeout_secs
        if left_ms is not None:
            left_s = left_ms / 1000 - (self.now() - work.since)
            limit_s = call_limit_s(left_s, work.plan.stages - work.ticket.cursor.candidate, limit_s)
        client, request = self.client(endpoint.name), work.recalled.request
        return client.call(work.asks.call, deadline_s=limit_s, cancelled=cut, request=request)

    def _read(self, run: str, reply: Reply, hole: Hole, written: int) -> Answer:
        """The fill that a reply to a hole of so many characters holds, and why it cannot be accepted, if it cannot."""
        reading = partial(read_fill, reply.text, hole, reply.finish_reason)
        try:
            read = self.aside(reading) if len(reply.text) + written > _LONG_CHARS else reading()
        except Refused as error:  # what reads source code is not installed here
            if self.store.note(run, f"a worker accepts fills without looking at their syntax: {error}"):
                logger.warning("fills are accepted without looking at their syntax: %s", error)
            read = read_plainly(reply.text, reply.finish_reason)
        return Answer(reply, read.code, read.failure, read.notes)
