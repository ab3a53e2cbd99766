"""Processes of a comparison: started, asked what they use, ended."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from benchmarks.memory import peak_of
from benchmarks.project import ROOT

PATIENCE_S = 300.0
_LAST_WORDS = 2000  # characters of a log that are shown when its process has failed


def until(holds: Callable[[], bool], what: str, process: subprocess.Popen[str] | None = None) -> None:
    """Ask again and again until something holds.

    Raises:
        SystemExit: it takes too long, or the process that is to bring it about has ended.
    """
    end = time.monotonic() + PATIENCE_S
    while not holds():
        if process is not None and process.poll() is not None:
            raise SystemExit(f"{what}: its process ended with {process.returncode}")
        if time.monotonic() > end:
            raise SystemExit(f"gave up waiting for {what}")
        time.sleep(0.02)


@contextmanager
def started(
    command: Sequence[str], env: Mapping[str, str], log: Path, *, talks: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """A process and its children, which are ended with the block.

    Args:
        command: its command line.
        env: variables of its environment besides ours.
        log: gets what it says on standard error, and on standard output unless it talks to us there.
        talks: whether its standard streams are pipes.
    """
    pipe = subprocess.PIPE if talks else None
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            env=os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"} | dict(env),
            cwd=log.parent,
            stdin=pipe or subprocess.DEVNULL,
            stdout=pipe or out,
            stderr=out,
            text=True,
        )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Kill a process and its children: what they have done has been read."""
    below = family([process])
    process.kill()
    for one in below:
        with suppress(psutil.Error):
            one.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()


def family(processes: Iterable[subprocess.Popen[str]]) -> list[psutil.Process]:
    """Processes and everything below them, as far as they are alive."""
    found = []
    for process in processes:
        with suppress(psutil.Error):
            one = psutil.Process(process.pid)
            found += [one, *one.children(recursive=True)]
    return found


def cpu_s(processes: Iterable[subprocess.Popen[str]]) -> float:
    """Seconds of processor time that processes and their children have used, ended children included."""
    total = 0.0
    for one in family(processes):
        with suppress(psutil.Error):
            used = one.cpu_times()
            total += used.user + used.system + used.children_user + used.children_system
    return total


def busy_s() -> float:
    """Seconds of processor time that the whole machine has used."""
    used = psutil.cpu_times()
    return sum(used) - used.idle - used.iowait - used.guest - used.guest_nice


def peak_bytes(processes: Iterable[subprocess.Popen[str]]) -> int:
    """The most memory that processes and their children have had in use, each at its time."""
    return sum(peak_of(one.pid) for one in family(processes))


def last_words(log: Path) -> str:
    """The end of a log."""
    return log.read_text(errors="replace")[-_LAST_WORDS:] if log.exists() else ""
