"""Start one worker process, hand it its secrets, and know whether it ever got ready."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from maze_tasks.logfile import open_log
from maze_tasks.tether import spawn

SECRETS_VARIABLE = "MAZE_SECRETS_FD"  # number of the file descriptor from which a worker reads its secrets, once
READY_VARIABLE = "MAZE_READY_FD"  # number of the one into which it writes a byte once it takes messages
STDERR = 2


@dataclass(slots=True)
class WorkerProcess:
    """A worker process that was started.

    Args:
        popen: the process.
        ready_end: end of the pipe into which it writes once it takes messages.
    """

    popen: subprocess.Popen[bytes]
    ready_end: int

    def got_ready(self) -> bool:
        """Whether it ever took messages, so that what it died of may be one of them; to be asked once, at its end."""
        with suppress(OSError), os.fdopen(self.ready_end, "rb", buffering=0) as pipe:
            return bool(pipe.read(1))  # None where nothing was written and some child of its own lives on
        return False


def start_worker(
    command: Sequence[str], env: Mapping[str, str], *, secrets: bytes | None, log: Path | None
) -> WorkerProcess:
    """Start a worker process that dies with the calling thread, in a session of its own.

    Args:
        command: its command line.
        env: its environment.
        secrets: what it may read, once, from the file descriptor that `SECRETS_VARIABLE` names.
        log: file for its output; None means this process's stderr. Stdout is left to the command's own data.

    Raises:
        OSError: it could not be started.
    """
    with ExitStack() as opened, ExitStack() as kept:
        output: BinaryIO | int = opened.enter_context(open_log(log)) if log else STDERR
        ready_end, writable = os.pipe()
        kept.callback(os.close, ready_end)
        opened.callback(os.close, writable)
        os.set_blocking(ready_end, False)
        passed: tuple[int, ...] = (writable,)
        env = {**env, READY_VARIABLE: str(writable)}
        if secrets is not None:
            readable, secrets_end = os.pipe()
            opened.callback(os.close, readable)
            threading.Thread(target=_write_all, args=(secrets_end, secrets), daemon=True).start()
            passed, env = (*passed, readable), {**env, SECRETS_VARIABLE: str(readable)}
        process = spawn(
            command,
            env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=passed,
            start_new_session=True,  # an interrupt at the terminal is for the supervisor to act on
        )
        kept.pop_all()
        return WorkerProcess(process, ready_end)


def _write_all(pipe: int, data: bytes) -> None:
    """Write to a pipe that holds less than the data may be, until it is read or nobody is left to read it."""
    with suppress(BrokenPipeError), os.fdopen(pipe, "wb", buffering=0) as stream:
        left = memoryview(data)
        while left:
            left = left[stream.write(left) :]
