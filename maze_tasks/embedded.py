"""Join the private Redis server of an embedded project, or start it.

Who joins first starts a keeper (`maze_tasks.embedded_keeper`), which owns the server; who leaves last waits until both
are gone. Each user holds a shared file lock that the kernel takes back however the process ends, so that a killed
command leaves nothing running. The files are described in `maze_tasks.embedded_state`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from maze_tasks.embedded_start import SERVICE, TURN_TIMEOUT_S, find_or_start, unusable, wait_turn
from maze_tasks.embedded_state import Record, StateFolder
from maze_tasks.errors import ServiceUnavailable
from maze_tasks.flock import FileLock
from maze_tasks.process_exit import ProcessExit, becomes_readable
from maze_tasks.restarts import RestartPolicy

START_TIMEOUT_S = 10.0
LEAVE_TIMEOUT_S = 30.0
PATIENCE = RestartPolicy(quick_death_s=10.0, first_delay_s=0.0)


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A private server as its users see it.

    Args:
        redis_url: database 0, for the store.
        broker_url: database 1 in the broker's notation.
        fresh: whether this command started it while nobody else used it: what is unfinished was interrupted.
        pid: process id of its keeper when it was joined.
    """

    redis_url: str
    broker_url: str
    fresh: bool
    pid: int


@contextmanager
def join(state_dir: Path, *, start_timeout_s: float = START_TIMEOUT_S) -> Iterator[EmbeddedServer]:
    """Use the private server of a project; it runs as long as anybody does.

    A server or keeper that is killed meanwhile is started again behind the same addresses: its users have to reconnect,
    and what it acknowledged in its last two seconds may be lost (``appendfsync everysec``).

    Args:
        state_dir: the project's ``.maze``; made where it is missing.
        start_timeout_s: how long the server may take until it answers, in seconds.

    Raises:
        ServiceUnavailable: it cannot be started, with the end of its log and what to do.
    """
    state = StateFolder(state_dir.absolute())
    try:
        user, server = _enter(state, start_timeout_s)
    except OSError as error:
        raise unusable(state, error) from error
    try:
        yield server
    finally:
        user.leave()


def _enter(state: StateFolder, start_timeout_s: float) -> tuple[_User, EmbeddedServer]:
    """Become a user of the server and see that it runs; one command at a time."""
    _make_folder(state)
    with FileLock(state.start_lock) as turn, ExitStack() as undo:
        wait_turn(turn)
        users = undo.enter_context(FileLock(state.users_lock))
        if not users.take(shared=True, timeout_s=TURN_TIMEOUT_S):
            raise ServiceUnavailable(SERVICE, f"it has been ending for {TURN_TIMEOUT_S:g} s, see {state.log}")
        record, fresh = find_or_start(state, users, start_timeout_s)
        user = _User(state, users, record, start_timeout_s)
        undo.pop_all()
    redis_url = f"unix://{record.socket}?db=0"
    broker_url = f"redis+socket://{record.socket}?virtual_host=1"
    return user, EmbeddedServer(redis_url, broker_url, fresh=fresh, pid=record.pid)


def _make_folder(state: StateFolder) -> None:
    state.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    state.data.mkdir(mode=0o700, exist_ok=True)
    ignore = state.path / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")


class _User:
    """A hold on a running server: brings its keeper back, and sees to the end when it was the last."""

    def __init__(self, state: StateFolder, users: FileLock, record: Record, start_timeout_s: float) -> None:
        self._state, self._users, self._record, self._start_timeout_s = state, users, record, start_timeout_s
        self._process = os.getpid()
        self._leaving, self._leave = os.pipe()
        self._guard = threading.Thread(target=self._revive_when_killed, name="embedded-guard", daemon=True)
        self._guard.start()

    def leave(self) -> None:
        """Stop using the server; the last one waits until nothing of it is left."""
        if os.getpid() != self._process:
            return  # a fork of the user, which has no hold of its own
        os.write(self._leave, b".")
        self._guard.join()
        os.close(self._leave)
        os.close(self._leaving)
        with ProcessExit(self._record.pid) as exited:
            last = self._users.take()
            if last:
                _clear_after_kill(self._state)
            elif not self._users.take(shared=True):
                last = True  # the keeper has it already: it was waiting for us alone
            self._users.release()
            self._users.close()
            if last:
                exited.wait(LEAVE_TIMEOUT_S)

    def _revive_when_killed(self) -> None:
        """Runs in a thread until the user leaves, or a new keeper cannot be kept alive either."""
        quick_deaths = 0
        delay_s: float | None = 0.0
        while delay_s is not None:
            watched_at = time.monotonic()
            with ProcessExit(self._record.pid) as exited:
                exited.wait(None, unless=self._leaving)
            if becomes_readable([self._leaving], delay_s):
                return
            try:
                with FileLock(self._state.start_lock) as turn:
                    wait_turn(turn)
                    self._record, _ = find_or_start(self._state, self._users, self._start_timeout_s)
            except (OSError, ServiceUnavailable):
                return  # the user's own connections will tell
            quick_deaths = PATIENCE.quick_deaths(quick_deaths, time.monotonic() - watched_at)
            delay_s = PATIENCE.delay_s(quick_deaths)


def _clear_after_kill(state: StateFolder) -> None:
    """Remove the socket of a keeper that was killed; nobody can join while the users' lock is ours alone."""
    with suppress(OSError), FileLock(state.keeper_lock) as keeper:  # where the project was removed, nothing is ours
        record = state.record()
        if record and keeper.take():
            state.clear(record)
