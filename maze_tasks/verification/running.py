"""Carry out a launch: start it, watch it, and end it with everything that came from it.

The only place that starts, waits for and kills commands. What a run came to is an `Ending`; what that means for the
fill is decided in `sandbox`.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from maze_tasks.verification.launch import Launch
from maze_tasks.verification.usage import DiskWatch, tree_use
from maze_tasks.verification.verdict import Reason

LOOK_S = 0.05  # between two looks at memory and processes
DISK_LOOK_S = 0.5  # between two looks at the disk
END_S = 10.0  # a killed process that lasts longer hangs in the kernel
READ_BYTES = 65_536
TAIL_BYTES = 65_536  # of the output that are kept
STATUS_BYTES = 65_536  # of bubblewrap's reports; it writes a few hundred


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a run may use, in seconds and bytes.

    Args:
        timeout_s: wall-clock time.
        memory: of all processes together.
        output: printed.
        disk: that `folder` may grow by.
        folder: the working copy.
        size: its bytes on the disk and its entries at the start.
    """

    timeout_s: float
    memory: int
    output: int
    disk: int
    folder: Path
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Ending:
    """What a run came to.

    Args:
        stopped: why it was killed, None where it ended by itself.
        exit_code: of the command; None where it was killed or never began.
        seconds: wall-clock time.
        tail: the end of its output.
        printed: bytes of output in all.
        threads: most threads seen at a time.
        gone: whether all its processes are surely gone.
    """

    stopped: Reason | None
    exit_code: int | None
    seconds: float
    tail: bytes
    printed: int
    threads: int
    gone: bool


def run(launch: Launch, allowance: Allowance, cancelled: threading.Event | None = None) -> Ending:
    """Run a command to its end, which is at the latest when its time is up.

    Args:
        launch: what to start; its descriptors are closed here.
        allowance: what it may use.
        cancelled: set from outside to end it early.

    Raises:
        OSError: it could not be started.
    """
    try:
        disk = DiskWatch(allowance.folder, allowance.disk, allowance.size)
        process = subprocess.Popen(
            list(launch.argv),
            env=dict(launch.env),
            cwd=launch.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=launch.descriptors,
            start_new_session=True,
            umask=0o022,
            user=launch.uid,
            group=launch.uid,
            extra_groups=None if launch.uid is None else [],
        )
    except BaseException:
        _close(*launch.descriptors, launch.status)
        raise
    _close(*launch.descriptors)
    running = _Running(process, allowance, disk, launch.status)
    try:
        return running.to_the_end(cancelled)
    finally:
        running.close()


