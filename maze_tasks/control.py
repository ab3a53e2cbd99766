"""Looking after runs: the sweeper, cancelling, pausing, resuming, and what a service check asks."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from maze_tasks.calm import Calm
from maze_tasks.decide.money import usd_to_nano
from maze_tasks.errors import Refused, ServiceUnavailable, UnknownRun
from maze_tasks.freeing import free_dependents, release_ready
from maze_tasks.models import Hole
from maze_tasks.models.runs import HoleResult, ModelAccount, Plan, RunStatus
from maze_tasks.names import FORMAT_VERSION, VERIFIERS, suspects_of
from maze_tasks.overdue import see_to_overdue
from maze_tasks.sending import Send, send_from
from maze_tasks.store import care, reading
from maze_tasks.store.connection import server_facts
from maze_tasks.store.runs import RunInfo, RunStore

logger = logging.getLogger(__name__)

SWEEP_LOCK_MS = 5_000  # how long a sweeper that died keeps the others from sweeping
EMPTY_SIGHTINGS = 2  # a queue must be seen empty that often before a message counts as forgotten
SETTLE_MS = 1_000  # a message younger than this at a sighting may still be on its way


def status(store: RunStore, run: str) -> RunStatus:
    """Counts of a run.

    Raises:
        UnknownRun: there is none of that name.
    """
    found = reading.read_status(store.client, store.namespace, run)
    if found is None:
        raise UnknownRun(run)
    return found


def require_known_format(store: RunStore, run: str) -> RunStatus:
    """Counts of a run that may be changed.

    Raises:
        UnknownRun: there is none of that name.
        Refused: its records are of a newer release's format.
    """
    found = status(store, run)
    if found.version > FORMAT_VERSION:
        raise Refused(
            f"run {run!r} was made by a newer release: its records have format {found.version}, this one knows "
            f"{FORMAT_VERSION}"
        )
    return found


def runs(store: RunStore) -> list[RunStatus]:
    """Counts of every run, oldest first."""
    names = reading.list_runs(store.client, store.namespace)
    found = (reading.read_status(store.client, store.namespace, name) for name in names)
    return [one for one in found if one is not None]


def results(store: RunStore, run: str) -> Iterator[HoleResult]:
    """What became of every hole of a run, in order of submission.

    Raises:
        UnknownRun: there is none of that name.
        Refused: the run has expired.
    """
    if status(store, run).state == "expired":
        raise Refused(f"run {run!r} has expired: its counts are kept, its results are not (expire_days)")
    return reading.iter_results(store.client, store.namespace, run)


def fills(store: RunStore, run: str) -> Iterator[tuple[Hole, HoleResult]]:
    """Every hole of a run with what became of it, in order of submission.

    Raises:
        UnknownRun: there is none of that name.
        Refused: the run has expired.
    """
    results(store, run)  # refuses what cannot be read
    for text, result in reading.iter_texts(store.client, store.namespace, run):
        yield Hole.load(json.loads(text)), result


def tree_of(store: RunStore, run: str) -> Path:
    """The folder that a run's holes were scanned from; this folder where they came as lines, or nobody knows."""
    info = store.info(run)
    return Path(info.rules.tree) if info is not None and info.rules.tree else Path()


def cancel(store: RunStore, run: str, *, holders_gone: bool = False) -> RunStatus:
    """Cancel a run: nothing new starts, what waits is skipped; running calls end as cancelled.

    Args:
        store: the store.
        run: name of the run.
        holders_gone: whether no worker can be alive that holds a lease.

    Raises:
        UnknownRun: there is none of that name.
        Refused: it was made by a newer release.
    """
    require_known_format(store, run)
    care.set_state(store, run, "cancelling", ["running", "paused"])
    drop_waiting(store, run, holders_gone=holders_gone)
    return status(store, run)


def set_limits(store: RunStore, run: str, *, budget_usd: float | None, deadline_s: float | None) -> None:
    """Give a run another budget or deadline; what is None stays as it is.

    Args:
        store: the store.
        run: name of the run.
        budget_usd: the most that it may spend in all, in USD.
        deadline_s: the longest that it may take from now on, in seconds.
    """
    care.set_limits(
        store,
        run,
        budget_nano=None if budget_usd is None else usd_to_nano(budget_usd),
        deadline_ms=None if deadline_s is None else care.server_ms(store) + round(deadline_s * 1000),
    )


def exhaust(store: RunStore, run: str) -> None:
    """End a run if its deadline has passed: what waits is skipped, once."""
    if care.exhaust(store, run):
        drop_waiting(store, run)


def end_in_time(store: RunStore, found: RunStatus, now_ms: int) -> None:
    """End a run whose deadline has passed.

    Args:
        store: the store.
        found: how the run stands.
        now_ms: milliseconds of Redis's clock.
    """
    if found.deadline_at is not None and found.state in ("running", "paused") and now_ms >= found.deadline_at * 1000:
        exhaust(store, found.run)


def drop_waiting(store: RunStore, run: str, *, holders_gone: bool = False) -> int:
    """Close the holes of a cancelling run that no call is running for; how many were closed."""
    info = store.info(run)
    if info is None:
        return 0
    closed = 0
    for ids in reading.iter_ids(store.client, store.namespace, run):
        open_spots = [spot for spot in care.spots(store, run, [(one, "0") for one in ids]) if _is_open(spot)]
        closed += care.drop(
            store, run, [(spot.hole_id, _models(info.plans, spot)) for spot in open_spots], holders_gone
        )
    return closed


