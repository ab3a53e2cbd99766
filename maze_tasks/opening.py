"""What opens an attempt, asked for in one round trip: its lease, the kept reply, the budget, the permit.

Each of them rests on those ahead of it, whose answers are not known when it is asked: so more may be granted than is
wanted, and that is given back. While most attempts come to a call, that is rare (`Filler` keeps an eye on it), and a
round trip costs more than a script does. What the gate would only grant later is not asked for here: a place in its
queue is nothing to be given back lightly.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from maze_tasks import caching
from maze_tasks.caching import Asking, Recalled
from maze_tasks.decide.request import call_for
from maze_tasks.decide.tokens import estimate_tokens, temperature
from maze_tasks.errors import MazeError
from maze_tasks.models import Hole, ModelEndpoint, diagnostics_of
from maze_tasks.models.calls import Call
from maze_tasks.models.limits import USE_WITHIN_MS
from maze_tasks.models.runs import RunRules
from maze_tasks.names import HoleId, idempotency_key
from maze_tasks.parts import asks_others
from maze_tasks.permits import place_of
from maze_tasks.record import record
from maze_tasks.recording import most_nano
from maze_tasks.store import budgets
from maze_tasks.store.cache import FillCache
from maze_tasks.store.connection import translated
from maze_tasks.store.gauges import Gates, read_admission
from maze_tasks.store.runs import Begun, RunStore, Stored, Ticket, read_begun
from maze_tasks.store.together import Step, run_each, run_together

logger = logging.getLogger(__name__)

_AT_ONCE = 16  # holes of a message whose texts are read together


@record
class Prepared:
    """What an attempt will ask, known before anything is granted.

    Args:
        hole: the hole, as it is asked for.
        call: the call.
        asking: what the fill cache is asked, None where it is not.
        tokens: what the call may use at most.
        most_nano: what it may cost at most, in nano-USD.
        budgeted: whether that is to be set aside from a budget.
    """

    hole: Hole
    call: Call
    asking: Asking | None
    tokens: int
    most_nano: int
    budgeted: bool


@dataclass(slots=True)
class Opened:
    """What was granted to an attempt.

    Args:
        begun: what came of its lease; None where that was asked for before.
        prepared: what the other questions were asked for; None where the lease alone was asked for.
        recalled: what the cache says, with `prepared`.
        reserved: what the budget says, with `prepared`; None where there is none.
        permit: whether the call may be made now.
        asked_at: when that was asked, in seconds; with `prepared`.
    """

    begun: Begun | None = None
    prepared: Prepared | None = None
    recalled: Recalled = field(default_factory=Recalled)
    reserved: budgets.Reserved | None = None
    permit: bool = False
    asked_at: float = 0.0


@record
class Opener:
    """Asks for what an attempt needs.

    Args:
        store: the store.
        cache: replies that were paid for, None to do without.
        gates: who may call which endpoint when, None where nobody is held up.
        now: seconds that pass.
    """

    store: RunStore
    cache: FillCache | None
    gates: Gates | None
    now: Callable[[], float]

    def prepared(self, ticket: Ticket, endpoint: ModelEndpoint, hole: Hole, begun: Begun, rules: RunRules) -> Prepared:
        """What an attempt will ask.

        Args:
            ticket: what the attempt is for.
            endpoint: who is asked.
            hole: the hole, as it is asked for.
            begun: what is known of the attempt; of one that has not begun its text alone.
            rules: of the run.
        """
        call = call_for(
            hole,
            endpoint,
            key_of(ticket, begun),
            temperature=temperature(rules.temperature_schedule, ticket.cursor.round_no),
            diagnostics=diagnostics_of(begun.before),
            templates=rules.templates,
        )
        return Prepared(
            hole,
            call,
            caching.asking(self.cache, rules, endpoint, call, ticket.cursor),
            estimate_tokens(call.system + call.prompt, call.max_tokens),
            most_nano(endpoint, call),
            rules.budget_nano is not None,
        )

    def foreseen(self, ticket: Ticket, endpoint: ModelEndpoint, stored: Stored, rules: RunRules) -> Prepared | None:
        """What an attempt will ask that has not begun, by the hole as it is stored; None where other holes matter."""
        hole = Hole.load(json.loads(stored.text))
        known = Begun("go", stored.text, before=stored.before)
        return None if asks_others(hole) else self.prepared(ticket, endpoint, hole, known, rules)

    def open(
        self, ticket: Ticket, attempt_id: str, begin: Step | None, prepared: Prepared | None, *, permit: bool = True
    ) -> Opened:
        """Ask for the lease, and for all that is needed for what is prepared.

        Args:
            ticket: what the attempt is for.
            attempt_id: the attempt.
            begin: asks for its lease (`RunStore.begin_call`), None where it is held.
            prepared: what will be asked, None to ask for the lease alone.
            permit: whether a permit is asked for as well: there is a call slot to use it in at once.

        Raises:
            ServiceUnavailable: Redis cannot be reached.
        """
        steps = {"begin": begin} if begin is not None else {}
        if prepared is not None:
            steps |= self._steps(ticket, attempt_id, prepared, permit=permit)
            if begin is None:
                # The lease was asked for before anybody knew what its call may cost, should it be lost.
                steps["renew"] = self.store.renew_call(ticket, attempt_id, prepared.most_nano)
        asked_at = self.now() if prepared is not None else 0.0
        with translated():
            answers = dict(zip(steps, run_each(self.store.calls, list(steps.values())), strict=True))
            begun = read_begun(_answer(answers.pop("begin"))) if begin is not None else None
        found = {name: answer for name, answer in answers.items() if not isinstance(answer, Exception)}
        opened = Opened(begun, prepared, asked_at=asked_at)
        if prepared is not None and prepared.asking is not None and "ask" in found:
            opened.recalled = caching.recalled(prepared.asking, FillCache.read(found["ask"]))
        if "reserve" in found:
            # Where its script was loaded only now, it ran ahead of that for the lease and is to be run again.
            reserved = budgets.read_reserved(found["reserve"])
            opened.reserved = None if reserved == "late" else reserved
        if "acquire" in found:
            opened.permit = read_admission(found["acquire"]).verdict == "go"
        return opened

    def _steps(self, ticket: Ticket, attempt_id: str, prepared: Prepared, *, permit: bool) -> dict[str, Step]:
        steps = {}
        if self.cache is not None and prepared.asking is not None:
            steps["ask"] = self.cache.ask_call(prepared.asking.digest, attempt_id)
        if prepared.budgeted:
            steps["reserve"] = budgets.reserve_call(self.store, ticket, attempt_id, prepared.most_nano)
        if self.gates is not None and permit:
            steps["acquire"] = self.gates.acquire_call(
                ticket.model, attempt_id, place=place_of(ticket), tokens=prepared.tokens, only_now=True
            )
        return steps

    def withdraw(self, ticket: Ticket, attempt_id: str, opened: Opened) -> None:
        """Give back what an attempt will not use: the permit, and the claim on its request."""
        if opened.permit and self.gates is not None:
            opened.permit = False
            back = self.gates.release_call(ticket.model, attempt_id, "unused")
            try:
                with translated():
                    run_together(self.store.calls, [back])
            except MazeError as error:
                logger.warning("a permit runs out by itself: %s", error)
        caching.give_back(self.cache, opened.recalled, attempt_id)
        opened.recalled = Recalled()

    def in_time(self, opened: Opened) -> bool:
        """Whether a permit may still be used: later it would count for another minute than that of its call."""
        return (self.now() - opened.asked_at) * 1000 <= USE_WITHIN_MS


def key_of(ticket: Ticket, begun: Begun) -> str:
    """The idempotency key of an attempt's call."""
    at = ticket.cursor
    return idempotency_key(ticket.run, ticket.hole_id, at.round_no, at.candidate, at.sample, begun.retries)


