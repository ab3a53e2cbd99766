"""Where simulated endpoints listen: their own URLs, those that share a port gathered. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal
from urllib.parse import unquote, urlsplit

from maze_tasks.errors import ConfigError
from maze_tasks.models import ModelEndpoint

LOOPBACK = "127.0.0.1"

Route = Literal["chat/completions", "completions", "generate", "models", "health"]
ROUTES: Mapping[str, Mapping[Route, str]] = {
    "openai": {"chat/completions": "POST", "completions": "POST", "models": "GET", "health": "GET"},
    "ananke": {"generate": "POST", "models": "GET", "health": "GET"},
}


@dataclass(frozen=True, slots=True)
class Address:
    """Host, port and path of an endpoint's URL.

    Args:
        host: address to listen at.
        port: TCP port.
        prefix: path without a slash at its end.
    """

    host: str
    port: int
    prefix: str


@dataclass(frozen=True, slots=True)
class Listener:
    """One port and the endpoints behind it.

    Args:
        host: address to listen at.
        port: TCP port; 0 for any that is free.
        members: each endpoint's name with the path of its URL.
    """

    host: str
    port: int
    members: tuple[tuple[str, str], ...]

    def urls(self, port: int) -> dict[str, str]:
        """The members' URLs at the port really listened at."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return {name: f"http://{host}:{port}{prefix}" for name, prefix in self.members}


def address_of(endpoint: ModelEndpoint) -> Address:
    """Where an endpoint's URL points to."""
    parts = urlsplit(endpoint.endpoint_url)
    default = 443 if parts.scheme == "https" else 80
    return Address(parts.hostname or "", parts.port or default, unquote(parts.path).rstrip("/"))


def listeners(
    endpoints: Iterable[ModelEndpoint], *, host: str | None = None, free_ports: bool = False
) -> tuple[Listener, ...]:
    """The ports to open; endpoints that share a port in their URLs share one here.

    Args:
        endpoints: those to simulate.
        host: address to listen at whatever the URLs say; without it they must name this machine.
        free_ports: take any free ports of this machine, whatever the URLs say.

    Raises:
        ConfigError: if a URL cannot be served here, or two endpoints cannot be told apart.
    """
    ports: dict[tuple[str, int], list[tuple[str, str]]] = {}
    seen: dict[tuple[Address, str], str] = {}
    for endpoint in endpoints:
        address = address_of(endpoint)
        if not free_ports:
            _check_served_here(endpoint, address, host)
        other = seen.setdefault((address, endpoint.model), endpoint.name)
        if other != endpoint.name:
            raise ConfigError(
                f"{other!r} and {endpoint.name!r} have one URL and one model: requests could not be told apart",
                field=_field(endpoint),
            )
        ports.setdefault((address.host, address.port), []).append((endpoint.name, address.prefix))
    if free_ports:
        return tuple(Listener(LOOPBACK, 0, tuple(members)) for members in ports.values())
    return tuple(Listener(host or _own(name), port, tuple(members)) for (name, port), members in ports.items())


def is_loopback(host: str) -> bool:
    """Whether a host name or address is certain to be this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _check_served_here(endpoint: ModelEndpoint, address: Address, host: str | None) -> None:
    if not endpoint.endpoint_url.startswith("http:"):
        raise ConfigError(f"the simulator serves http:// only, not {endpoint.endpoint_url!r}", field=_field(endpoint))
    if host is None and not is_loopback(address.host):
        raise ConfigError(
            f"{address.host!r} is not this machine: the simulator stands in for loopback URLs only, unless --host "
            "says where to listen",
            field=_field(endpoint),
        )


def _own(host: str) -> str:
    # one name, two address families: clients try both, so listening at one of them is enough
    return LOOPBACK if host == "localhost" else host


def _field(endpoint: ModelEndpoint) -> str:
    return f"endpoints.{endpoint.name}.endpoint_url"
