"""`maze worker` as a process: what it refuses, which workers it starts, and how it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads /proc")]
Until = Callable[[Callable[[], Any]], Any]

ENDPOINTS = """
[[endpoints]]
name = "fast-8b"
endpoint_url = "http://localhost:1/v1"
max_concurrency = 4

[[endpoints]]
name = "large,slow"
endpoint_url = "http://localhost:2/v1"
api_key_env = "LARGE_KEY"
"""
NOBODY = 'redis_url = "redis://127.0.0.1:1/0"\n'  # Celery waits for a broker that is away
MAZE = [sys.executable, "-c", "from maze_tasks.cli import main; main()", "worker"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("MAZE_CONFIG", "MAZE_REDIS_URL", "MAZE_BROKER_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LARGE_KEY", "sk-large")
    (tmp_path / "maze.toml").write_text(NOBODY + ENDPOINTS)
    return tmp_path


def refused(folder: Path, *arguments: str) -> str:
    ended = subprocess.run([*MAZE, *arguments], check=False, capture_output=True, text=True, cwd=folder)
    assert (ended.returncode, ended.stdout) == (2, "")
    return ended.stderr


def test_an_embedded_project_is_refused_with_the_reason(folder: Path) -> None:
    (folder / "maze.toml").write_text(ENDPOINTS)
    said = refused(folder)
    assert f"{folder / 'maze.toml'}: redis_url: " in said
    assert "`maze refine` starts workers of its own" in said


def test_an_unknown_model_is_refused_with_the_name_that_was_meant(folder: Path) -> None:
    assert "no endpoint is named 'fats-8b'; did you mean 'fast-8b'?" in refused(folder, "--models", "fast-8b,fats-8b")
    assert "no endpoint is named ''" in refused(folder, "--models", "fast-8b,")


def test_a_key_that_is_not_set_is_refused_where_its_model_is_served(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LARGE_KEY")
    assert "LARGE_KEY is not set" in refused(folder)


@contextmanager
def working(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    log = folder / "stderr"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [*MAZE, *arguments], stdout=subprocess.PIPE, stderr=stderr, text=True, cwd=folder, start_new_session=True
        )
    with process:
        try:
            yield process
        finally:
            process.kill()


def workers_of(parent: int) -> dict[int, list[str]]:
    """Command lines of the Celery processes that a supervisor started."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found[int(stat.parent.name)] = (stat.parent / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
    return {pid: line for pid, line in found.items() if "workers.app" in line and "--parent" not in line}


def option(line: list[str], name: str) -> str:
    return line[line.index(name, line.index("worker")) + 1]


def test_each_model_has_a_worker_with_its_share_and_a_configuration_from_anywhere(
    folder: Path, wait_until: Until
) -> None:
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    with working(elsewhere, "--config", "../maze.toml", "--concurrency", "9", "--events") as process:
        workers = wait_until(lambda: len(found := workers_of(process.pid)) == 2 and found)
        shares = {option(line, "-Q"): option(line, "-c") for line in workers.values()}
        assert shares == {"fill.fast-8b": "3", "fill.large%2Cslow": "6"}
        for pid, line in workers.items():
            assert "-E" in line
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            (config,) = [entry for entry in environment if entry.startswith(b"MAZE_CONFIG=")]
            path = Path(config.decode().partition("=")[2])
            assert path.is_absolute()
            assert path.samefile(folder / "maze.toml")
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


def connects(folder: Path) -> bool:
    """Whether Celery has begun to look for its broker: from then on it knows its signals."""
    return "Cannot connect to redis" in (folder / "stderr").read_text()


@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        ([signal.SIGTERM], 0),
        ([signal.SIGINT, signal.SIGINT, signal.SIGINT], 130),
    ],
)
def test_signals_end_it_and_its_workers(
    folder: Path, wait_until: Until, numbers: list[signal.Signals], code: int
) -> None:
    with working(folder, "--models", "fast-8b") as process:
        workers = wait_until(lambda: workers_of(process.pid))
        assert len(workers) == 1
        wait_until(lambda: connects(folder))
        for number in numbers:
            process.send_signal(number)
            wait_until(lambda: "waiting up to 315 s for running calls" in (folder / "stderr").read_text())
        assert process.wait(60) == code
        assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_two_signals_at_once_are_not_lost(folder: Path, wait_until: Until) -> None:
    with working(folder, "--models", "fast-8b") as process:
        wait_until(lambda: connects(folder))
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) in (0, 130)


def test_a_name_with_a_comma_is_one_name(folder: Path, wait_until: Until) -> None:
    with working(folder, "--models", "large,slow") as process:
        (line,) = wait_until(lambda: workers_of(process.pid)).values()
        assert option(line, "-Q") == "fill.large%2Cslow"
        assert option(line, "-c") == "8"


VERIFYING = '\nverify_sandbox = "none"\n' + ENDPOINTS + '\n[verify.unit]\ncommand = "no-such-program"\n'


def test_a_worker_that_could_verify_nothing_is_refused_with_what_is_missing(folder: Path) -> None:
    (folder / "maze.toml").write_text(NOBODY + VERIFYING)
    said = refused(folder)
    assert "verify.unit.command: no-such-program: no such program" in said
    assert "--verifiers 0" in said


def test_celerys_own_worker_of_the_verifiers_queue_is_refused_too(folder: Path) -> None:
    (folder / "maze.toml").write_text(NOBODY + VERIFYING)
    celery = [sys.executable, "-m", "celery", "-A", "workers.app", "worker", "-Q", "verify", "-P", "solo"]
    ended = subprocess.run(celery, check=False, capture_output=True, text=True, cwd=folder)
    assert ended.returncode == 2
    assert "error: verify.unit.command: no-such-program: no such program" in ended.stderr
    assert "Traceback" not in ended.stderr
