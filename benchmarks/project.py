"""A folder with a project: simulated endpoints, a configuration, and the `maze` command as a user calls it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maze_tasks.models import ModelEndpoint
from maze_tasks.simulate.server import SimulatedServer
from maze_tasks.simulate.settings import SimulatedEndpoint

ROOT = Path(__file__).resolve().parents[1]
MAZE = (sys.executable, "-m", "maze_tasks.cli")
ANYWHERE = "http://127.0.0.1/v1"  # until the simulator has a port
DEADLINE_S = 7200.0
PASSABLE = 0o711  # the user that verification runs as must be able to pass


@dataclass(frozen=True)
class Model:
    """One simulated endpoint.

    Args:
        name: of the endpoint; the rows of answers name it in ``model``.
        input_usd, output_usd: price of a thousand tokens.
        behaviour: settings of its simulation besides.
        settings: of the endpoint besides.
    """

    name: str
    input_usd: float
    output_usd: float
    behaviour: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def endpoint(self, place: int) -> ModelEndpoint:
        """The endpoint, asked as the `place`-th of all."""
        return ModelEndpoint(
            name=self.name,
            endpoint_url=ANYWHERE,
            model=self.name,
            priority=place,
            input_cost_per_1k_tokens=self.input_usd,
            output_cost_per_1k_tokens=self.output_usd,
            **self.settings,
        )

    def simulation(self) -> SimulatedEndpoint:
        """How it is simulated: it answers with its rows of ``answers.jsonl``, and has nothing else to say."""
        said = {"answers": "answers.jsonl", "where": {"model": self.name}, "missing": "404", "latency": 0}
        return SimulatedEndpoint.model_validate(said | dict(self.behaviour))


class Requests(io.StringIO):
    """What the simulator logs: a line of JSON for each request."""

    def entries(self) -> list[dict[str, Any]]:
        """The requests so far, in the order in which they ended."""
        return [json.loads(line) for line in self.getvalue().splitlines()]


@dataclass
class Project:
    """What `opened` yields.

    Args:
        folder: with the configuration; commands run in it.
        log: the simulator's.
    """

    folder: Path
    log: Requests = field(default_factory=Requests)

    def start(self, *arguments: str | Path | int, **streams: Any) -> subprocess.Popen[str]:
        """`maze ARGUMENTS`, not waited for."""
        known = {name: value for name, value in os.environ.items() if not name.startswith("MAZE_")}
        env = known | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
        return subprocess.Popen(
            [*MAZE, *map(str, arguments)], cwd=self.folder, env=env, stdin=subprocess.DEVNULL, text=True, **streams
        )

    def maze(self, *arguments: str | Path | int, codes: Sequence[int] = (0,)) -> str:
        """What `maze ARGUMENTS` prints.

        Raises:
            SystemExit: it ended with another exit code than one of `codes`, or not at all.
        """
        process = self.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = process.communicate(timeout=DEADLINE_S)
        if process.returncode not in codes:
            raise SystemExit(f"maze {' '.join(map(str, arguments))}: exit code {process.returncode}\n{err}")
        return out

    def lines(self, *arguments: str | Path | int, codes: Sequence[int] = (0,)) -> list[dict[str, Any]]:
        """The lines of JSON that `maze ARGUMENTS` prints."""
        return [json.loads(line) for line in self.maze(*arguments, codes=codes).splitlines()]

    def write(self, name: str, rows: Sequence[Mapping[str, Any]]) -> Path:
        """A file of JSON lines."""
        path = self.folder / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path


@contextmanager
def opened(
    folder: Path, models: Sequence[Model], answers: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]
) -> Iterator[Project]:
    """A project while its endpoints are simulated.

    Args:
        folder: exists; the configuration and the answers are written into it.
        models: the ensemble, in the order in which it is to be asked.
        answers: rows for the simulated endpoints: ``hole_id, model, code``, and ``imports`` and ``sample`` if any.
        settings: of the configuration, besides the endpoints.
    """
    project = Project(folder)
    nothing = [
        {"hole_id": "none", "model": model.name, "code": "pass"} for model in models
    ]  # no model is without a row
    project.write("answers.jsonl", [*answers, *nothing])
    endpoints = [model.endpoint(place) for place, model in enumerate(models)]
    simulated = {model.name: model.simulation() for model in models}
    with SimulatedServer(endpoints, simulated, folder=folder, log=project.log) as server:
        (folder / "maze.toml").write_text(_configuration(server.endpoints, settings), encoding="utf-8")
        yield project


@contextmanager
def workplace(kept: Path | None = None) -> Iterator[Path]:
    """A folder of one's own for the time of the block; `kept` stays, and must not be there yet."""
    if kept is not None:
        kept.mkdir(parents=True)
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="maze-bench-") as name:
        folder = Path(name)
        folder.chmod(PASSABLE)
        yield folder


def _configuration(endpoints: Sequence[ModelEndpoint], settings: Mapping[str, Any]) -> str:
    text = "".join(f"{key} = {_toml(value)}\n" for key, value in settings.items())
    for one in endpoints:
        dumped = one.model_dump(mode="json", exclude_defaults=True)
        text += "\n[[endpoints]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in dumped.items())
    return text


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)
