"""Health check of a worker container: whether a Celery worker of this host answers a ping over the broker.

Exit code 0 if one does, else 1. Workers answer only where Celery events are on (``maze worker --events``).
"""

from __future__ import annotations

import socket
import sys

from workers.app import app

TIMEOUT_S = 5.0


def main() -> int:
    """Ask the workers whose node name ends with this host's name; one answer is enough."""
    mine = f"*@{socket.gethostname()}"
    return 0 if app.control.ping(timeout=TIMEOUT_S, pattern=mine, matcher="glob", limit=1) else 1


if __name__ == "__main__":
    sys.exit(main())