@dataclass(slots=True)
class _Running:
    """A started command and what is known of it so far."""

    process: subprocess.Popen[bytes]
    allowance: Allowance
    disk: DiskWatch
    status: int | None
    began: float = field(default_factory=time.monotonic)
    tail: bytearray = field(default_factory=bytearray)
    printed: int = 0
    threads: int = 0
    report: bytearray = field(default_factory=bytearray)  # what bubblewrap told so far
    first: int | None = None  # pidfd of the first process of the namespace: when it has ended, all have
    selector: selectors.DefaultSelector = field(default_factory=selectors.DefaultSelector)
    ended: int | None = None  # pidfd of the process itself
    next_look: float = 0.0
    next_disk_look: float = 0.0

    def __post_init__(self) -> None:
        # Its output may end a moment before it does: waiting for both spares a whole pause between two looks.
        self.ended = os.pidfd_open(self.process.pid)
        self.selector.register(self.ended, selectors.EVENT_READ, self._exited)
        self._watch(self._stdout, self._read_output)
        if self.status is not None:
            self._watch(self.status, self._read_status)

    def to_the_end(self, cancelled: threading.Event | None) -> Ending:
        """Watch until the command ends or must be ended, then leave nothing of it."""
        stopped = None
        while stopped is None and not self._exited():
            left_s = self.began + self.allowance.timeout_s - time.monotonic()
            if left_s <= 0:
                stopped = Reason.TIMEOUT
            elif cancelled is not None and cancelled.is_set():
                stopped = Reason.CANCELLED
            else:
                for key, _ in self.selector.select(min(LOOK_S, left_s)):
                    key.data()
                stopped = self._too_much()
        seconds = time.monotonic() - self.began
        gone = self._end_all()
        if stopped is None and self.printed > self.allowance.output:
            stopped = Reason.OUTPUT  # what it printed last was still in the pipe
        if stopped is None and self.disk.exceeded(at_end=True):
            stopped = Reason.DISK  # a fast disk takes much between two looks
        exit_code = None if stopped else self._exit_code()
        return Ending(stopped, exit_code, seconds, bytes(self.tail), self.printed, self.threads, gone)

    def close(self) -> None:
        """Give back all descriptors; kills what an exception left running."""
        self._kill()
        self.selector.close()
        _close(self.status, self.first, self.ended)
        if self.process.stdout:
            self.process.stdout.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(END_S)

    @property
    def _stdout(self) -> int:
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def _watch(self, descriptor: int, read: Callable[[], bool]) -> None:
        os.set_blocking(descriptor, False)
        self.selector.register(descriptor, selectors.EVENT_READ, read)

    def _exited(self) -> bool:
        """Whether the process has ended; it is not reaped yet, so that its ids stay its own."""
        if self.process.returncode is not None:
            return True
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _too_much(self) -> Reason | None:
        if self.printed > self.allowance.output:
            return Reason.OUTPUT
        now = time.monotonic()
        if now < self.next_look:
            return None
        self.next_look = now + LOOK_S
        use = tree_use(self.process.pid, self.allowance.memory)
        self.threads = max(self.threads, use.threads)
        if use.memory > self.allowance.memory:
            return Reason.MEMORY
        if now >= self.next_disk_look:
            self.next_disk_look = now + DISK_LOOK_S
            return Reason.DISK if self.disk.exceeded() else None
        return None

    def _read_output(self) -> bool:
        """Take what was printed; False where nothing is there, or nothing will come any more."""
        chunk = self._read(self._stdout)
        self.printed += len(chunk)
        self.tail += chunk
        del self.tail[:-TAIL_BYTES]
        return bool(chunk)

    def _read_status(self) -> bool:
        assert self.status is not None
        chunk = self._read(self.status)
        if len(self.report) < STATUS_BYTES:
            self.report += chunk
        first = self._reported("child-pid")
        if self.first is None and first is not None:
            with suppress(OSError):  # it has ended already
                self.first = os.pidfd_open(first)
        return bool(chunk)

    def _read(self, descriptor: int) -> bytes:
        try:
            chunk = os.read(descriptor, READ_BYTES)
        except BlockingIOError:
            return b""
        if not chunk:
            with suppress(KeyError):
                self.selector.unregister(descriptor)
        return chunk

    def _reported(self, name: str) -> int | None:
        """A number that bubblewrap reported, from the whole lines that came. Source: bwrap(1), --json-status-fd."""
        for line in bytes(self.report).split(b"\n")[:-1]:
            with suppress(ValueError):
                value = json.loads(line).get(name)
                if isinstance(value, int):
                    return value
        return None

    def _exit_code(self) -> int | None:
        if self.status is not None:
            return self._reported("exit-code")
        code = self.process.returncode
        return code if code is None or code >= 0 else 128 - code

    def _end_all(self) -> bool:
        """Kill what is left, read what was printed last; whether every process is surely gone."""
        if self.status is not None:
            self._read_status()
        self._kill()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            return False
        if self.status is not None:
            self._read_status()
        gone = self.first is None or _readable(self.first, END_S)
        while self.printed <= self.allowance.output + READ_BYTES and self._read_output():
            pass
        return gone

    def _kill(self) -> None:
        if self.first is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.first, signal.SIGKILL)
        if self.process.returncode is None:  # not reaped: the group is still its own
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)


def _readable(descriptor: int, within_s: float) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        return bool(selector.select(within_s))


def _close(*descriptors: int | None) -> None:
    for descriptor in descriptors:
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)
