"""Whether leases that ran out may be believed: not just after their server was away.

While Redis is away nobody can renew a lease, and after a restart or a failover what it knows of leases may be older
than what it had said. So nothing expires then for the length of one lease, in which those who live renew theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

from maze_tasks.store.connection import Server


@dataclass(slots=True)
class Calm:
    """Remembers when the server was last disturbed.

    Args:
        lease_ms: length of a lease in milliseconds.

    Source: PROTOCOL, "Leases and the sweeper".
    """

    lease_ms: int
    _run_id: str = ""
    _disturbed: bool = False
    _until_ms: int = 0

    def disturb(self) -> None:
        """It could not be reached, or took very long to answer."""
        self._disturbed = True

    def holds(self, server: Server) -> bool:
        """Whether leases that ran out may be believed now.

        Args:
            server: what it says of itself at this moment.
        """
        another = self._run_id not in ("", server.run_id)
        self._run_id = server.run_id
        if self._disturbed or another:
            self._until_ms = server.now_ms + self.lease_ms
            self._disturbed = False
        return server.up_ms >= self.lease_ms and server.now_ms >= self._until_ms
