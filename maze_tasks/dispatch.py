"""Messages onto queues: the Celery app, its settings with their reasons, and the sender.

The only module of this package that imports Celery; ``workers/app.py`` adds the tasks to the same app.
"""

from __future__ import annotations

import logging
import ssl
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import kombu
from celery import Celery
from kombu.exceptions import BatchPublishError, OperationalError
from kombu.utils.url import parse_url

from maze_tasks.errors import ServiceUnavailable
from maze_tasks.messages import FillMessage, Message, VerifyMessage
from maze_tasks.models.sentinel import is_sentinel, read_sentinels
from maze_tasks.names import DEFAULT_NAMESPACE, FILL_TASK, VERIFY_TASK, queue_name

logger = logging.getLogger(__name__)

# Above the longest task: Celery hands a message out again after that long without an acknowledgement. Our leases
# recover what a dead worker held long before; this only cleans up.
VISIBILITY_TIMEOUT_S = 6 * 3600
_BATCH = 1_000  # messages published in one round trip
AHEAD = 1  # priority of a message that goes ahead: to plain kombu one as any other, to our channels the first to go
_POOL = 512  # broker connections of one process, at least twice its concurrency


def celery_settings(*, events: bool) -> dict[str, Any]:
    """Settings of the Celery app.

    Args:
        events: whether workers send events, which Flower needs (they cost about 45% of an empty task).
    """
    return {
        # A message is a handful of ids; nothing that could carry code is ever unpacked.
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        # Truth lives in the store: results in a second place could only disagree with it, and cost a round trip.
        "task_ignore_result": True,
        "result_backend": None,
        # A worker that dies leaves its message unacknowledged, so that the broker still has it.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        # One message a slot: what a worker holds back in its own memory nobody else can run.
        "worker_prefetch_multiplier": 1,
        # A broker that is away, at start or later, is waited for, for ever.
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # So is one that answers and refuses (full, read-only): Celery would end the worker.
        "broker_channel_error_retry": True,
        "broker_pool_limit": _POOL,
        "broker_transport_options": {
            "visibility_timeout": VISIBILITY_TIMEOUT_S,
            # Look for unacknowledged messages every second or two, not every ten restores.
            "unacked_restore_interval": 2,
            "unacked_restore_throttle": 1,
            "max_connections": _POOL,
            "socket_keepalive": True,
            # Not `retry_on_timeout`: it silently turns batches into one round trip a message.
        },
        # Publishing is tried again for a short time only; the store remembers what was not sent.
        "task_publish_retry": True,
        "task_publish_retry_policy": {"max_retries": 3, "interval_start": 0.1, "interval_step": 0.3, "interval_max": 1},
        "worker_send_task_events": events,
        "task_send_sent_event": events,
        # Nobody controls workers through the broker but Flower, and only where events are on.
        "worker_enable_remote_control": events,
        "worker_hijack_root_logger": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "task_default_queue": "maze.unrouted",
        "enable_utc": True,
    }


def make_celery(broker_url: str, *, events: bool = False) -> Celery:
    """A Celery app for the broker; nothing is connected yet.

    Args:
        broker_url: any URL that kombu takes.
        events: whether workers send events.
    """
    sentinels = read_sentinels(broker_url) if is_sentinel(broker_url) else None
    app = Celery("maze", broker=sentinels.kombu_url() if sentinels else broker_url, set_as_current=False)
    app.conf.update(celery_settings(events=events))
    if sentinels:
        asking = {"password": sentinels.sentinel_password} if sentinels.sentinel_password else {}
        app.conf.broker_transport_options |= {"master_name": sentinels.master, "sentinel_kwargs": asking}
    if tls := broker_tls(broker_url):
        app.conf.broker_use_ssl = tls  # kombu reads it from the address as well, Flower from here alone
    if events:
        # Flower shows task arguments as they are: model and holes come first, nothing in them is secret.
        app.amqp.kwargsrepr_maxsize = 300
    return app


def broker_tls(broker_url: str) -> dict[str, Any]:
    """How a broker at a ``rediss://`` address is spoken to: certificates are checked unless the address says otherwise.

    Args:
        broker_url: as kombu takes it; its query may hold ``ssl_cert_reqs``, ``ssl_ca_certs`` and the like.

    Returns:
        Celery's ``broker_use_ssl``; empty for any other address.
    """
    if not broker_url.startswith("rediss://"):
        return {}
    given = parse_url(broker_url).get("ssl", {})
    return {"ssl_cert_reqs": ssl.CERT_REQUIRED, **given}


