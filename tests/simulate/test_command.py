"""`maze simulate` as a process of its own."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from maze_tasks.cli import main

Ask = Callable[..., Any]

CONFIG = """
[[endpoints]]
name = "fast"
endpoint_url = "http://localhost:{port}/v1"
model = "fast-model"

[[endpoints]]
name = "deep"
endpoint_url = "https://deep.example.com/api"
model = "deep-model"
protocol = "ananke"

[simulate.fast]
latency = {{ kind = "uniform", low_ms = 1, high_ms = 2 }}
answers = "fills.jsonl"

[[simulate.fast.errors]]
kind = 429
every = 2
retry_after_s = 1.5
"""


def configured(folder: Path, port: int = 8001) -> Path:
    (folder / "fills.jsonl").write_text('{"hole_id": "h1", "code": "return 1"}\n')
    config = folder / "maze.toml"
    config.write_text(CONFIG.format(port=port))
    return config


@pytest.mark.integration
@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_told_to_end_and_leaves_its_counts(ask: Ask, tmp_path: Path, told: signal.Signals) -> None:
    config = configured(tmp_path)
    files = {name: tmp_path / f"{name}.json" for name in ("ready", "stats", "log")}
    command = ["simulate", str(config), "--free-ports", "--ready-file", str(files["ready"])]
    command += ["--stats", str(files["stats"]), "--log", str(files["log"])]
    program = [sys.executable, "-c", "from maze_tasks.cli import main; main()", *command]
    with subprocess.Popen(program, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "SIMULATED" in process.stderr.readline()
        ready = json.loads(files["ready"].read_text())
        assert ready["pid"] == process.pid
        assert list(ready["endpoints"]) == ["fast"]
        assert ask(ready["endpoints"]["fast"], key="run/h1/0/0/0").text == "return 1"
        assert ask(ready["endpoints"]["fast"], key="run/h2/0/0/0").headers["Retry-After"] == "2"
        process.send_signal(told)
        said = process.stderr.read()
    assert process.returncode == 0
    counts = json.loads(files["stats"].read_text())["endpoints"]["fast"]
    assert (counts["requests"], counts["answered"], counts["errors"]) == (2, 1, {"429": 1})
    assert len(files["log"].read_text().splitlines()) == 2
    assert "429 1" in said
    assert "fast" in said


def test_a_port_in_use_is_a_clear_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = CliRunner().invoke(main, ["simulate", str(configured(tmp_path, port))])
    assert ended.exit_code == 2
    assert f"port {port}" in ended.stderr


def test_files_that_cannot_be_read_or_written_are_clear_errors(tmp_path: Path) -> None:
    config = configured(tmp_path)
    log = CliRunner().invoke(main, ["simulate", str(config), "--free-ports", "--log", str(tmp_path / "no" / "log")])
    assert (log.exit_code, "cannot write" in log.stderr) == (2, True)
    ready = ["--ready-file", str(tmp_path / "no" / "ready")]
    unready = CliRunner().invoke(main, ["simulate", str(config), "--free-ports", *ready])
    assert (unready.exit_code, "cannot write" in unready.stderr) == (2, True)
    (tmp_path / "fills.jsonl").unlink()
    answers = CliRunner().invoke(main, ["simulate", str(config), "--free-ports"])
    assert (answers.exit_code, "simulate.fast.answers" in answers.stderr) == (2, True)


def test_endpoints_elsewhere_are_not_impersonated(tmp_path: Path) -> None:
    config = configured(tmp_path)
    config.write_text(config.read_text().split("[simulate.fast]")[0])
    ended = CliRunner().invoke(main, ["simulate", str(config)])
    assert (ended.exit_code, "deep" in ended.stderr) == (2, True)