def _answer(answer: Any) -> Sequence[Any]:
    if isinstance(answer, Exception):
        raise answer
    return list(answer)


def as_foreseen(stored: Stored | None, begun: Begun) -> bool:
    """Whether an attempt that has begun asks what the hole as it was read said that it would."""
    if stored is None or begun.verdict != "go" or begun.text != stored.text:
        return False
    return begun.before == stored.before or diagnostics_of(begun.before) == diagnostics_of(stored.before)


class Texts:
    """The holes of a message as they are stored, read some at a time: a hole never changes, only what was tried does.

    Args:
        store: the store.
        run: name of the run.
        holes: their ids.
        tried: whether they were tried before, so that their last attempts matter.
    """

    def __init__(self, store: RunStore, run: str, holes: Sequence[HoleId], *, tried: bool = False) -> None:
        self._store, self._run, self._holes, self._tried = store, run, list(holes), tried
        self._lock = threading.Lock()
        self._read: dict[HoleId, Stored] = {}

    def take(self, hole_id: HoleId) -> Stored | None:
        """A hole as it is stored, once; None where it is not known."""
        with self._lock:
            if hole_id not in self._read and hole_id in self._holes:
                self._read_on(hole_id)
            return self._read.pop(hole_id, None)

    def _read_on(self, first: HoleId) -> None:
        at = self._holes.index(first)
        wanted, self._holes[at : at + _AT_ONCE] = self._holes[at : at + _AT_ONCE], []
        try:
            found = self._store.stored(self._run, wanted, tried=self._tried)
        except MazeError:
            return  # whoever asks for the lease says that Redis is away
        self._read.update((hole_id, one) for hole_id, one in zip(wanted, found, strict=True) if one is not None)