class Dispatcher:
    """Publishes messages onto the queues of their models.

    Args:
        app: a Celery app for the broker.
        namespace: prefix of the queues, unless it is the default.
    """

    def __init__(self, app: Celery, namespace: str = DEFAULT_NAMESPACE) -> None:
        self._app, self._namespace = app, namespace
        watched = bool(app.conf.task_send_sent_event)
        # Arguments as text are for those who watch; without events nobody does, and each costs time and bytes.
        texts = {} if watched else {"argsrepr": "", "kwargsrepr": ""}
        self._unseen: dict[str, Any] = {"ignore_result": True, "create_sent_event": watched, **texts}

    def send(self, messages: Iterable[Message]) -> int:
        """Publish messages, many in one round trip where the broker can.

        Args:
            messages: each becomes a chain of its links; those of several samples share a group id.

        Returns:
            How many were published.

        Raises:
            ServiceUnavailable: the broker cannot be reached; some may have been published.
        """
        sent = 0
        batch: list[Message] = []
        for message in messages:
            batch.append(message)
            if len(batch) >= _BATCH:
                sent += self._publish(batch)
                batch = []
        return sent + (self._publish(batch) if batch else 0)

    def _publish(self, batch: Sequence[Message]) -> int:
        groups: dict[tuple[Any, ...], str] = {}
        try:
            with self._app.producer_pool.acquire(block=True) as producer, producer.batch(_BATCH):
                for message in batch:
                    if isinstance(message, VerifyMessage):
                        self._publish_verification(producer, message)
                    else:
                        self._publish_one(producer, message, groups)
        except (OperationalError, OSError, BatchPublishError, *self._broker_errors()) as error:
            raise _away(error) from None
        return len(batch)

    def _broker_errors(self) -> tuple[type[Exception], ...]:
        """What a broker that refuses makes its client raise."""
        connection = self._app.connection_for_write()
        return (*connection.connection_errors, *connection.channel_errors)

    def _publish_one(self, producer: kombu.Producer, message: FillMessage, groups: dict[tuple[Any, ...], str]) -> None:
        (_, kwargs), *rest = message.links()
        # Celery takes the links of a chain from the end of the list.
        chain = [self._link(name, arguments) for name, arguments in reversed(rest)]
        at = (message.run, message.holes, message.cursor.round_no, message.cursor.candidate, message.send_no)
        group = groups.setdefault(at, str(uuid.uuid4())) if message.samples > 1 else None
        task_id = str(uuid.uuid4())
        amqp = self._app.amqp
        body = amqp.as_task_v2(
            task_id,
            FILL_TASK,
            kwargs=kwargs,
            chain=chain or None,
            group_id=group,
            group_index=message.cursor.sample if group else None,
            **self._unseen,
        )
        amqp.send_task_message(
            producer, FILL_TASK, body, queue=queue_name(message.lane, self._namespace), **_place(message)
        )

    def _publish_verification(self, producer: kombu.Producer, message: VerifyMessage) -> None:
        body = self._app.amqp.as_task_v2(
            str(uuid.uuid4()),
            VERIFY_TASK,
            kwargs=message.arguments(),
            **self._unseen,
        )
        queue = queue_name(message.lane, self._namespace)
        self._app.amqp.send_task_message(producer, VERIFY_TASK, body, queue=queue, **_place(message))

    def _link(self, model: str, kwargs: dict[str, Any]) -> dict[str, Any]:
        return {
            "task": FILL_TASK,
            "args": [],
            "kwargs": kwargs,
            "options": {"queue": queue_name(model, self._namespace), "ignore_result": True},
            "subtask_type": None,
            "immutable": True,
        }

    def queue_length(self, model: str) -> int:
        """Messages waiting in a model's queue; those in a worker's hands do not count.

        Raises:
            ServiceUnavailable: the broker cannot be reached.
        """
        return self.queue_lengths([model])[0]

    def queue_lengths(self, models: Sequence[str]) -> list[int]:
        """Messages waiting in the queue of each of some models, over one connection.

        Raises:
            ServiceUnavailable: the broker cannot be reached.
        """
        connection = self._app.connection_for_write()
        try:
            with connection:
                connection.ensure_connection(max_retries=1, interval_start=0.1, timeout=5)
                return [self._length(connection, queue_name(model, self._namespace)) for model in models]
        except (OperationalError, OSError, *connection.connection_errors) as error:
            raise _away(error) from None

    def _length(self, connection: kombu.Connection, queue: str) -> int:
        try:
            with connection.channel() as channel:
                return int(channel.queue_declare(queue=queue, passive=True).message_count)
        except connection.channel_errors:
            return 0  # nobody has sent to it yet

    def ping(self) -> None:
        """Reach the broker.

        Raises:
            ServiceUnavailable: it cannot be reached.
        """
        try:
            with self._app.connection_for_write() as connection:
                connection.ensure_connection(max_retries=1, interval_start=0.1, timeout=5)
        except (OperationalError, OSError, ValueError) as error:
            raise _away(error) from None

    def purge(self, models: Iterable[str]) -> None:
        """Throw away every message of some models; the store knows what is to be sent again."""
        with self._app.connection_for_write() as connection, connection.default_channel as channel:
            for model in models:
                with suppress(*connection.channel_errors):
                    channel.queue_purge(queue_name(model, self._namespace))

    def close(self) -> None:
        """Give the connections back."""
        self._app.close()


def _place(message: Message) -> dict[str, int]:
    return {"priority": AHEAD} if message.ahead else {}


def _away(error: Exception) -> ServiceUnavailable:
    """That the broker cannot be reached, and what the client says of it unless a password may be in that."""
    if isinstance(error, BatchPublishError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    said = " ".join(str(error).split())[:160]
    named = type(error).__name__
    return ServiceUnavailable("the broker", named if "@" in said or not said else f"{said} ({named})")
