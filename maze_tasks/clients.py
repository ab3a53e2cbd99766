"""HTTP clients of a process, one an endpoint, made when first used."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from maze_tasks.endpoints import EndpointClient

if TYPE_CHECKING:
    from maze_tasks.config import Settings


class ClientPool:
    """Clients by endpoint name.

    Args:
        settings: where endpoints and their keys come from.
        pool_size: connections each client keeps, as many as the process makes calls at once.
    """

    def __init__(self, settings: Settings, *, pool_size: int) -> None:
        self._settings, self._pool_size = settings, pool_size
        self._clients: dict[str, EndpointClient] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> EndpointClient:
        """The client of an endpoint.

        Raises:
            ConfigError: its key variable is not set.
        """
        client = self._clients.get(name)
        if client is None:
            with self._lock:
                client = self._clients.get(name)
                if client is None:
                    client = self._clients[name] = self._make(name)
        return client

    def _make(self, name: str) -> EndpointClient:
        endpoint = self._settings.endpoint(name)
        return EndpointClient(
            endpoint,
            api_key=self._settings.api_key(endpoint),
            pool_size=self._pool_size,
            headers=self._settings.extra_headers(endpoint),
        )

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()
