"""Channels of the Redis broker that no entry of a list can kill.

kombu reads entries of lists and hashes as messages without looking at them: what is no message raises through the
worker's event loop, and the worker ends before its consumer has seen anything. Here such entries are dropped and
counted; whatever they were meant for stands in the store, and is sent again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from queue import Empty
from typing import Any

from kombu.transport import redis as transport
from kombu.transport import virtual
from kombu.utils.json import dumps

from maze_tasks.dispatch import AHEAD
from workers.dropped import MALFORMED, dropped
from workers.hands import hands
from workers.refusals import refusals

logger = logging.getLogger(__name__)

_GONE, _REFUSALS = transport.get_redis_error_classes()  # errors of a connection, and of a command
_MAX_NAME = 1_000  # characters of a tag, an exchange or a queue


def tolerant() -> None:
    """Let the Redis transports of this process, with Sentinel and without, drop entries that are no messages."""
    transport.Transport.Channel = Channel
    transport.SentinelTransport.Channel = SentinelChannel


def what_is_wrong(entry: object) -> str | None:
    """Why an entry of a queue is no message as kombu lays it into Redis; None where it is one.

    Source: https://docs.celeryq.dev/projects/kombu/en/stable/reference/kombu.transport.virtual.html, "Message".

    Args:
        entry: what its JSON says.
    """
    if not isinstance(entry, Mapping):
        return "it is no map"
    properties = entry.get("properties")
    if not isinstance(properties, Mapping):
        return "no properties"
    delivery = properties.get("delivery_info")
    if not isinstance(delivery, Mapping):
        return "no delivery_info"
    names = (properties.get("delivery_tag"), delivery.get("exchange"), delivery.get("routing_key"))
    if not names[0] or not all(isinstance(name, str) and _writable(name) for name in names):
        return "no tag, exchange or queue"
    if not isinstance(entry.get("body"), str | None) or not isinstance(entry.get("headers"), Mapping | None):
        return "a body that is no text, or headers that are no map"
    if not all(isinstance(entry.get(name), str | None) for name in ("content-type", "content-encoding")):
        return "a content type or encoding that is no text"
    if properties.get("body_encoding") not in (None, "base64"):
        return "an unknown encoding of its body"
    return None


def _writable(text: str) -> bool:
    """Whether Redis can be given a text; halves of characters cannot be sent."""
    return len(text) <= _MAX_NAME and text.isprintable()


def _drop(what: str, reason: str) -> None:
    logger.warning("%s dropped: it is none (%s)", what, reason)
    dropped.add(MALFORMED)


class QoS(transport.QoS):  # type: ignore[misc]
    """What was delivered and is not acknowledged yet."""

    def can_consume(self) -> bool:
        """Whether another message may be taken: not while the broker cannot take note of it, or our hands are full."""
        if refusals.waiting or not super().can_consume():
            return False
        return hands.room(len(self._delivered) - len(self._dirty))

    def ack(self, delivery_tag: str) -> None:
        """Say that a message is done with; where the broker does not hear of it, it is dropped when it comes again."""
        try:
            super().ack(delivery_tag)
        except _REFUSALS as error:
            refusals.refused(error)
            virtual.QoS.ack(self, delivery_tag)
        except (*_GONE, AttributeError) as error:
            # Kept as delivered it would hold a slot of this process for ever, and a process without a slot is deaf.
            # The attribute is missing where kombu has taken the transport from a channel that is still in use.
            logger.warning("a message is done with, and the broker did not hear of it: %s", type(error).__name__)
            virtual.QoS.ack(self, delivery_tag)

    def restore_unacked(self, client: Any = None) -> None:
        """Give all messages back as the channel closes; what the broker does not take is sent again."""
        try:
            super().restore_unacked(client)
        except (*_GONE, AttributeError) as error:
            # Raised through the closing of a connection that is lost, it would end the worker and all its calls.
            logger.info("%d messages are not given back: %s", len(self._delivered), type(error).__name__)
            self._delivered.clear()

    def restore_visible(self, *args: Any, **kwargs: Any) -> None:
        """Give back what somebody left unacknowledged long ago."""
        if refusals.waiting:
            return
        try:
            super().restore_visible(*args, **kwargs)
        except _REFUSALS as error:
            refusals.refused(error)

    def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:  # noqa: FBT001, FBT002
        """Give a message back to its queue; what was noted under the tag may be anything."""
        try:
            super().restore_by_tag(tag, client=client, leftmost=leftmost)
        except (*self.channel.connection_errors, *self.channel.connection.channel_errors):
            raise
        except Exception as error:  # noqa: BLE001 - as below
            _drop("unacknowledged message", type(error).__name__)
            self._remove_from_indices(tag).execute()


class _Tolerant:
    """The additions to kombu's channels."""

    QoS = QoS

    def basic_consume(self, queue: str, *args: Any, **kwargs: Any) -> Any:
        """Consume from a queue, with a look at each entry before it becomes a message."""
        made = super().basic_consume(queue, *args, **kwargs)  # type: ignore[misc]
        callbacks = self.connection._callbacks  # type: ignore[attr-defined] # noqa: SLF001 - this is where kombu keeps it
        callbacks[queue] = self._looking(callbacks[queue])
        return made

    def _looking(self, deliver: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def look(entry: Any) -> Any:
            wrong = what_is_wrong(entry)
            if wrong is None:
                return deliver(entry)
            return _drop("message", wrong)

        return look

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        """Put a message into its queue's list: at the end where messages are taken, if it is to go ahead."""
        if message.get("properties", {}).get("priority") != AHEAD:
            super()._put(queue, message, **kwargs)  # type: ignore[misc]
            return
        key, entry, batch = self._q_for_pri(queue, AHEAD), dumps(message), kwargs.get("_publish_batch")  # type: ignore[attr-defined]
        if batch is not None:
            batch.add("rpush", key, entry)
            return
        with self.conn_or_acquire() as client:  # type: ignore[attr-defined]
            client.rpush(key, entry)

    def _brpop_read(self, **options: Any) -> Any:
        return self._survive(super()._brpop_read, **options)  # type: ignore[misc]

    def _receive_one(self, client: Any) -> Any:
        return self._survive(super()._receive_one, client)  # type: ignore[misc]

    def _survive(self, read: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Read one entry; whether one came."""
        connection = self.connection  # type: ignore[attr-defined]
        try:
            came = read(*args, **options)
        except (Empty, *connection.connection_errors):
            raise
        except connection.channel_errors as error:
            # A message that it gave before it refused to take note of it is sent again by the sweeper.
            refusals.refused(error)
            return True
        except Exception as error:  # noqa: BLE001 - an entry may be wrong in any way, and none may end the worker
            _drop("message", type(error).__name__)
            return True
        refusals.took()
        return came


class Channel(_Tolerant, transport.Channel):  # type: ignore[misc]
    """A channel to one Redis server."""


class SentinelChannel(_Tolerant, transport.SentinelChannel):  # type: ignore[misc]
    """A channel to the master that Sentinel names."""
