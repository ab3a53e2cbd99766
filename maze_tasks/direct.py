"""One hole at a time, in the caller's own process: the same attempts, accounts and guarantees, no queue and no worker.

The messages that a producer would publish are run here, one link after the other; a group's members side by side.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from maze_tasks.decide.request import most_prompt_tokens
from maze_tasks.decide.tokens import tokens_to_ask
from maze_tasks.fill import Filler
from maze_tasks.messages import FillMessage, Message, messages_for
from maze_tasks.models import Hole
from maze_tasks.models.runs import TERMINAL_STATUSES, Cursor, HoleResult, Plan, RunRules
from maze_tasks.names import HoleId
from maze_tasks.producer import FIRST_SEND, hole_text
from maze_tasks.sending import send_from
from maze_tasks.store import care, reading
from maze_tasks.store.runs import NewHole, RunStore

_LOOK_S = 0.2  # between two looks at a hole that somebody else is at, or that waits


@dataclass(slots=True)
class DirectRun:
    """A run whose holes are filled by the process that asks.

    Args:
        store: the store.
        filler: makes attempts.
        rules: how its holes are tried, with the digests of the endpoints.
        name: name of the run.
        sleep: waits seconds.
    """

    store: RunStore
    filler: Filler
    rules: RunRules
    name: str = field(default_factory=lambda: f"client-{uuid.uuid4().hex[:12]}")
    sleep: Callable[[float], None] = time.sleep
    _plans: dict[Plan, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fill(self, hole: Hole, plan: Plan) -> HoleResult:
        """Fill one hole by a plan; returns when it has come to an end.

        Args:
            hole: the hole; its id is new to this run.
            plan: whom to ask, in which order, how often.

        Raises:
            ServiceUnavailable: Redis cannot be reached.
        """
        number = self._number(plan)
        asked = [self.filler.endpoints[name] for name in plan.candidates]
        bound = most_prompt_tokens(hole, asked, self.rules.templates)
        new = NewHole(hole.id, hole_text(hole), number, plan, bound, tokens_to_ask(hole))
        self.store.submit(self.name, [new])
        waiting: deque[Message] = deque(messages_for(self.name, plan, [hole.id], Cursor(), FIRST_SEND))
        filler = replace(self.filler, send=waiting.extend)
        while True:
            self._drain(filler, waiting)
            (result,) = reading.read_results(self.store.client, self.store.namespace, self.name, [hole.id])
            if result.status in TERMINAL_STATUSES:
                return result
            self.sleep(_LOOK_S)
            send_from(self.store, waiting.extend, self.name, self._overdue(hole.id))

    def close(self) -> None:
        """Say that no more holes come, so that the run ends."""
        if self._plans:
            self.store.seal(self.name)

    def _number(self, plan: Plan) -> int:
        with self._lock:
            if not self._plans:
                self.store.create(self.name, [plan], input_digest=self.name, config_digest="", rules=self.rules)
            elif plan not in self._plans:
                self.store.add_plan(self.name, len(self._plans), plan)
                self.filler.known.forget(self.name)
            return self._plans.setdefault(plan, len(self._plans))

    def _drain(self, filler: Filler, waiting: deque[Message]) -> None:
        while waiting:
            popped = [waiting.popleft() for _ in range(len(waiting))]
            batch = [message for message in popped if isinstance(message, FillMessage)]
            if len(batch) == 1:
                self._follow_chain(filler, batch[0])
                continue
            with ThreadPoolExecutor(len(batch), thread_name_prefix="sample") as members:
                for member in [members.submit(self._follow_chain, filler, message) for message in batch]:
                    member.result()

    def _follow_chain(self, filler: Filler, message: FillMessage) -> None:
        link: FillMessage | None = message
        while link is not None and filler.fill(link, link.holes[0]):
            link = link.following()

    def _overdue(self, hole_id: HoleId) -> list[care.Member]:
        expired, due = care.overdue(self.store, self.name, care.server_ms(self.store))
        return [member for member in _of(hole_id, [*expired, *due]) if member[1].isdigit()]


def _of(hole_id: HoleId, members: Iterable[care.Member]) -> list[care.Member]:
    return [member for member in members if member[0] == hole_id]
