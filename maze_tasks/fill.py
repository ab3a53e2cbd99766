"""The life of one attempt: begin, call, validate, decide, finish. A plain function; no Celery here."""

from __future__ import annotations

import json
import logging
import random
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from maze_tasks import caching, control, permits, selecting
from maze_tasks.asking import Asker, Work
from maze_tasks.caching import Kept, Recalled
from maze_tasks.call_slots import CallSlots, Place
from maze_tasks.decide.decomposition import parts_of
from maze_tasks.decide.profiles import profile_of
from maze_tasks.decide.step import step_after
from maze_tasks.decide.turns import Turn, over_budget
from maze_tasks.endpoints import EndpointClient
from maze_tasks.freeing import free_dependents
from maze_tasks.known_runs import KnownRuns
from maze_tasks.leases import LeaseKeeper
from maze_tasks.lost import lost_record
from maze_tasks.messages import FillMessage, VerifyMessage
from maze_tasks.models import Hole, ModelEndpoint
from maze_tasks.models.runs import RunRules
from maze_tasks.names import HoleId
from maze_tasks.opening import Opened, Opener, Prepared, Texts, as_foreseen, key_of
from maze_tasks.parts import as_asked, see_to
from maze_tasks.patience import patiently
from maze_tasks.permits import Wanted
from maze_tasks.recording import Answer, commit_of, prices_of, provisional, record_of
from maze_tasks.selecting import facts_of
from maze_tasks.sending import Send, send_from
from maze_tasks.sitting import LONGEST_SEAT_S, seated
from maze_tasks.store import budgets, waiting
from maze_tasks.store.cache import FillCache
from maze_tasks.store.cancelled import is_running
from maze_tasks.store.gauges import Gates
from maze_tasks.store.runs import Began, Begun, Finished, RunInfo, RunStore, Stored, Ticket
from maze_tasks.store.together import Step
from maze_tasks.waiting_room import WaitingRoom

logger = logging.getLogger(__name__)

T = TypeVar("T")

_COMMIT_PATIENCE_S = 300.0  # how long a worker holds an answer that Redis does not take: losing it would cost it again
_BEGIN_PATIENCE_S = 30.0
_STAGGER_MS = 1_000  # over which those come back who waited for one who died
_NOT_OURS = frozenset({"gone", "ahead", "unfit"})  # verdicts on what names a run, a hole or a place that is none
_LONGEST_REST_S = 2.0  # a queue is looked at again after so long: what lies in it may go elsewhere by then