def pause(store: RunStore, run: str) -> RunStatus:
    """Pause a run: calls that run are finished and kept, nothing new starts.

    Raises:
        UnknownRun: there is none of that name.
        Refused: it was made by a newer release.
    """
    require_known_format(store, run)
    care.set_state(store, run, "paused", ["running"])
    return status(store, run)


def resume(store: RunStore, send: Send, run: str, *, holders_gone: bool = False) -> int:
    """Let a run go on: every open hole is sent again from its cursor, older messages become stale.

    Args:
        store: the store.
        send: publishes messages.
        run: name of the run.
        holders_gone: whether no worker can be alive that holds a lease.

    Returns:
        How many samples were sent; 0 for a run that has ended.

    Raises:
        UnknownRun: there is none of that name.
        Refused: it was made by a newer release.
    """
    require_known_format(store, run)
    care.set_state(store, run, "running", ["paused"])
    sent = 0
    for ids in reading.iter_ids(store.client, store.namespace, run):
        spots = [spot for spot in care.spots(store, run, [(one, "0") for one in ids]) if _is_open(spot)]
        members = [(spot.hole_id, str(sample)) for spot in spots for sample in range(spot.samples)]
        sent += send_from(store, send, run, members, holders_gone=holders_gone)
        info = store.info(run)
        if info is not None and info.rules.ordered:
            for ended in release_ready(store, send, run, [spot.hole_id for spot in spots], info):
                free_dependents(store, send, run, ended)
    return sent


def metrics_accounts(store: RunStore, run: str | None = None) -> Mapping[str, ModelAccount]:
    """Accounts by model, of one run or summed over all.

    Raises:
        UnknownRun: there is none of that name.
    """
    if run is not None:
        status(store, run)
        return reading.read_accounts(store.client, store.namespace, run)
    return reading.total_accounts(store.client, store.namespace)


def asked_of(info: RunInfo) -> set[str]:
    """Everybody whose queue a run uses, suspects included."""
    models = {model for plan in info.plans for model in plan.candidates}
    lanes = models | {VERIFIERS} if info.rules.snapshot else models
    return lanes | set(map(suspects_of, lanes))


def _is_open(spot: care.Spot) -> bool:
    return spot.status in ("pending", "in_progress")


def _models(plans: tuple[Plan, ...], spot: care.Spot) -> tuple[str, ...]:
    return plans[spot.plan_no].models_at(spot.cursor.candidate)


@dataclass(slots=True)
class Sweeper:
    """Puts right what a crash left; any number may run, one at a time does (PROTOCOL, "Leases and the sweeper").

    Args:
        store: the store.
        send: publishes messages.
        queue_length: messages waiting in a model's queue.
        owner: name of this sweeper, unique.
        expire_days: days an ended run keeps its results.
    """

    store: RunStore
    send: Send
    queue_length: Callable[[str], int]
    owner: str
    expire_days: float = 7.0
    _sightings: dict[str, tuple[int, int]] = field(default_factory=dict)
    _calm: Calm = field(init=False)

    def __post_init__(self) -> None:
        self._calm = Calm(self.store.lease_ms)

    def sweep(self, *, queues: bool = True) -> bool:
        """One sweep, if it is this sweeper's turn.

        Args:
            queues: whether to look at the queues and at old runs too, which is done less often.

        Returns:
            Whether it was its turn.

        Raises:
            ServiceUnavailable: Redis or the broker cannot be reached.
        """
        began = time.monotonic()
        try:
            mine = care.take_sweeper(self.store, self.owner, SWEEP_LOCK_MS)
            server = server_facts(self.store.client)
        except ServiceUnavailable:
            self._calm.disturb()
            raise
        if time.monotonic() - began > self.store.lease_ms / 3000:
            self._calm.disturb()  # it stood still, and so did all who would have renewed their leases
        believed = self._calm.holds(server)
        if not mine:
            self._sightings.clear()
            return False
        now = server.now_ms
        active = care.active_runs(self.store)
        for run in active:
            see_to_overdue(self.store, self.send, run, now, leases=believed)
        if queues:
            self._forgotten(active, now)
            for run in active:
                self._close(run, now)
            for run in care.expired_runs(self.store, now / 1000):
                care.expire(self.store, run)
        return True

    def _forgotten(self, active: Iterable[str], now: int) -> None:
        """Send again what a broker forgot: sent before its queue was first seen empty, and not begun since."""
        asked: dict[str, list[str]] = {}
        for run in active:
            info = self.store.info(run)
            for model in asked_of(info) if info else ():
                asked.setdefault(model, []).append(run)
        for model, all_runs in asked.items():
            its_runs = [run for run in all_runs if care.queued_before(self.store, run, model, now, limit=1)]
            if not its_runs or self.queue_length(model) > 0:
                self._sightings.pop(model, None)
                continue
            first, count = self._sightings.get(model, (now, 0))
            self._sightings[model] = (first, count + 1)
            if count + 1 < EMPTY_SIGHTINGS:
                continue
            self._sightings.pop(model)
            for run in its_runs:
                members = care.queued_before(self.store, run, model, first - SETTLE_MS)
                if members:
                    sent = send_from(self.store, self.send, run, members)
                    logger.info("run %s: %d messages for %s were forgotten and sent again", run, sent, model)

    def _close(self, run: str, now: int) -> None:
        """End what is being cancelled, and say when what has ended expires."""
        found = reading.read_status(self.store.client, self.store.namespace, run)
        if found is None:
            return
        end_in_time(self.store, found, now)
        if found.state == "cancelling":
            drop_waiting(self.store, run)
        elif found.ended:
            ended = found.finished_at if found.finished_at is not None else now / 1000
            care.retire(self.store, run, expires_at=ended + self.expire_days * 86_400)
