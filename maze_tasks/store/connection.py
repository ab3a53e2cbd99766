"""Connecting to Redis, and translating its errors once."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import AuthenticationError, ConnectionError, RedisError, ResponseError, TimeoutError  # noqa: A004
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError, Sentinel

from maze_tasks.errors import ConfigError, MazeError, Refused, ServiceUnavailable
from maze_tasks.models.sentinel import Sentinels, is_sentinel, read_sentinels

_SOCKET_TIMEOUT_S = 10.0  # a server that says nothing for so long is treated as gone
_CONNECT_TIMEOUT_S = 5.0
_LONG_S = 10**9  # for which a server has run that does not say
_RETRIES = 3  # of commands that are all idempotent; the caller waits longer where that is worth it


def connect(url: str, *, max_connections: int = 256) -> redis.Redis:
    """A client for `url`; nothing is sent yet.

    Args:
        url: ``redis://``, ``rediss://``, ``unix://``, or ``sentinel://`` (`read_sentinels`).
        max_connections: upper bound of the pool, at least twice the threads that use it.

    Raises:
        ConfigError: the URL cannot be read.
    """
    options: dict[str, Any] = {
        "decode_responses": True,
        "socket_timeout": _SOCKET_TIMEOUT_S,
        "socket_connect_timeout": _CONNECT_TIMEOUT_S,
        "health_check_interval": 30,
        "max_connections": max_connections,
        "retry": Retry(ExponentialWithJitterBackoff(base=0.05, cap=1.0), _RETRIES),
        **({} if url.startswith("unix") else {"socket_keepalive": True}),
    }
    try:
        if is_sentinel(url):
            return _master_of(read_sentinels(url), options)
        return redis.Redis.from_url(url, **options)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"not a Redis URL: {type(error).__name__}", field="redis_url") from None


def _master_of(sentinels: Sentinels, options: dict[str, Any]) -> redis.Redis:
    """A client of whatever server the sentinels name as the master, asked anew with every connection."""
    asking = {"socket_timeout": _CONNECT_TIMEOUT_S, "password": sentinels.sentinel_password}
    known = Sentinel(list(sentinels.hosts), sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
    names = {"db": sentinels.database, "username": sentinels.username, "password": sentinels.password}
    client: redis.Redis = known.master_for(sentinels.master, redis.Redis, **names, **options)  # type: ignore[no-untyped-call]
    return client


@dataclass(frozen=True, slots=True)
class Server:
    """What a server says of itself.

    Args:
        now_ms: its clock, in milliseconds.
        run_id: drawn when it started; empty where it does not say.
        up_ms: for how long it has run, in milliseconds.
    """

    now_ms: int
    run_id: str
    up_ms: int


def server_facts(client: redis.Redis) -> Server:
    """What a server says of itself, in one round trip.

    Raises:
        ServiceUnavailable: it cannot be reached.
    """
    with translated():
        pipe = client.pipeline(transaction=False)
        pipe.time()
        pipe.info("server")
        (seconds, micros), info = pipe.execute(raise_on_error=False)
    # Some do not say anything of themselves: those are never mistaken for others.
    known = info if isinstance(info, dict) else {}
    up_ms = int(known.get("uptime_in_seconds", _LONG_S)) * 1000
    return Server(int(seconds) * 1000 + int(micros) // 1000, str(known.get("run_id", "")), up_ms)


class _Translated:
    """The context of `translated`; one for all, since it holds nothing."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, RedisError):
            raise _ours(error) from None


_TRANSLATED = _Translated()


def translated() -> AbstractContextManager[None]:
    """Turn errors of the client into ours; addresses stay out of the text, they may hold a password."""
    return _TRANSLATED


def _ours(error: RedisError) -> MazeError:
    if isinstance(error, AuthenticationError):
        return ServiceUnavailable("Redis", "it refuses the password or user of redis_url")
    if isinstance(error, MasterNotFoundError):
        return ServiceUnavailable("Redis", "its sentinels name no master")
    if isinstance(error, ConnectionError | TimeoutError):
        return ServiceUnavailable("Redis", _reason(error))
    if isinstance(error, ResponseError):
        text = str(error)
        if text.startswith("MAZE "):
            return Refused(text.removeprefix("MAZE "))
        return ServiceUnavailable("Redis", _refusal(text))
    return MazeError(f"Redis: {type(error).__name__}: {str(error)[:200]}")


def require_fit(client: redis.Redis) -> None:
    """Refuse a server that may throw keys away when its memory is full, or that has a part of all keys only.

    Raises:
        Refused: `maxmemory` is set with another policy than ``noeviction``, or it is a node of a Redis Cluster.
        ServiceUnavailable: the server cannot be reached.
    """
    with translated():
        pipe = client.pipeline(transaction=False)
        pipe.info("memory")
        pipe.info("cluster")
        info, cluster = pipe.execute()
    if int(cluster.get("cluster_enabled", 0)):
        raise Refused(
            "Redis is a node of a Redis Cluster, which the store cannot lie on: "
            "name a single server in redis_url, or a master by its sentinels"
        )
    limit, policy = int(info.get("maxmemory", 0) or 0), str(info.get("maxmemory_policy", "noeviction"))
    if limit and policy != "noeviction":
        raise Refused(
            f"Redis may evict keys (maxmemory-policy {policy}): what is evicted would be paid again; "
            "set maxmemory-policy to noeviction"
        )


# How a server refuses that is there, by a word of its error, and what it means.
_REFUSALS = {
    "maxmemory": "its memory is full (maxmemory), and it takes no writes",
    "-OOM": "its memory is full (maxmemory), and it takes no writes",
    "READONLY": "it is a read-only replica",
    "read only replica": "it is a read-only replica",
    "MISCONF": "it cannot write to its disk, and takes no writes",
    "LOADING": "it is still reading its data",
    "BUSY": "a script holds it up",
    "NOREPLICAS": "it has too few replicas, and takes no writes",
    "MASTERDOWN": "it is a replica that has lost its master",
    "NOPERM": "the user of redis_url may not do that (ACL)",
    "no permissions": "the user of redis_url may not do that (ACL)",
}


def _refusal(text: str) -> str:
    return next((meaning for word, meaning in _REFUSALS.items() if word in text), text[:200])


def _reason(error: RedisError) -> str:
    kind = "no answer in time" if isinstance(error, TimeoutError) else "connection failed"
    text = str(error)
    return kind if "@" in text else f"{kind} ({text[:160]})"
