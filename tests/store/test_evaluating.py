"""Scripts sent straight on a connection of the pool: answers in order, errors in their place, broken connections."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, ResponseError
from redis.retry import Retry

from maze_tasks.store import connect
from maze_tasks.store.evaluating import evaluate


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    client = connect(redis_url)
    yield client
    client.close()


def test_answers_come_in_order_and_errors_in_their_place(client: redis.Redis) -> None:
    echo = client.script_load("return {KEYS[1], ARGV[1], ARGV[2]}")
    wrong = client.script_load("return redis.error_reply('MAZE wrong')")
    nested = client.script_load("return {1, {'two', false}}")
    found = evaluate(
        client, [(echo, 1, "k", "é\r\n$1 x", 5), (wrong, 0), ("0" * 40, 0), (nested, 0), (echo, 1, "", "", 0.5)]
    )
    assert found[0] == ["k", "é\r\n$1 x", "5"]
    assert isinstance(found[1], ResponseError)
    assert str(found[1]) == "MAZE wrong"
    assert isinstance(found[2], NoScriptError)
    assert found[3:] == [[1, ["two", None]], ["", "", "0.5"]]


def test_a_connection_that_is_found_broken_is_replaced(client: redis.Redis, redis_url: str) -> None:
    count = client.script_load("return redis.call('INCR', KEYS[1])")
    assert evaluate(client, [(count, 1, "n")]) == [1]
    other = connect(redis_url)
    other.client_kill_filter(_type="normal", skipme=True)
    other.close()
    assert evaluate(client, [(count, 1, "n"), (count, 1, "n")]) == [2, 3]


class Breaking(redis.UnixDomainSocketConnection):
    """A connection whose first script is sent and whose reply is never heard."""

    sent = 0

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        super().send_packed_command(command, check_health)
        if b"EVALSHA" in command[0]:
            Breaking.sent += 1
            if Breaking.sent == 1:
                self.disconnect()


def test_where_the_reply_is_lost_all_is_sent_again(client: redis.Redis, redis_socket: Path) -> None:
    mark = client.script_load("return redis.call('SADD', KEYS[1], ARGV[1])")
    retry = Retry(NoBackoff(), 1)
    pool = redis.ConnectionPool(connection_class=Breaking, path=str(redis_socket), decode_responses=True, retry=retry)
    Breaking.sent = 0
    evaluate(redis.Redis(connection_pool=pool), [(mark, 1, "s", "a"), (mark, 1, "s", "b")])
    assert Breaking.sent == 2
    assert client.smembers("s") == {"a", "b"}
    pool.disconnect()


def test_a_server_that_is_not_there_is_an_error_and_takes_no_connection_with_it(tmp_path: Path) -> None:
    client = connect(f"unix://{tmp_path}/nothing.sock", max_connections=1)
    for _ in range(2):
        with pytest.raises(redis.ConnectionError):
            evaluate(client, [("0" * 40, 0)])
