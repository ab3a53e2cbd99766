"""Running scripts in one write and as many replies, on a connection of the client's pool.

What redis-py does for a command beside sending it (its decorators, callbacks of replies, and looking at every argument
several times) costs a worker more than a script's work is worth: 60 to 180 Python calls a script. Its pool, its
connections with their health checks, its retries and its reader of replies stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hiredis
import redis
from redis.exceptions import ResponseError

Words = Sequence[str | int | float | bytes]


def evaluate(client: redis.Redis, calls: Sequence[Words]) -> list[Any]:
    """Run scripts in one round trip.

    Args:
        client: the server.
        calls: of each its digest, the number of its keys, the keys, the arguments. Each must bear repeating, for a
            broken connection repeats them all.

    Returns:
        The result of each, in order; an error that the server answered in the place of a result.

    Raises:
        redis.RedisError: the server cannot be reached.
    """
    packed = [b"".join([hiredis.pack_command(("EVALSHA", *words)) for words in calls])]  # type: ignore[arg-type]
    pool = client.connection_pool
    connection = pool.get_connection()

    def trip() -> list[Any]:
        connection.send_packed_command(packed)  # type: ignore[no-untyped-call]
        return [_reply(connection) for _ in calls]

    def failed(_: Exception) -> None:
        connection.disconnect()  # type: ignore[no-untyped-call]

    try:
        return connection.retry.call_with_retry(trip, failed)
    finally:
        pool.release(connection)


def _reply(connection: redis.Connection) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error
