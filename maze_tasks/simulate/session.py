"""A simulator in the foreground: files, signals, and what people are told."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from maze_tasks.errors import Refused
from maze_tasks.simulate.settings import SimulatedEndpoint
from maze_tasks.simulate.simulator import Simulator

_COLUMNS = ("endpoint", "requests", "answered", "peak", "keys", "repeated", "tokens", "errors")


@dataclass(frozen=True, slots=True)
class Files:
    """Files that are written, each where it is named.

    Args:
        ready: process id and URLs as JSON, once everything listens.
        stats: the counts as JSON, at the end.
    """

    ready: Path | None = None
    stats: Path | None = None


def serve(simulator: Simulator, files: Files, tell: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        simulator: not started yet.
        files: what to write.
        tell: gets each line for people: where everything listens, and the counts at the end.

    Raises:
        Refused: if a port cannot be opened or a file not be written.
    """
    asyncio.run(_until_signal(simulator, files, tell))
    counts = simulator.stats()
    for line in table(counts):
        tell(line)
    if files.stats:
        write_json(files.stats, counts)


async def _until_signal(simulator: Simulator, files: Files, tell: Callable[[str], None]) -> None:
    told_to_end = asyncio.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(one, told_to_end.set)
    await simulator.start()
    try:
        if files.ready:
            write_json(files.ready, {"pid": os.getpid(), "endpoints": simulator.urls, "simulated": True})
        for line in banner(simulator):
            tell(line)
        await told_to_end.wait()
    finally:
        await simulator.stop()


def banner(simulator: Simulator) -> list[str]:
    """What listens where, in lines for people; the first says that it is simulated."""
    lines = ["SIMULATED endpoints: no model is called, answers are recorded or made up"]
    for endpoint in simulator.endpoints:
        facts = summary(simulator.settings(endpoint.name))
        lines.append(f"  {endpoint.name}: {endpoint.protocol} at {simulator.urls[endpoint.name]}; {facts}")
    return lines


def summary(settings: SimulatedEndpoint) -> str:
    """Latency, faults, limits and answers of an endpoint in one line for people."""
    figures = settings.latency.model_dump(exclude={"kind"}, exclude_defaults=True)
    parts = [" ".join([f"latency {settings.latency.kind}", *(f"{name}={value:g}" for name, value in figures.items())])]
    for fault in settings.errors:
        triggers = fault.model_dump(include={"rate", "every", "first"}, exclude_none=True)
        parts += [f"{fault.name} {name}={value:g}" for name, value in triggers.items()]
    named = {"requests_per_minute", "tokens_per_minute", "max_concurrency", "answers", "where"}
    parts += [f"{name}={value}" for name, value in settings.model_dump(include=named, exclude_defaults=True).items()]
    return ", ".join(parts)


def table(counts: Mapping[str, Any]) -> list[str]:
    """The counts in lines for people; ``peak`` is the most at a time, the errors come last."""
    rows: list[Sequence[str]] = [_COLUMNS]
    for name, one in counts["endpoints"].items():
        numbers = [one[column] for column in ("requests", "answered", "max_in_flight", "distinct_keys")]
        numbers += [one["repeated_keys"], sum(one["tokens"].values())]
        errors = ", ".join(f"{kind} {count}" for kind, count in one["errors"].items()) or "none"
        rows.append((name, *map(str, numbers), errors))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:-1], widths[1:-1]), row[-1]]) for row in rows]


def opened_log(path: Path) -> TextIO:
    """A log to append to, a line at a time so that it can be followed.

    Raises:
        Refused: if it cannot be opened.
    """
    try:
        return path.open("a", encoding="utf-8", buffering=1)
    except OSError as error:
        raise Refused(f"cannot write {path}: {error.strerror}") from error


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a file so that its reader sees all of it or nothing.

    Raises:
        Refused: if it cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise Refused(f"cannot write {path}: {error.strerror}") from error
