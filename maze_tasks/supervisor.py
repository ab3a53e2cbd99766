"""Keep one worker process for each model running, and end them together.

All processes are started by one thread that lives as long as they do, since their leash (`maze_tasks.tether`) is tied
to the thread. Everything else asks that thread by an event.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import BinaryIO, Self

from maze_tasks.errors import ServiceUnavailable
from maze_tasks.logfile import last_lines, open_log
from maze_tasks.process_exit import ending
from maze_tasks.restarts import RestartPolicy
from maze_tasks.tether import spawn
from maze_tasks.worker_plan import WorkerSpec, celery_command, divide

__all__ = ["SECRETS_VARIABLE", "Supervisor", "WorkerSpec", "celery_command", "divide"]

SECRETS_VARIABLE = "MAZE_SECRETS_FD"  # number of the file descriptor from which a worker reads its secrets, once
STDERR = 2
GRACE_S = 30.0
COLD_S = 3.0  # between asking a worker to drop its calls and killing it
# Celery's warm shutdown lets running calls finish, its cold one does not.
ESCALATION = (signal.SIGTERM, signal.SIGQUIT, signal.SIGKILL)
DEMAND_EVERY_S = 2.0  # between two looks whether a worker is wanted that is started on demand
PATIENCE = RestartPolicy(quick_death_s=10.0, give_up_after=6)


@dataclass(slots=True)
class _Worker:
    """A worker and its process, if it has one now."""

    spec: WorkerSpec
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    quick_deaths: int = 0
    restart_at: float | None = None
    rests_until: float = 0.0


@dataclass(frozen=True, slots=True)
class _Died:
    worker: _Worker
    process: subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True)
class _Wanted:
    worker: _Worker


@dataclass(frozen=True, slots=True)
class _Stop:
    """Go on in `ESCALATION` to the next step, or at once to the one given."""

    grace_s: float
    step: int | None = None


class Supervisor:
    """Worker processes that are restarted when they die and ended together.

    A context manager: entering starts them, leaving stops them.

    Args:
        specs: the workers.
        command: the command line of a worker, such as `celery_command`.
        env: environment of the workers.
        secrets: handed to each worker over a pipe: never in its environment, its arguments or a file.
        log: file for the workers' output; None means this process's stderr.
        policy: patience with workers that die; one that is started on demand is started again however often it dies.
        wanted: whether there is something to do for a worker that is started on demand, that is, has `lanes`; without
            it there is none.
        tell: told what happens, a line at a time, from the supervising thread.
    """

    def __init__(
        self,
        specs: Sequence[WorkerSpec],
        *,
        command: Callable[[WorkerSpec], list[str]],
        env: Mapping[str, str],
        secrets: bytes | None = None,
        log: Path | None = None,
        policy: RestartPolicy = PATIENCE,
        wanted: Callable[[WorkerSpec], bool] | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._workers = [_Worker(spec, command(spec)) for spec in specs if wanted or not spec.lanes]
        self._wanted = wanted
        self._secrets, self._log, self._policy = secrets, log, policy
        self._env = {name: value for name, value in env.items() if name != SECRETS_VARIABLE}
        self._tell = tell or _write_line
        self._events: SimpleQueue[_Died | _Stop | _Wanted] = SimpleQueue()
        self._step: int | None = None  # in ESCALATION, once stopping
        self._harder_at: float | None = None
        self._error: ServiceUnavailable | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start the workers; returns at once."""
        self._thread.start()

    def stop(self, grace_s: float = GRACE_S) -> None:
        """End the workers and wait until they have ended.

        Args:
            grace_s: how long running calls may take to finish, in seconds; with 0 the workers are killed.
        """
        if self._thread.ident is not None:
            self.request_stop(grace_s)
            self.wait()

    def request_stop(self, grace_s: float = GRACE_S) -> None:
        """Ask the workers to end; what takes longer than the grace is cut off. Fit for a signal handler."""
        self._events.put(_Stop(grace_s, 0 if grace_s > 0 else len(ESCALATION) - 1))

    def request_harder(self) -> None:
        """Go on at once to the next harder way of ending: drop running calls, then kill. Fit for a signal handler."""
        self._events.put(_Stop(COLD_S))

    def wait(self, timeout_s: float | None = None) -> bool:
        """Whether all has ended, after waiting for that at most so many seconds (None: for ever)."""
        return self._ended.wait(timeout_s)

    def check(self) -> None:
        """Say whether the workers are being looked after.

        Raises:
            ServiceUnavailable: a worker dies whenever it is started; all others have been asked to end.
        """
        if self._error is not None:
            raise self._error

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of the workers that run, by model."""
        running = ((worker.spec.model, worker.process) for worker in self._workers)
        return {model: process.pid for model, process in running if process is not None}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _supervise(self) -> None:
        """The thread: lives as long as any worker."""
        try:
            for worker in self._workers:
                if not worker.spec.lanes:
                    self._launch(worker)
            threading.Thread(target=self._watch_demand, name="demand", daemon=True).start()
            while self._step is None or any(worker.process for worker in self._workers):
                try:
                    event = self._events.get(timeout=self._next_due_s())
                except Empty:
                    self._do_what_is_due()
                    continue
                if isinstance(event, _Died):
                    self._bury(event.worker, event.process)
                elif isinstance(event, _Wanted):
                    self._start_wanted(event.worker)
                else:
                    self._end_harder(event)
        finally:
            self._ended.set()

    def _launch(self, worker: _Worker) -> None:
        worker.restart_at, worker.started_at = None, time.monotonic()
        try:
            process = start_worker(worker.command, self._env, secrets=self._secrets, log=self._log)
        except OSError as error:
            self._restart_later(worker, f"could not be started: {error.strerror or error}")
            return
        worker.process = process
        threading.Thread(target=self._await_death, args=(worker, process), daemon=True).start()

    def _watch_demand(self) -> None:
        """A thread of its own: whoever is asked may take long to answer."""
        on_demand = [worker for worker in self._workers if worker.spec.lanes]
        while on_demand and self._wanted and not self._ended.wait(DEMAND_EVERY_S):
            for worker in on_demand:
                if worker.process is None and self._wanted(worker.spec):
                    self._events.put(_Wanted(worker))

    def _start_wanted(self, worker: _Worker) -> None:
        if self._step is None and worker.process is None and time.monotonic() >= worker.rests_until:
            self._launch(worker)

    def _await_death(self, worker: _Worker, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        self._events.put(_Died(worker, process))

    def _bury(self, worker: _Worker, process: subprocess.Popen[bytes]) -> None:
        worker.process = None
        with suppress(OSError):  # children that it left behind, if any
            os.killpg(process.pid, signal.SIGKILL)
        if self._step is None:
            self._restart_later(worker, ending(process.returncode))

    def _restart_later(self, worker: _Worker, how: str) -> None:
        """Plan the restart of a worker that died, or give up."""
        now = time.monotonic()
        worker.quick_deaths = self._policy.quick_deaths(worker.quick_deaths, now - worker.started_at)
        if worker.spec.lanes:
            # It takes what others died of: its deaths say nothing of whether it can be started.
            worker.rests_until = now + self._policy.pause_s(worker.quick_deaths)
            self._tell(f"worker {worker.spec.model} {how}; it is started again when it is needed")
            return
        delay_s = self._policy.delay_s(worker.quick_deaths)
        if delay_s is not None:
            worker.restart_at = now + delay_s
            self._tell(f"worker {worker.spec.model} {how}; it is started again in {delay_s:g} s")
            return
        said = last_lines(self._log) if self._log else ""
        quoted = f"\n{self._log} ends with:\n{said}" if said else ""
        often = f"it {how}, {worker.quick_deaths} times in a row right after its start"
        self._error = ServiceUnavailable(f"the worker of {worker.spec.model}", f"{often}{quoted}")
        self._end_harder(_Stop(GRACE_S, 0))

    def _end_harder(self, stop: _Stop) -> None:
        step = (self._step or 0) + 1 if stop.step is None else stop.step
        if stop.step is not None and self._step is not None and stop.step <= self._step:
            return  # it is being done, and its grace stands
        self._step = min(step, len(ESCALATION) - 1)
        number = ESCALATION[self._step]
        self._harder_at = None if number == signal.SIGKILL else time.monotonic() + stop.grace_s
        for worker in self._workers:
            worker.restart_at = None
            if worker.process is not None:
                worker.process.send_signal(number)

    def _next_due_s(self) -> float | None:
        """Seconds until something is to be done unasked; None where nothing is."""
        due = [self._harder_at, *(worker.restart_at for worker in self._workers)]
        times = [at for at in due if at is not None]
        return max(min(times) - time.monotonic(), 0.0) if times else None

    def _do_what_is_due(self) -> None:
        now = time.monotonic()
        if self._harder_at is not None and self._harder_at <= now:
            running = ", ".join(worker.spec.model for worker in self._workers if worker.process)
            self._tell(f"still running: {running}; cut off")
            self._end_harder(_Stop(COLD_S))
        for worker in self._workers:
            if worker.restart_at is not None and worker.restart_at <= now:
                self._launch(worker)


def start_worker(
    command: Sequence[str], env: Mapping[str, str], *, secrets: bytes | None, log: Path | None
) -> subprocess.Popen[bytes]:
    """Start a worker process that dies with the calling thread, in a session of its own.

    Args:
        command: its command line.
        env: its environment.
        secrets: what it may read, once, from the file descriptor that `SECRETS_VARIABLE` names.
        log: file for its output; None means this process's stderr. Stdout is left to the command's own data.

    Raises:
        OSError: it could not be started.
    """
    with ExitStack() as opened:
        output: BinaryIO | int = opened.enter_context(open_log(log)) if log else STDERR
        passed: tuple[int, ...] = ()
        if secrets is not None:
            readable, writable = os.pipe()
            opened.callback(os.close, readable)
            threading.Thread(target=_write_all, args=(writable, secrets), daemon=True).start()
            passed, env = (readable,), {**env, SECRETS_VARIABLE: str(readable)}
        return spawn(
            command,
            env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=passed,
            start_new_session=True,  # an interrupt at the terminal is for the supervisor to act on
        )


def _write_all(pipe: int, data: bytes) -> None:
    """Write to a pipe that holds less than the data may be, until it is read or nobody is left to read it."""
    with suppress(BrokenPipeError), os.fdopen(pipe, "wb", buffering=0) as stream:
        left = memoryview(data)
        while left:
            left = left[stream.write(left) :]


def _write_line(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
