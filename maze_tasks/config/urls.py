"""Addresses in the configuration: what is accepted, how they are shown, and how kombu spells them."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from maze_tasks.models.sentinel import is_sentinel, read_sentinels

REDIS_SCHEMES: Final = ("redis", "rediss", "unix", "sentinel")
BROKER_SCHEMES: Final = ("redis", "rediss", "unix", "redis+socket", "sentinel", "amqp", "amqps")
_SOCKET_SCHEMES = ("unix", "redis+socket")

_SECRET_QUERY = re.compile(r"(?i)([?&;](?:password|passwd|secret|token|api_key|key)=)[^&#]*")
_NEXT_URL = re.compile(r";(?=[a-z][a-z0-9+.-]*://)")  # between the alternatives of a failover list
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")


def redact_url(url: str) -> str:
    """A URL as it may be shown: ``redis://user:secret@host/0`` becomes ``redis://user:***@host/0``.

    A text that is no proper URL loses everything ahead of its last ``@``, since a password may hold any character.
    """
    return ";".join(_redact_one(part) for part in _NEXT_URL.split(url))


def _redact_one(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    if not mark:
        scheme, rest = "", url
    credentials, at, address = rest.rpartition("@")
    if at:
        user, colon, _ = credentials.partition(":")
        address = f"{user}:***@{address}" if colon else f"***@{address}"
    return scheme + mark + _SECRET_QUERY.sub(r"\1***", address)


def redis_url_problem(url: str) -> str | None:
    """What is wrong with an address of a Redis server, None if nothing is."""
    expected = "redis://HOST:PORT/DB, rediss://..., unix:///PATH or sentinel://HOST:PORT/DB?master_name=NAME"
    if is_sentinel(url):
        return _sentinels_problem(url, expected)
    return _server_problem(url, REDIS_SCHEMES, expected)


def broker_url_problem(url: str) -> str | None:
    """What is wrong with an address of a broker, or with one of a list separated by ``;``; None if nothing is."""
    expected = "redis://, rediss://, unix://, redis+socket://, sentinel://, amqp:// or amqps://"
    if is_sentinel(url):
        return _sentinels_problem(url, expected)
    for part in _NEXT_URL.split(url):
        if problem := _server_problem(part, BROKER_SCHEMES, expected):
            return problem
    return None


def broker_address(url: str) -> str:
    """The address of a broker as kombu spells it: ``unix://`` becomes ``redis+socket://``.

    Args:
        url: an address that `redis_url_problem` or `broker_url_problem` accepts.
    """
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    query = [("virtual_host" if name == "db" else name, value) for name, value in parse_qsl(parts.query)]
    address = f"redis+socket://{parts.netloc}{parts.path}"
    return f"{address}?{urlencode(query)}" if query else address


def _url_problem(url: str, schemes: tuple[str, ...], expected: str) -> str | None:
    """What is wrong with any URL; the text itself is left out where it may hold a secret."""
    if not url:
        return f"is empty; expected {expected}"
    if _UNPRINTABLE.search(url):
        return "holds a blank or a control character"
    try:
        parts = urlsplit(url)
        _ = parts.port  # urllib checks the port only when asked
    except ValueError:
        return f"{redact_url(url)!r} has a bad port or host; expected {expected}"
    if "://" not in url:  # it may be a password that was put into the wrong place
        return f"is no address: there is no :// in it; expected {expected}"
    if parts.scheme.lower() not in schemes:
        return f"{redact_url(url)!r} is no address that is known here; expected {expected}"
    return None


def _server_problem(url: str, schemes: tuple[str, ...], expected: str) -> str | None:
    if problem := _url_problem(url, schemes, expected):
        return problem
    parts = urlsplit(url)
    if parts.scheme in _SOCKET_SCHEMES:
        return None if parts.path.strip("/") else f"names no socket; expected {parts.scheme}:///PATH"
    if parts.scheme in ("redis", "rediss"):
        return _database_problem(parts)
    return None


def _sentinels_problem(url: str, expected: str) -> str | None:
    for part in _NEXT_URL.split(url):
        if problem := _url_problem(part, ("sentinel",), expected):
            return problem
    try:
        read_sentinels(url)
    except ValueError as error:
        return str(error)
    return None


def _database_problem(parts: SplitResult) -> str | None:
    """Clients quietly take database 0 where the path is no number: refused here."""
    database = parts.path.strip("/")
    if database and not (database.isascii() and database.isdigit()):
        return f"the database behind the host must be a number, not {database!r}"
    return None