@dataclass(slots=True)
class Filler:
    """What a process needs to make attempts.

    Args:
        store: the store.
        leases: keeps leases alive while calls run.
        send: publishes messages.
        endpoints: configured endpoints by name.
        client: the HTTP client of an endpoint.
        cache: replies that were paid for, None to do without.
        gates: who may call which endpoint when, over all workers; None lets every call through.
        draw: random number in 0..1.
        sleep: waits seconds.
        now: seconds that pass, from any beginning.
        refused: told in a word why a message was none that should have come.
        room: where holes wait that lack nothing but one of the calls at once.
        rest: told for how many seconds no more holes need be taken: this one has to wait, and so would they.
        aside: runs what computes for so long that other calls of the process should not wait for it.
        slots: the calls at once of the process.

    Attributes:
        known: what it remembers of runs.
    """

    store: RunStore
    leases: LeaseKeeper
    send: Send
    endpoints: Mapping[str, ModelEndpoint]
    client: Callable[[str], EndpointClient]
    cache: FillCache | None = None
    gates: Gates | None = None
    draw: Callable[[], float] = random.random
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic
    refused: Callable[[str], None] = lambda _: None
    room: WaitingRoom = field(default_factory=WaitingRoom)
    rest: Callable[[float], None] = lambda _: None
    aside: selecting.Aside = lambda reading: reading()
    slots: CallSlots = field(default_factory=CallSlots)
    known: KnownRuns = field(init=False)
    _smooth: dict[str, bool] = field(default_factory=dict)  # whether the last attempt at a model came to its call

    def __post_init__(self) -> None:
        def read(run: str) -> RunInfo | None:
            return self._patiently(lambda: self.store.info(run), _BEGIN_PATIENCE_S)

        self.known = KnownRuns(read, self.store)

    def parcel(self, message: FillMessage, send: Send | None = None) -> Callable[[HoleId], bool]:
        """`fill` for the holes of a message, which are read together: each is known before its lease is asked for."""
        if len(message.holes) == 1:
            return partial(self.fill, message, send=send)
        texts = Texts(self.store, message.run, message.holes, tried=not message.cursor.at_first)
        return lambda hole_id: self.fill(message, hole_id, texts.take(hole_id), send)

    def fill(
        self, message: FillMessage, hole_id: HoleId, known: Stored | None = None, send: Send | None = None
    ) -> bool:
        """Make one attempt for one hole of a message, if it is due.

        Args:
            message: the link that is being run.
            hole_id: one of its holes.
            known: the hole as it is stored, where it was read.
            send: sends the group of samples that follows; where it is None, that is published by itself.

        Returns:
            Whether the hole goes on, so that the rest of the chain is wanted, or the group that `send` was given.

        Raises:
            ServiceUnavailable: Redis cannot be reached; nothing was called that was not put on record before.
        """
        ticket = Ticket(message.run, hole_id, message.cursor, message.send_no, message.model)
        attempt_id = secrets.token_hex(16)
        with self.slots.place(ticket.model, attempt_id) as place:
            return self._fill(message, ticket, attempt_id, place, known, send)

    def _fill(
        self,
        message: FillMessage,
        ticket: Ticket,
        attempt_id: str,
        place: Place,
        known: Stored | None,
        send: Send | None,
    ) -> bool:
        hole_id = ticket.hole_id
        opened, begun = self._begin(message, ticket, attempt_id, place, known)
        if begun.verdict == "unfit":
            # Plans may be added while a run goes on: what is remembered may be older than the message.
            self.known.forget(message.run)
            opened, begun = self._begin(message, ticket, attempt_id, place)
        if begun.verdict in _NOT_OURS:
            self.refused(begun.verdict)
        info = self.known.info(message.run)
        if info is None:
            return False
        if begun.verdict == "go" and begun.plan_no >= len(info.plans):
            # Another thread has just remembered what it read before the plan was added.
            info = self.known.info(message.run, anew=True) or info
        if begun.verdict == "spent":
            control.exhaust(self.store, message.run)
        if begun.verdict != "go":
            logger.debug("hole %r dropped: %s", hole_id, begun.verdict)
            return begun.on
        finished = self._attempt(ticket, attempt_id, place, opened, begun, info)
        owed = selecting.known_by(info, ticket, begun, finished, self.aside)
        what = see_to(self.store, send or self.send, message.run, hole_id, finished.what, owed)
        if info.rules.ordered:
            free_dependents(self.store, self.send, message.run, hole_id)
        if finished.what == "verify":
            self.send([VerifyMessage(message.run, message.model, hole_id, message.cursor, message.send_no)])
        if finished.what == "round":
            send_from(self.store, self.send, message.run, [(hole_id, str(message.cursor.sample))])
        return what == "next" or (what == "round" and owed is not None) or finished.on

    def _begin(
        self, message: FillMessage, ticket: Ticket, attempt_id: str, place: Place, stored: Stored | None = None
    ) -> tuple[Opened, Begun]:
        """Ask for the lease, if this worker may run the message; ``unfit`` where no plan it knows has room for it."""
        info = self.known.info(message.run)
        if info is None:
            return Opened(), Begun("gone")
        plans = self.known.fitting(info, message, self.endpoints, self.client)
        if not plans:
            return Opened(), Begun("unfit")
        prepared = None
        if stored is not None and self._smooth.get(message.model, True):
            prepared = self._opener.foreseen(ticket, self.endpoints[ticket.model], stored, info.rules)
        lost, most = lost_record(ticket.cursor, ticket.model), prepared.most_nano if prepared is not None else None
        begin = self.store.begin_call(ticket, attempt_id, lost, prices_of(self.endpoints[ticket.model]), plans, most)
        opened = self._open(ticket, attempt_id, begin, prepared, place)
        begun = opened.begun or Begun("gone")
        if prepared is not None and not as_foreseen(stored, begun):
            self._smooth[message.model] = False
            self._opener.withdraw(ticket, attempt_id, opened)
            opened = Opened()
        return opened, begun

    @property
    def _opener(self) -> Opener:
        return Opener(self.store, self.cache, self.gates, self.now)

    @property
    def _asker(self) -> Asker:
        return Asker(self.store, self.client, self.now, self.aside)

    def _open(
        self, ticket: Ticket, attempt_id: str, begin: Step | None, prepared: Prepared | None, place: Place
    ) -> Opened:
        """Ask for what an attempt needs; for a permit only where there is a call slot to use it in."""
        return self._patiently(
            lambda: self._opener.open(ticket, attempt_id, begin, prepared, permit=place.taken), _BEGIN_PATIENCE_S
        )

    def _attempt(
        self, ticket: Ticket, attempt_id: str, place: Place, opened: Opened, begun: Begun, info: RunInfo
    ) -> Finished:
        endpoint, plan, smooth = self.endpoints[ticket.model], info.plans[begun.plan_no], self._smooth
        opened = self._opened(ticket, attempt_id, place, opened, begun, info.rules)
        assert opened.prepared is not None
        recalled = opened.recalled
        smooth[ticket.model] = recalled.kept is None and recalled.busy_ms is None
        if recalled.busy_ms is not None:
            self._opener.withdraw(ticket, attempt_id, opened)
            return self._wait(ticket, attempt_id, recalled)
        work = Work(ticket, attempt_id, begun, plan, info.rules, opened.prepared, recalled, self.now(), place)
        turn = None
        if recalled.kept is None:
            reserved = opened.reserved or (self._reserve(work) if begun.budgeted else "go")
            if reserved in ("deferred", "late"):
                smooth[ticket.model] = False
                self._opener.withdraw(ticket, attempt_id, opened)
                return Finished(reserved)
            turn = self._turn(work, opened) if reserved == "go" else Turn("fail", error=over_budget())
            if turn is not None and turn.error is None:
                return self._give_way(work, turn)
        elif opened.reserved == "deferred":  # the lease went with it
            self._opener.withdraw(ticket, attempt_id, opened)
            return Finished("deferred")
        permit = self.gates is not None and recalled.kept is None and turn is None
        with self._holding(work, endpoint.timeout_secs, permit=permit) as cut:
            if turn is not None and turn.error is not None:
                answer = Answer(None, None, turn.error, asked=False)
            else:
                heirs = not self.room.waiting and permits.may_be_left(self.gates, ticket.model)
                answer = self._asker.answer(work, endpoint, cut, heirs=heirs)
            return self._commit(work, answer, unused=opened.permit and (answer.cached or not answer.asked))

    def _opened(
        self, ticket: Ticket, attempt_id: str, place: Place, opened: Opened, begun: Begun, rules: RunRules
    ) -> Opened:
        """What an attempt needs beside its lease: granted with it, or asked for now."""
        prepared = opened.prepared
        if prepared is not None:
            if begun.retries:  # another key: the request is written anew
                opened.prepared = replace(prepared, call=replace(prepared.call, key=key_of(ticket, begun)))
                opened.recalled = replace(opened.recalled, request=None)
            return opened
        stored = Hole.load(json.loads(begun.text))
        hole = self._patiently(lambda: as_asked(self.store, ticket.run, stored), _BEGIN_PATIENCE_S)
        prepared = self._opener.prepared(ticket, self.endpoints[ticket.model], hole, begun, rules)
        if self._smooth.get(ticket.model, True):
            return self._open(ticket, attempt_id, None, prepared, place)
        return Opened(begun, prepared, caching.recall(self.cache, prepared.asking, attempt_id))

    def _commit(self, work: Work, answer: Answer, *, unused: bool) -> Finished:
        """Put an attempt on record with what follows from it, and tell cache and gate in the same round trip."""
        ticket, attempt_id, plan, rules = work.ticket, work.attempt_id, work.plan, work.rules
        endpoint = self.endpoints[ticket.model]
        facts = facts_of(
            ticket.cursor,
            plan,
            rules,
            retries=work.begun.retries if answer.asked else rules.max_retries,
            spill_after_s=endpoint.spill_after_s,
            draw=self.draw(),
            verified=profile_of(work.asks.hole, rules) is not None,
            parts=parts_of(work.asks.hole),
        )
        step = step_after(answer.outcome, facts)
        attempt = record_of(ticket, endpoint, work.asks.call, answer, repeated=work.begun.repeated)
        fresh = Kept(answer.reply, attempt.cost_nano) if answer.reply else None
        kept = caching.decided(self.cache, work.recalled, attempt_id, answer.outcome, fresh, rules.cache_days)
        place = work.place
        back = permits.given_back(self.gates, ticket, attempt_id, answer, self.draw(), unused=unused, to=place.left)
        if step.kind == "verify" and work.recalled.digest:
            attempt = attempt.model_copy(update={"request": work.recalled.digest})
        commit = commit_of(provisional(attempt, step, plan.samples), step, answer, work.begun.retries)
        follows = selecting.model_after(plan, ticket.cursor, step)
        place.await_settled()
        finished = self._patiently(
            lambda: self.store.finish(ticket, attempt_id, commit, next_model=follows, beside=[*kept, *back]),
            _COMMIT_PATIENCE_S,
        )
        place.settled()
        place.leave()
        caching.wake(self.cache, finished.beside[: len(kept)])
        if back and not answer.cached:
            self.slots.quiet(ticket.model, permits.is_quiet(finished.beside[len(kept)]))
        self.room.call_ended()
        return finished

    def _holding(self, work: Work, most_s: float, *, permit: bool) -> AbstractContextManager[threading.Event]:
        """Keep the hole's lease, and what else is held for it, for a block that takes so many seconds at most."""
        ticket, begun = work.ticket, work.begun
        return self.leases.holding(
            ticket,
            work.attempt_id,
            most_s,
            # Only a verdict ends a hole while others of its samples are tried.
            rivals=work.plan.samples > 1 and work.rules.snapshot is not None,
            claim=work.recalled.digest if work.recalled.claimed else None,
            permit=permit,
            began=Began(begun.retries, begun.repeated, work.asks.most_nano),
        )

    def _reserve(self, work: Work) -> budgets.Reserved:
        step = partial(budgets.reserve, self.store, work.ticket, work.attempt_id, work.asks.most_nano)
        return self._patiently(step, _BEGIN_PATIENCE_S)

    def _turn(self, work: Work, opened: Opened) -> Turn | None:
        """Ask for a permit, unless it is held; None where the call may be made now."""
        gates, at, plan, place = self.gates, work.ticket, work.plan, work.place
        if not place.taken and not self._placed(work):
            return Turn("wait")
        if gates is None or place.came_by is not None or (opened.permit and self._opener.in_time(opened)):
            return None
        if opened.permit:
            gates.release(at.model, work.attempt_id, "unused")
            return Turn("wait")
        # One of several samples stays with the others: their candidate is left by all of them together.
        later = plan.candidates[at.cursor.candidate + 1 :] if plan.samples == 1 else ()
        spill_after_s = self.endpoints[at.model].spill_after_s
        wanted = Wanted(at, work.attempt_id, work.asks.tokens, later, spill_after_s, patience=work.rules.max_retries)
        ask = partial(self._ask_for_permit, gates)
        held, runs = self._holding(work, LONGEST_SEAT_S, permit=False), partial(self._is_running, at.run)
        turn = seated(self.room, ask, wanted, held, runs, self.now) if self.room.enter() else ask(wanted)
        self._smooth[at.model] = turn is None
        return turn

    def _placed(self, work: Work) -> bool:
        """Wait for a call slot; whether there is one."""
        with self._holding(work, LONGEST_SEAT_S, permit=False) as cut:
            while not work.place.wait(work.asks.tokens):
                if cut.is_set() or self.slots.closed or not self._is_running(work.ticket.run):
                    return False
        return True

    def _is_running(self, run: str) -> bool:
        return self._patiently(partial(is_running, self.store, run), _COMMIT_PATIENCE_S)

    def _ask_for_permit(self, gates: Gates, wanted: Wanted) -> Turn | None:
        # Who waits here has its lease renewed, and would be put on record as lost for nothing.
        patience_s = _COMMIT_PATIENCE_S if wanted.present else _BEGIN_PATIENCE_S
        return self._patiently(lambda: permits.ask(gates, wanted, draw=self.draw(), now=self.now), patience_s)

    def _give_way(self, work: Work, turn: Turn) -> Finished:
        """Give the slot back where the call may not be made now: the hole waits, or goes on to the next candidate."""
        ticket, attempt_id = work.ticket, work.attempt_id
        caching.give_back(self.cache, work.recalled, attempt_id)
        if turn.kind == "spill":
            follows = work.plan.model_at(selecting.cursor_after(ticket.cursor, "next"))
            return self._patiently(lambda: waiting.spill(self.store, ticket, attempt_id, follows), _BEGIN_PATIENCE_S)
        self.rest(min(turn.wait_ms / 1000, _LONGEST_REST_S))
        return self._patiently(
            lambda: waiting.defer(self.store, ticket, attempt_id, turn.wait_ms, turn.spread_ms), _BEGIN_PATIENCE_S
        )

    def _wait(self, ticket: Ticket, attempt_id: str, recalled: Recalled) -> Finished:
        """Give the slot back while somebody else makes the very request that this hole is for."""
        # Should they never come back, their claim ends, and those who wait come one after the other.
        wait_ms = (recalled.busy_ms or 0) + round(_STAGGER_MS * self.draw())
        finished = self._patiently(lambda: waiting.defer(self.store, ticket, attempt_id, wait_ms), _BEGIN_PATIENCE_S)
        if self.cache is not None and finished.what == "deferred":
            caching.wait_for(self.cache, recalled.digest, ticket)
        return finished

    def _patiently(self, step: Callable[[], T], patience_s: float) -> T:
        return patiently(step, patience_s, sleep=self.sleep, draw=self.draw)
