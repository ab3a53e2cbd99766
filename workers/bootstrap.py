"""What a worker process builds once: store, endpoint clients, lease keeper, sweeper; and how it is taken down."""

from __future__ import annotations

import logging
import os
import sys
import threading
import uuid
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from celery.signals import (
    after_setup_logger,
    after_setup_task_logger,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutdown,
    worker_shutting_down,
)

from maze_tasks.call_slots import CallSlots
from maze_tasks.clients import ClientPool
from maze_tasks.control import Sweeper
from maze_tasks.dispatch import Dispatcher
from maze_tasks.endpoints.redact import Redactor
from maze_tasks.errors import MazeError, Refused, ServiceUnavailable
from maze_tasks.fill import Filler
from maze_tasks.judging import Judge
from maze_tasks.leases import LeaseKeeper
from maze_tasks.names import VERIFIERS, queue_name
from maze_tasks.sending import Gathered, send_from
from maze_tasks.store import RunStore, connect, require_fit
from maze_tasks.store.cache import FillCache
from maze_tasks.store.cancelled import needless
from maze_tasks.store.dropped import count_dropped
from maze_tasks.store.gauges import Gates
from maze_tasks.verification import Verifier
from maze_tasks.verifying import verifier_of
from maze_tasks.waiting_room import WaitingRoom
from workers.collecting import collect_seldom
from workers.dropped import dropped
from workers.green import in_a_thread, is_green
from workers.handed import tell_ready
from workers.hands import hands
from workers.parcels import Slots
from workers.redacting import redact, secrets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from celery import Celery

    from maze_tasks.config import Settings
    from maze_tasks.messages import FillMessage
    from maze_tasks.names import HoleId
    from maze_tasks.replying import Read

logger = logging.getLogger(__name__)

TICK_S = 0.25  # how often the sweeper looks for waits that are over
QUEUES_EVERY = 12  # ticks between two looks at the queues: 3 s
FALLBACK_CONCURRENCY = 8  # calls at once where no worker says how many it makes
_AWAY_S = 2.0  # pause of the sweeper while Redis or the broker is away


@dataclass(slots=True)
class Runtime:
    """All that a worker process holds.

    Args:
        filler: makes attempts.
        judge: judges fills.
        clients: HTTP clients of the endpoints.
        leases: keeps leases alive.
        slots: the calls this process may have in flight.
    """

    filler: Filler
    judge: Judge
    clients: ClientPool
    leases: LeaseKeeper
    slots: Slots

    def fill(self, message: FillMessage) -> list[HoleId]:
        """Make the attempts of a message's holes; those that go on to the next candidate by the rest of its chain."""
        gathered = Gathered(self.filler.send)
        fill = self.filler.parcel(message, gathered)
        try:
            if len(message.holes) == 1:
                going, error = list(message.holes) if self.slots.one(fill, message.holes[0]) else [], None
            else:
                going, error = self.slots.several(fill, message.holes, partial(self._send_on, message, gathered))
        except MazeError as raised:
            going, error = [], raised
        if error is not None:
            # Truth lives in the store: what was not committed is found by the sweeper and sent again.
            logger.error("run %s, %s: %s", message.run, message.model, error)
        self._send_on(message, gathered, ())
        return going

    def _send_on(self, message: FillMessage, gathered: Gathered, holes: Sequence[HoleId]) -> None:
        """Send holes on by themselves: the chain, or the end of the parcel, would come too late for them."""
        try:
            groups = gathered.send()
            members = [(hole_id, str(message.cursor.sample)) for hole_id in holes if hole_id not in groups]
            if members:
                send_from(self.filler.store, self.filler.send, message.run, members)
        except MazeError as error:
            logger.warning("run %s: %s; the sweeper will send on %d holes", message.run, error, len(holes))

    def close(self) -> None:
        """Give everything back; leases of calls that were cut run out by themselves."""
        self.filler.room.close()
        self.filler.slots.close()
        self.leases.close()
        self.clients.close()
        self.slots.close()


_process: dict[str, Any] = {}
_building = threading.Lock()


def runtime(settings: Settings) -> Runtime:
    """The runtime of this process, built when it is first asked for."""
    built: Runtime | None = _process.get("runtime")
    if built is None:
        with _building:
            built = _process.get("runtime")
            if built is None:
                built = _process["runtime"] = _build(settings)
    return built


