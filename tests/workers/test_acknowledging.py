"""Acknowledging a message while the broker is away: the message may come again, the slot that it held is free."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kombu import Connection
from kombu.transport import redis as transport

from tests.integration.servers import OwnRedis, own_redis
from workers.channel import Channel


class Transport(transport.Transport):  # type: ignore[misc]
    Channel = Channel


@contextmanager
def one_delivered(server: OwnRedis) -> Iterator[tuple[Connection, Any, Any]]:
    """A connection, a channel that takes one message at a time, and that message."""
    with Connection(server.address["broker_url"], transport=Transport) as connection:
        channel = connection.channel()
        channel.basic_qos(0, 1, False)
        channel.queue_declare("q")
        connection.SimpleQueue("q").put("x")
        message = channel.basic_get("q")
        assert not channel.qos.can_consume()
        yield connection, channel, message


@pytest.fixture
def server() -> Iterator[OwnRedis]:
    with own_redis() as made:
        yield made


@pytest.mark.integration
def test_it_frees_its_slot_though_the_broker_is_gone(server: OwnRedis) -> None:
    with one_delivered(server) as (_, channel, message):
        server.kill()
        message.ack()
        assert channel.qos.can_consume()


@pytest.mark.integration
def test_it_ends_no_worker_though_the_connection_was_given_up(server: OwnRedis) -> None:
    with one_delivered(server) as (connection, channel, message):
        server.kill()
        connection.collect()  # as Celery does ahead of connecting again, and closes it afterwards
        message.ack()
        assert channel.qos.can_consume()


@pytest.mark.integration
def test_a_lost_connection_can_be_closed_with_messages_in_hand(server: OwnRedis) -> None:
    with one_delivered(server) as (connection, channel, _):
        server.kill()
        connection.collect()
        channel.close()
        connection.close()
        assert channel.qos.can_consume()
