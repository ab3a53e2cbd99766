"""The process that owns the private Redis server of an embedded project, and ends when nobody uses it.

Started by `maze_tasks.embedded.join` as::

    python -P -m maze_tasks.embedded_keeper STATE_DIR SERVER KEEPER_LOCK_FD REPORT_FD START_TIMEOUT_S

It holds the keeper's lock (handed over, so that there is no moment without a holder), runs the server on a leash, and
waits to have ``users.lock`` alone: every command holds that lock shared, and the kernel gives it back however a
command ends. A server that dies is started again on the same socket, so that its users only have to reconnect. If the
keeper itself is killed the server dies with it, and one of the commands starts both again.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Literal

from maze_tasks.embedded_state import Record, StateFolder, ask, is_up
from maze_tasks.flock import FileLock
from maze_tasks.process_exit import ending
from maze_tasks.restarts import RestartPolicy
from maze_tasks.tether import spawn

LONGEST_SOCKET_PATH = 100  # bytes; the kernel's limit is 108 on Linux, 104 on BSD and macOS
PLAIN_PATH = re.compile(r"/[\w./-]*", re.ASCII)  # nothing that a URL would have to escape
LOADING_S = 300.0  # a server that says it is reading its data gets so much more time
POLL_S = 0.005
SHUTDOWN_S = 30.0  # for writing what is left of the append-only file
FAILED_START_S = 2.0  # for a server that wrote nothing
PATIENCE = RestartPolicy(quick_death_s=10.0, first_delay_s=0.1)

Event = Literal["unused", "terminated", "died"]


class Keeper:
    """One server and its end.

    Args:
        state: the project's folder.
        server: the Redis server's binary.
        start_timeout_s: how long the server may take until it answers, in seconds.
    """

    def __init__(self, state: StateFolder, server: str, start_timeout_s: float) -> None:
        self._state, self._server, self._start_timeout_s = state, server, start_timeout_s
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._users = FileLock(state.users_lock)
        self._quick_deaths = 0
        self._started_at = 0.0
        self._record: Record
        self._redis: subprocess.Popen[bytes]

    def start(self) -> str | None:
        """Start the server and wait until it answers.

        Returns:
            Why it does not; None where it does.

        Raises:
            OSError: nothing could be started, and nothing is left to `end`.
        """
        signal.signal(signal.SIGTERM, lambda *_: self._events.put("terminated"))
        folder = _socket_folder(self._state)
        try:
            self._record = self._state.write_record(folder / "redis.sock")
            self._launch()
        except OSError:
            with suppress(OSError):
                folder.rmdir()
            raise
        threading.Thread(target=self._await_unused, daemon=True).start()
        return self._await_answer()

    def keep(self) -> None:
        """Return when nobody uses the server any more, or it cannot be kept running."""
        while self._events.get() == "died":
            lived_s = time.monotonic() - self._started_at
            self._quick_deaths = PATIENCE.quick_deaths(self._quick_deaths, lived_s)
            delay_s = PATIENCE.delay_s(self._quick_deaths)
            _log(f"the server {ending(self._redis.returncode)}; {f'restart in {delay_s} s' if delay_s else 'given up'}")
            if delay_s is None or not self._quiet_for(delay_s):
                return
            self._launch()

    def end(self, patience_s: float = SHUTDOWN_S) -> None:
        """Stop the server, its data written, and leave nothing but the data behind.

        Args:
            patience_s: how long the server may take for each way of being asked, in seconds.
        """
        # The command ends it at once, the signal when its timer looks; but the signal needs nobody to answer.
        ask(self._record.socket, "SHUTDOWN", patience_s)
        self._redis.terminate()
        try:
            self._redis.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._redis.kill()
            self._redis.wait()
        self._state.clear(self._record)

    def _launch(self) -> None:
        self._redis = spawn(
            server_command(self._server, self._state.data, self._record.socket), stdin=subprocess.DEVNULL
        )
        self._started_at = time.monotonic()
        threading.Thread(target=self._await_death, args=(self._redis,), daemon=True).start()

    def _await_unused(self) -> None:
        self._users.wait()
        self._events.put("unused")

    def _await_death(self, redis: subprocess.Popen[bytes]) -> None:
        redis.wait()
        self._events.put("died")

    def _quiet_for(self, seconds: float) -> bool:
        """Whether nothing happens for so long."""
        try:
            self._events.get(timeout=seconds)
        except Empty:
            return True
        return False

    def _await_answer(self) -> str | None:
        deadline = self._started_at + self._start_timeout_s
        while self._quiet_for(POLL_S):
            answer = ask(self._record.socket, "PING")
            if is_up(answer):
                return None
            if answer.startswith("-MISCONF"):
                return answer[1:]
            if time.monotonic() > deadline + (LOADING_S if answer.startswith("-LOADING") else 0.0):
                return f"it did not answer within {self._start_timeout_s:g} s"
        code = self._redis.poll()
        return "it is no longer wanted" if code is None else f"it {ending(code)}"


def server_command(server: str, data: Path, socket_path: str) -> list[str]:
    """The command line of the private server: a socket only its owner reaches, every write in an append-only file."""
    settings = {
        "port": "0",
        "unixsocket": socket_path,
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",  # a power cut costs up to two seconds, which leases and idempotency make good
        "aof-load-truncated": "yes",  # a killed server leaves half a command at the end
        # Writing the file anew costs as much as what is stored; by default a run of 100,000 holes does it five times.
        "auto-aof-rewrite-percentage": "200",
        "auto-aof-rewrite-min-size": "256mb",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [server, *(part for name, value in settings.items() for part in (f"--{name}", value))]


def _socket_folder(state: StateFolder) -> Path:
    """The folder a killed keeper left, so that its users find the server again, or else a new one with a short path."""
    before = state.record()
    if before and _is_private(Path(before.socket).parent):
        return Path(before.socket).parent
    name = f"maze-{os.urandom(6).hex()}"
    for base in (os.environ.get("TMPDIR", "/tmp"), "/tmp", "/var/tmp"):  # noqa: S108 - mkdir refuses what exists
        folder = Path(base, name)
        if len(os.fsencode(folder / "redis.sock")) <= LONGEST_SOCKET_PATH and PLAIN_PATH.fullmatch(str(folder)):
            try:
                folder.mkdir(mode=0o700)
            except OSError:
                continue
            return folder
    raise OSError("no folder for a socket can be made in /tmp")


def _is_private(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return found.st_uid == os.geteuid() and found.st_mode & 0o170777 == 0o40700  # noqa: PLR2004 - a folder, rwx------


def _log(message: str) -> None:
    sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} keeper {os.getpid()}: {message}\n")


def main(arguments: list[str]) -> int:
    """Detach from who started this, keep the server, and say over the report's pipe whether it runs.

    Args:
        arguments: folder, server, the lock's and the report's file descriptor, start timeout in seconds.
    """
    folder, server, lock, report, timeout_s = arguments
    os.set_inheritable(int(lock), False)  # noqa: FBT003 - positional only
    os.set_inheritable(int(report), False)  # noqa: FBT003
    if os.fork():  # the command that started this may go on for long, and shall not have to bury its keeper
        return 0
    os.umask(0o077)
    keeper = Keeper(StateFolder(Path(folder)), server, float(timeout_s))
    try:
        problem = keeper.start()
        if problem is not None:
            keeper.end(FAILED_START_S)
    except OSError as error:
        problem = str(error)
    with suppress(BrokenPipeError):  # who asked has been killed; the users' lock will tell
        os.write(int(report), json.dumps({"problem": problem}).encode())
    if problem is None:
        os.close(int(report))  # else it closes with the process: who reads to its end finds nothing left
        try:
            keeper.keep()
        finally:
            keeper.end()
    os._exit(0)  # at once: the last command waits for this, and threads asleep in the kernel need no goodbye


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