def _build(settings: Settings) -> Runtime:
    # Known only once the worker has been set up, which is after its first signal.
    concurrency = 1 if _process.get("forked") else _concurrency()
    store = _store(settings, concurrency)
    dispatcher = Dispatcher(_process["app"], settings.namespace)
    endpoints = {endpoint.name: endpoint for endpoint in settings.endpoints}
    clients = ClientPool(settings, pool_size=concurrency)
    kept = FillCache.beside(store)
    gates = Gates.beside(store, settings.endpoints)
    leases = LeaseKeeper(store, needless=partial(needless, store), cache=kept, gates=gates)
    alone = _serves_one_queue()
    filler = Filler(
        store,
        leases,
        dispatcher.send,
        endpoints,
        clients.get,
        kept,
        gates,
        refused=partial(_refused, store),
        # Where several models share the slots, one that is busy leaves half of them to the others.
        room=WaitingRoom(concurrency if alone else concurrency // 2),
        rest=hands.rest if alone else _no_rest,
        aside=in_a_thread() if is_green() else _at_once,
        slots=CallSlots(concurrency),
    )
    judge = Judge(store, leases, dispatcher.send, partial(_verifier, settings))
    collect_seldom()
    return Runtime(filler, judge, clients, leases, Slots(concurrency, hands))


def _serves_one_queue() -> bool:
    """Whether this process takes from one queue only, so that its slots are of no use to any other model."""
    return len(_process["app"].amqp.queues.consume_from) == 1


def _no_rest(_seconds: float) -> None:
    """The other models' holes go on."""


def _at_once(reading: Callable[[], Read]) -> Read:
    """Threads take turns at computing too."""
    return reading()


def _refused(store: RunStore, kind: str) -> None:
    """Count a message that was dropped."""
    if not _process.get("forked"):
        dropped.add(kind)
        return
    with suppress(MazeError):  # a child has no sweeper that would tell it later; a count is not worth waiting for
        count_dropped(store, {kind: 1})


def _concurrency() -> int:
    return int(getattr(_process.get("worker"), "concurrency", None) or FALLBACK_CONCURRENCY)


def _verifier(settings: Settings) -> Verifier:
    """This process's verifier, once its sandbox has shown that it holds."""
    with _building:
        if "verifier" not in _process:
            opened = verifier_of(settings)
            for error in opened.broken.values():
                logger.warning("holes are left to other workers: %s", error)
            _process["verifier"] = opened
        found: Verifier = _process["verifier"]
        return found


def _require_verifier(app: Celery, settings: Settings) -> None:
    """Let no worker of the verifiers' queue start that could not verify anything.

    Raises:
        SystemExit: it could not; why is on standard error.
    """
    if queue_name(VERIFIERS, settings.namespace) not in app.amqp.queues.consume_from:
        return
    try:
        if not settings.verify:
            raise Refused("no [verify.NAME] table is configured, so that there is nothing to verify with")
        _verifier(settings)
    except MazeError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(error.exit_code) from None


def _require_lasting_store(settings: Settings) -> None:
    """Let no worker start whose Redis may evict what it is told to keep; one that is away is waited for.

    Raises:
        SystemExit: it may; how is on standard error.
    """
    try:
        with closing(connect(settings.require_redis_url(), max_connections=1)) as client:
            require_fit(client)
    except ServiceUnavailable as error:
        logger.warning("%s; waiting for it", error)
    except MazeError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(error.exit_code) from None


def _store(settings: Settings, concurrency: int) -> RunStore:
    client = connect(settings.require_redis_url(), max_connections=4 * concurrency + 16)
    return RunStore(client, namespace=settings.namespace, lease_ms=round(settings.lease_s * 1000))


def register_signals(app: Celery, settings: Settings) -> None:
    """Start the sweeper when the worker is ready; take everything down when it ends."""

    def initialise(sender: Any = None, **_: Any) -> None:
        _process["app"] = app
        _process["worker"] = sender
        _require_verifier(app, settings)
        _require_lasting_store(settings)

    def forked(**_: Any) -> None:
        # A prefork child inherits nothing that is connected, and has one slot of its own.
        _process.pop("runtime", None)
        _process["app"] = app
        _process["forked"] = True

    def ready(**_: Any) -> None:
        end = _process["end"] = threading.Event()
        threading.Thread(target=_sweep, args=(app, settings, end), name="sweeper", daemon=True).start()
        tell_ready()

    def shutdown(**_: Any) -> None:
        if "end" in _process:
            _process["end"].set()
        built = _process.pop("runtime", None)
        if built is not None:
            built.close()
        opened = _process.pop("verifier", None)
        if opened is not None:
            opened.close()

    _keep_logs_clean(settings)
    for signal, receiver in (
        (worker_init, initialise),
        (worker_process_init, forked),
        (worker_ready, ready),
        (worker_shutting_down, _ending),
        (worker_shutdown, shutdown),
        (worker_process_shutdown, shutdown),
    ):
        signal.connect(receiver, weak=False, dispatch_uid=f"maze-{receiver.__name__}")


def _ending(**_: Any) -> None:
    """A warm shutdown waits for calls, not for those who wait for one."""
    built: Runtime | None = _process.get("runtime")
    if built is not None:
        built.filler.room.close()
        built.filler.slots.close()


def _keep_logs_clean(settings: Settings) -> None:
    """Let nothing that this worker logs hold one of its secrets."""
    redactor = Redactor(secrets_of(settings))

    def set_up(logger: Any = None, **_: Any) -> None:
        redact(logger, redactor)

    for signal in (after_setup_logger, after_setup_task_logger):
        signal.connect(set_up, weak=False, dispatch_uid="maze-logging")


def _sweep(app: Celery, settings: Settings, end: threading.Event) -> None:
    dispatcher = Dispatcher(app, settings.namespace)
    store = _store(settings, 1)
    sweeper = Sweeper(
        store,
        dispatcher.send,
        dispatcher.queue_length,
        owner=f"{os.getpid()}-{uuid.uuid4().hex}",
        expire_days=settings.expire_days,
    )
    tick = 0
    away = False
    while not end.wait(_AWAY_S if away else TICK_S):
        tick += 1
        try:
            _tell_dropped(store)
            sweeper.sweep(queues=tick % QUEUES_EVERY == 0)
            away = False
        except MazeError as error:
            if not away:
                logger.warning("sweeper waits: %s", error)
            away = True
        except Exception:
            # Without a sweeper a run may stand for ever: whatever was wrong, the next look may be luckier.
            logger.exception("the sweeper goes on after an error of its own")
            away = True


def _tell_dropped(store: RunStore) -> None:
    """Write down how many messages this process has dropped since it last did."""
    counts = dropped.take()
    if not counts:
        return
    try:
        count_dropped(store, counts)
    except MazeError:
        for kind, count in counts.items():
            dropped.add(kind, count)
        raise
