"""Renewing leases: one thread a process for all its attempts, in one round trip."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import field

from maze_tasks.errors import MazeError
from maze_tasks.record import record
from maze_tasks.store.cache import FillCache
from maze_tasks.store.gauges import Gates
from maze_tasks.store.runs import Began, RunStore, Ticket

logger = logging.getLogger(__name__)

RENEWALS_A_LEASE = 3  # a lease of 15 s is renewed every 5 s: two may fail before it is lost
GRACE_S = 15.0  # no lease is renewed for longer than its call's deadline and this


@record
class Held:
    """A lease in use.

    Args:
        ticket: what it is for.
        attempt_id: its holder.
        until: monotonic time after which it is not renewed any more.
        rivals: whether other samples of the hole are tried beside it, one of which may end the hole first.
        claim: digest of the request in the fill cache that others wait for meanwhile, None for none.
        permit: whether a permit to call the model is held with it.
        began: what its attempt began with, None for one that a server that has forgotten it does not give back.
        lost: set once the lease is gone: the call that it was for may be cut.
    """

    ticket: Ticket
    attempt_id: str
    until: float
    rivals: bool = False
    claim: str | None = None
    permit: bool = False
    began: Began | None = None
    lost: threading.Event = field(default_factory=threading.Event)


class LeaseKeeper:
    """Keeps the leases of a process alive while their calls run.

    Args:
        store: the store.
        needless: asked now and then which of some tickets, each with whether it has rivals, need no work any more:
            their run was cancelled, or a rival gave the hole its fill.
        cache: where the claims are that are kept alive too.
        gates: where the permits are that are kept alive too.
    """

    def __init__(
        self,
        store: RunStore,
        *,
        needless: Callable[[Sequence[tuple[Ticket, bool]]], Sequence[bool]] | None = None,
        cache: FillCache | None = None,
        gates: Gates | None = None,
        tick_s: float = 1.0,
    ) -> None:
        self._store, self._needless, self._tick_s = store, needless, tick_s
        self._cache, self._gates = cache, gates
        self._held: dict[str, Held] = {}
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def holding(
        self,
        ticket: Ticket,
        attempt_id: str,
        deadline_s: float,
        *,
        rivals: bool = False,
        claim: str | None = None,
        permit: bool = False,
        began: Began | None = None,
    ) -> Iterator[threading.Event]:
        """Keep a lease for as long as the block runs; yields an event that is set when the call should be cut.

        Args:
            ticket: what the lease is for.
            attempt_id: its holder.
            deadline_s: seconds that the work may take.
            rivals: whether other samples of the hole are tried beside it.
            claim: digest of the request in the fill cache that is kept claimed with it.
            permit: whether a permit to call the ticket's model is kept with it, known by the attempt's id.
            began: what the attempt began with, by which a server that has forgotten the lease gives it back.
        """
        held = Held(ticket, attempt_id, time.monotonic() + deadline_s + GRACE_S, rivals, claim, permit, began)
        with self._lock:
            self._held[attempt_id] = held
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)
                self._thread.start()
        try:
            yield held.lost
        finally:
            with self._lock:
                self._held.pop(attempt_id, None)

    def close(self) -> None:
        """End the thread; leases still held run out by themselves."""
        self._end.set()
        if self._thread is not None:
            self._thread.join(timeout=2)

    def _run(self) -> None:
        every = self._store.lease_ms / 1000 / RENEWALS_A_LEASE
        renewed = time.monotonic()
        while not self._end.wait(min(self._tick_s, every)):
            try:
                if repeated := self._store.repeat_recent():
                    logger.warning("Redis was started or replaced: %d commits of the last seconds repeated", repeated)
                self._cut_needless()
                if time.monotonic() - renewed >= every:
                    renewed = time.monotonic()
                    self._renew()
            except MazeError as error:
                # The store is away: leases cannot be renewed now, but their calls go on, and may still commit.
                logger.warning("leases not renewed: %s", error)

    def _snapshot(self) -> list[Held]:
        with self._lock:
            return list(self._held.values())

    def _renew(self) -> None:
        now = time.monotonic()
        alive = [held for held in self._snapshot() if held.until > now]
        if not alive:
            return
        kept = self._store.renew([(held.ticket, held.attempt_id) for held in alive], [held.began for held in alive])
        for held, still in zip(alive, kept, strict=True):
            if not still and held.attempt_id in self._held:
                held.lost.set()
        claims = [(held.claim, held.attempt_id) for held in alive if held.claim is not None]
        if self._cache is not None and claims:
            self._cache.renew(claims)
        permits = [(held.ticket.model, held.attempt_id) for held in alive if held.permit]
        if self._gates is not None and permits:
            self._gates.renew_permits(permits)

    def _cut_needless(self) -> None:
        held = self._snapshot()
        if self._needless is None or not held:
            return
        done = self._needless([(one.ticket, one.rivals) for one in held])
        for one, needless in zip(held, done, strict=True):
            if needless:
                one.lost.set()
