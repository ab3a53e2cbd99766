"""Keep one worker process for each model running, and end them together.

All processes are started by one thread that lives as long as they do, since their leash (`maze_tasks.tether`) is tied
to the thread. Everything else asks that thread by an event.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from maze_tasks.errors import ServiceUnavailable
from maze_tasks.logfile import last_lines
from maze_tasks.process_exit import ending
from maze_tasks.restarts import RestartPolicy
from maze_tasks.worker_plan import WorkerSpec, celery_command, divide
from maze_tasks.worker_process import READY_VARIABLE, SECRETS_VARIABLE, WorkerProcess, start_worker

__all__ = ["SECRETS_VARIABLE", "Supervisor", "WorkerSpec", "celery_command", "divide"]

GRACE_S = 30.0
COLD_S = 3.0  # between asking a worker to drop its calls and killing it
# Celery's warm shutdown lets running calls finish, its cold one does not.
ESCALATION = (signal.SIGTERM, signal.SIGQUIT, signal.SIGKILL)
DEMAND_EVERY_S = 2.0  # between two looks whether a worker is wanted that is started on demand
PATIENCE = RestartPolicy(quick_death_s=10.0, give_up_after=6, longest_delay_s=10.0)


@dataclass(slots=True)
class _Worker:
    """A worker and its process, if it has one now."""

    spec: WorkerSpec
    command: list[str]
    process: WorkerProcess | None = None
    started_at: float = 0.0
    quick_deaths: int = 0
    failed_starts: int = 0  # quick deaths in a row of processes that had not got ready
    restart_at: float | None = None
    rests_until: float = 0.0


@dataclass(frozen=True, slots=True)
class _Died:
    worker: _Worker
    process: WorkerProcess


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
        policy: patience with workers that die. It is given up only on those that do not get ready: what others die of
            are their holes, and one that is started on demand is there for such.
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
        self._env = {name: value for name, value in env.items() if name not in (SECRETS_VARIABLE, READY_VARIABLE)}
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
        return {model: process.popen.pid for model, process in running if process is not None}

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
            self._restart_later(worker, f"could not be started: {error.strerror or error}", ready=False)
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

    def _await_death(self, worker: _Worker, process: WorkerProcess) -> None:
        process.popen.wait()
        self._events.put(_Died(worker, process))

    def _bury(self, worker: _Worker, process: WorkerProcess) -> None:
        worker.process = None
        with suppress(OSError):  # children that it left behind, if any
            os.killpg(process.popen.pid, signal.SIGKILL)
        ready = process.got_ready()
        if self._step is None:
            self._restart_later(worker, ending(process.popen.returncode), ready=ready)

    def _restart_later(self, worker: _Worker, how: str, *, ready: bool) -> None:
        """Plan the restart of a worker that died, or give up on one that cannot be started."""
        now = time.monotonic()
        lived_s = now - worker.started_at
        worker.quick_deaths = self._policy.quick_deaths(worker.quick_deaths, lived_s)
        worker.failed_starts = 0 if ready else self._policy.quick_deaths(worker.failed_starts, lived_s)
        if worker.spec.lanes:
            # It takes what others died of: its deaths say nothing of whether it can be started.
            worker.rests_until = now + self._policy.pause_s(worker.quick_deaths)
            self._tell(f"worker {worker.spec.model} {how}; it is started again when it is needed")
            return
        if self._policy.delay_s(worker.failed_starts) is not None:
            delay_s = self._policy.pause_s(worker.quick_deaths)
            worker.restart_at = now + delay_s
            self._tell(f"worker {worker.spec.model} {how}; it is started again in {delay_s:g} s")
            return
        said = last_lines(self._log) if self._log else ""
        quoted = f"\n{self._log} ends with:\n{said}" if said else ""
        often = f"it {how}, {worker.failed_starts} times in a row right after its start"
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
                worker.process.popen.send_signal(number)

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


def _write_line(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
