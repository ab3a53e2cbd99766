"""What a command is told when its private server cannot be had: the reason, the end of the log, and what to do."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from maze_tasks.embedded import join
from maze_tasks.embedded_state import find_server
from maze_tasks.errors import ServiceUnavailable
from maze_tasks.flock import FileLock

pytestmark = pytest.mark.integration


def refusal(state_dir: Path, start_timeout_s: float = 10.0) -> str:
    with pytest.raises(ServiceUnavailable) as caught, join(state_dir, start_timeout_s=start_timeout_s):
        pass
    assert caught.value.exit_code == 3
    return str(caught.value)


def use_script(project: Any, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    script = project.folder / "redis-server"
    script.write_text(f"#!/bin/sh\n{text}\n")
    script.chmod(0o755)
    monkeypatch.setenv("MAZE_REDIS_SERVER", str(script))


def test_no_server_to_run(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAZE_REDIS_SERVER", "/nowhere/redis-server")
    said = refusal(project.state_dir)
    assert "MAZE_REDIS_SERVER=/nowhere/redis-server is not a program" in said
    assert "redis_url" in said


def test_the_bundled_server_is_taken_before_another_and_a_named_one_before_it(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = find_server()
    use_script(project, monkeypatch, "exit 0")
    assert find_server() == str(project.folder / "redis-server")
    monkeypatch.delenv("MAZE_REDIS_SERVER")
    monkeypatch.setenv("PATH", str(project.folder))
    assert find_server() == bundled
    monkeypatch.setattr("maze_tasks.embedded_state.find_spec", lambda _: None)
    assert find_server() == str(project.folder / "redis-server")


def test_a_server_that_ends_at_once_is_quoted(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    use_script(project, monkeypatch, "echo first; echo the reason why; exit 7")
    said = refusal(project.state_dir)
    assert "ended with exit code 7" in said
    assert said.endswith("redis.log ends with:\nfirst\nthe reason why")
    assert project.left_over() == []


def test_an_old_log_is_not_quoted_for_a_new_failure(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    use_script(project, monkeypatch, "echo of old; exit 7")
    refusal(project.state_dir)
    use_script(project, monkeypatch, "echo anew; exit 8")
    said = refusal(project.state_dir)
    assert "anew" in said
    assert "of old" not in said


def test_a_server_that_does_not_answer_in_time_is_ended(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    use_script(project, monkeypatch, "exec sleep 60")
    assert "did not answer within 0.2 s" in refusal(project.state_dir, start_timeout_s=0.2)
    assert project.left_over() == []


def test_data_that_is_damaged_in_its_midst(project: Any) -> None:
    (project.state_dir / "data").mkdir(parents=True)
    (project.state_dir / "data" / "appendonly.aof").write_bytes(b"no redis ever wrote this\r\n" * 3)
    said = refusal(project.state_dir)
    assert "redis-check-aof --fix" in said
    assert "Bad file format" in said
    assert project.left_over() == []


def test_data_of_a_newer_redis_is_not_hidden_by_an_empty_server(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.state_dir / "data" / "appendonlydir").mkdir(parents=True)
    use_script(project, monkeypatch, "echo Redis server v=6.2.14 sha=00000000:0")
    assert "written by Redis 7 or newer" in refusal(project.state_dir)


@pytest.mark.parametrize("in_the_way", [".maze", ".maze/data", ".maze/redis.log/x"])
def test_a_folder_that_cannot_be_used(project: Any, in_the_way: str) -> None:
    path = project.folder / in_the_way
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("in the way")
    said = refusal(project.state_dir)
    assert str(path.parent if in_the_way.endswith("x") else path) in said
    assert "redis_url" in said
    assert project.left_over() == []


def test_a_file_system_without_locks(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(_fd: int, _kind: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    assert "this one has no file locks" in refusal(project.state_dir)


def test_a_project_in_use_on_another_host(project: Any) -> None:
    project.state_dir.mkdir()
    with FileLock(project.state_dir / "keeper.lock") as keeper:
        assert keeper.take()
        found = (project.state_dir / "keeper.lock").stat()
        record = {"pid": 1, "socket": "/nowhere/s", "host": "elsewhere", "lock": [found.st_dev, found.st_ino]}
        (project.state_dir / "server.json").write_text(json.dumps(record))
        assert "in use on host elsewhere" in refusal(project.state_dir)


def test_a_keeper_that_hangs(project: Any) -> None:
    project.state_dir.mkdir()
    with FileLock(project.state_dir / "keeper.lock") as keeper:
        assert keeper.take()
        assert "did not answer within 0.1 s" in refusal(project.state_dir, start_timeout_s=0.1)


def test_a_lock_is_tried_for_as_long_as_asked(tmp_path: Path) -> None:
    with FileLock(tmp_path / "l") as holder, FileLock(tmp_path / "l") as other:
        assert holder.take(shared=True)
        assert other.take(shared=True)
        began = time.monotonic()
        assert not other.take(timeout_s=0.05)
        assert time.monotonic() - began >= 0.05
        holder.release()
        assert other.take()
