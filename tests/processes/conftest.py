"""A project with an embedded server, processes that use it, and what is left of them in /proc and the file system."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
DEADLINE_S = 30.0

USER = """
import json, os, signal, sys
from dataclasses import asdict
from pathlib import Path
from maze_tasks.embedded import join

with join(Path(sys.argv[1])) as server:
    print(json.dumps(asdict(server)), flush=True)
    exec(sys.argv[2])
    sys.stdin.readline()
"""


def until(holds: Callable[[], T], what: str = "what was waited for") -> T:
    """The first true value of `holds`, asked again and again."""
    deadline = time.monotonic() + DEADLINE_S
    while not (found := holds()):
        assert time.monotonic() < deadline, f"{what} did not happen within {DEADLINE_S} s"
        time.sleep(0.005)
    return found


@dataclass
class User:
    """A process that uses the server until it is told to go."""

    process: subprocess.Popen[str]
    server: dict[str, Any] = field(default_factory=dict)

    def joined(self) -> User:
        assert self.process.stdout is not None
        self.server = json.loads(self.process.stdout.readline() or "{}")
        assert self.server, f"the user ended with exit code {self.process.wait()}"
        return self

    def go(self) -> int:
        self.process.communicate("\n", timeout=DEADLINE_S)
        return self.process.returncode

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.process.communicate(timeout=DEADLINE_S)


@dataclass
class Project:
    """A folder with an embedded project. Its sockets lie under `sockets`, so nothing else can be taken for its own."""

    folder: Path
    users: list[User] = field(default_factory=list)
    strangers: set[int] = field(default_factory=set)

    @property
    def state_dir(self) -> Path:
        return self.folder / ".maze"

    @property
    def sockets(self) -> Path:
        return self.folder / "s"

    def user(self, doing: str = "") -> User:
        """A process that joins and then does something; not waited for."""
        process = subprocess.Popen(
            [sys.executable, "-c", USER, str(self.state_dir), doing],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.users.append(User(process))
        return self.users[-1]

    def processes(self, *words: str) -> list[int]:
        """Processes whose command line names the project (and all the words), but for users and strangers."""
        own = {user.process.pid for user in self.users} | self.strangers | {os.getpid()}
        return [
            pid
            for pid, line in command_lines().items()
            if pid not in own and str(self.folder) in line and all(word in line for word in words)
        ]

    @property
    def keeper(self) -> int:
        (pid,) = self.processes("embedded_keeper")
        return pid

    @property
    def redis(self) -> int:
        (pid,) = until(lambda: self.processes("redis-server unixsocket:"))
        return pid

    def left_over(self) -> list[str]:
        """What runs or lies about though nobody uses the server."""
        running = self.processes()
        return [
            *(line for pid, line in command_lines().items() if pid in running),
            *(str(path) for path in self.sockets.iterdir()),
        ]

    def end(self) -> None:
        for user in self.users:
            if user.process.poll() is None:
                user.signal(signal.SIGKILL)
            for stream in (user.process.stdin, user.process.stdout):
                assert stream is not None
                stream.close()


def command_lines() -> dict[int, str]:
    """Command line of each living process; one that has ended and was not waited for has none."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found[int(path.parent.name)] = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return found


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """An empty project, of which nothing may be left at the end but files in its own folder."""
    folder = Path(tempfile.mkdtemp(prefix="mp-", dir="/tmp"))  # pytest's own are too long for a socket
    made = Project(folder)
    made.sockets.mkdir()
    monkeypatch.setenv("TMPDIR", str(made.sockets))
    monkeypatch.delenv("MAZE_REDIS_SERVER", raising=False)
    yield made
    made.end()
    try:
        until(lambda: not made.left_over(), "the end of everything")
    finally:
        for pid in made.processes():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder)


@pytest.fixture
def wait_until() -> Callable[[Callable[[], T]], T]:
    """`until`, for tests."""
    return until
