"""Addresses of a Redis whose master Sentinel names.

``sentinel://user:password@A:26379;sentinel://B:26379/0?master_name=M``, as kombu spells them, and the master's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, quote, unquote, urlsplit

SCHEME = "sentinel"
DEFAULT_PORT = 26_379
_MASTER, _PASSWORD = "master_name", "sentinel_password"


@dataclass(frozen=True, slots=True)
class Sentinels:
    """Where the sentinels are, and what to ask them for.

    Args:
        hosts: host and port of each sentinel.
        master: name of the master.
        database: number of its database.
        username: of the master's user.
        password: of the master's user.
        sentinel_password: of the sentinels themselves.
    """

    hosts: tuple[tuple[str, int], ...]
    master: str
    database: int = 0
    username: str | None = None
    password: str | None = None
    sentinel_password: str | None = None

    def kombu_url(self) -> str:
        """The address as kombu spells it; the master's name goes among the transport's options."""
        user = quote(self.username or "", safe="")
        credentials = f"{user}:{quote(self.password, safe='')}@" if self.password is not None else ""
        return ";".join(f"{SCHEME}://{credentials}{host}:{port}/{self.database}" for host, port in self.hosts)


def is_sentinel(url: str) -> bool:
    """Whether an address is one of sentinels."""
    return url.startswith(f"{SCHEME}://")


def read_sentinels(url: str) -> Sentinels:
    """Take an address apart.

    Args:
        url: addresses of sentinels with ``;`` between them. Database, name of the master and passwords may stand at any
            of them; the first that says something counts.

    Raises:
        ValueError: it is no such address; the text says what is wrong and holds no password.
    """
    parts = [urlsplit(part) for part in url.split(";")]
    if any(part.scheme != SCHEME or not part.hostname for part in parts):
        raise ValueError("each part must be sentinel://HOST:PORT")
    asked = [parse_qs(part.query) for part in parts]
    unknown = {name for one in asked for name in one} - {_MASTER, _PASSWORD}
    if unknown:
        raise ValueError(f"{sorted(unknown)[0]!r} is no option of sentinels")
    masters = [one[_MASTER][0] for one in asked if _MASTER in one]
    if not masters:
        raise ValueError("the name of the master is missing: ?master_name=NAME")
    databases = [part.path.strip("/") for part in parts if part.path.strip("/")]
    if any(not (one.isascii() and one.isdigit()) for one in databases):
        raise ValueError("the database behind the host must be a number")
    named = next((part for part in parts if part.password is not None), None)
    return Sentinels(
        hosts=tuple((part.hostname or "", part.port or DEFAULT_PORT) for part in parts),
        master=masters[0],
        database=int(databases[0]) if databases else 0,
        username=unquote(named.username) if named and named.username else None,
        password=unquote(named.password) if named and named.password is not None else None,
        sentinel_password=next((one[_PASSWORD][0] for one in asked if _PASSWORD in one), None),
    )
