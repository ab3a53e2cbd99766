"""The store: runs, attempts, results and accounts in Redis. The only importer of redis."""

from maze_tasks.store.connection import connect, require_fit, translated
from maze_tasks.store.runs import Begun, Commit, Finished, NewHole, RunInfo, RunStore, Ticket

__all__ = [
    "Begun",
    "Commit",
    "Finished",
    "NewHole",
    "RunInfo",
    "RunStore",
    "Ticket",
    "connect",
    "require_fit",
    "translated",
]
