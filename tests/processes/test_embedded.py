"""The private server of an embedded project: who starts it, who shares it, and that nothing outlives its users."""

from __future__ import annotations

import os
import shutil
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from kombu import Connection

from maze_tasks.embedded import join

pytestmark = [pytest.mark.integration, pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads /proc")]
Until = Callable[[Callable[[], Any]], Any]


def put(url: str, key: str, value: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.set(key, value)


def got(url: str, key: str) -> str | None:
    """The value, or None while the server is away."""
    try:
        with redis.Redis.from_url(url, decode_responses=True) as client:
            value: str | None = client.get(key)
            return value
    except redis.RedisError:
        return None


def test_the_first_to_join_starts_a_server_and_the_last_to_leave_leaves_nothing_running(project: Any) -> None:
    with join(project.state_dir) as server:
        assert server.fresh
        assert server.pid == project.keeper
        put(server.redis_url, "a", "1")
        assert got(server.redis_url, "a") == "1"
    assert project.left_over() == []


def test_the_broker_has_a_database_of_its_own(project: Any) -> None:
    with join(project.state_dir) as server:
        with Connection(server.broker_url) as broker:
            broker.SimpleQueue("q").put({"n": 1})
        with redis.Redis.from_url(server.redis_url) as client:
            assert client.info("keyspace").keys() == {"db1"}


def test_only_its_owner_reaches_it_and_nothing_is_evicted_or_written_carelessly(project: Any) -> None:
    with join(project.state_dir) as server, redis.Redis.from_url(server.redis_url, decode_responses=True) as client:
        wanted = {"port": "0", "appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}
        assert {name: client.config_get(name)[name] for name in wanted} == wanted
        (folder,) = project.sockets.iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(project.state_dir.stat().st_mode) == 0o700


def test_the_keeper_and_its_server_do_not_hold_the_environment_of_the_command(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAST_API_KEY", "sk-in-the-environment")
    with join(project.state_dir):
        for pid in (project.keeper, project.redis):
            assert b"sk-in-the-environment" not in Path(f"/proc/{pid}/environ").read_bytes()


def test_data_outlasts_the_server(project: Any) -> None:
    for expected in (None, "1", "2"):
        with join(project.state_dir) as server:
            assert got(server.redis_url, "count") == expected
            put(server.redis_url, "count", str(int(expected or 0) + 1))


def test_half_a_command_at_the_end_of_the_data_is_cut_off(project: Any) -> None:
    with join(project.state_dir) as server:
        put(server.redis_url, "a", "1")
    with (project.state_dir / "data" / "appendonly.aof").open("ab") as data:
        data.write(b"*3\r\n$3\r\nSET\r\n$1\r\na")
    with join(project.state_dir) as server:
        assert got(server.redis_url, "a") == "1"


def test_who_joins_later_shares_the_server_and_keeps_it_when_the_first_leaves(project: Any) -> None:
    first = project.user().joined()
    second = project.user().joined()
    assert first.server["fresh"]
    assert second.server == {**first.server, "fresh": False}
    assert first.go() == 0
    put(second.server["redis_url"], "a", "1")
    assert second.go() == 0
    assert project.left_over() == []


def test_one_process_may_join_twice(project: Any) -> None:
    with join(project.state_dir) as outer:
        with join(project.state_dir) as inner:
            assert (inner.redis_url, inner.fresh) == (outer.redis_url, False)
        put(outer.redis_url, "a", "1")
    assert project.left_over() == []


def test_five_that_join_at_once_share_one_server_and_one_of_them_started_it(project: Any) -> None:
    users = [project.user() for _ in range(5)]
    servers = [user.joined().server for user in users]
    assert {server["pid"] for server in servers} == {project.keeper}
    assert {server["redis_url"] for server in servers} == {servers[0]["redis_url"]}
    assert sum(server["fresh"] for server in servers) == 1
    assert [user.go() for user in users] == [0] * 5
    assert project.left_over() == []


def test_joining_again_and_again_while_others_leave_always_gives_a_server_that_works(project: Any) -> None:
    doing = "import redis; redis.Redis.from_url(server.redis_url).incr('joined'); sys.exit()"
    for _ in range(3):
        for user in [project.user(doing) for _ in range(3)]:
            assert user.joined().process.wait() == 0
    with join(project.state_dir) as server:
        assert got(server.redis_url, "joined") == "9"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_command_that_is_ended_by_a_signal_leaves_nothing_running(
    project: Any, wait_until: Until, number: signal.Signals
) -> None:
    user = project.user().joined()
    put(user.server["redis_url"], "a", "1")
    user.signal(number)
    wait_until(lambda: not project.left_over())
    with join(project.state_dir) as server:
        assert server.fresh
        assert got(server.redis_url, "a") == "1"


def test_the_kill_of_one_user_does_not_disturb_another(project: Any) -> None:
    first, second = project.user().joined(), project.user().joined()
    first.signal(signal.SIGKILL)
    put(second.server["redis_url"], "a", "1")
    assert second.go() == 0
    assert project.left_over() == []


def test_a_server_that_is_killed_comes_back_at_the_same_place_with_its_data(project: Any, wait_until: Until) -> None:
    with join(project.state_dir) as server:
        put(server.redis_url, "a", "1")
        os.kill(project.redis, signal.SIGKILL)
        assert wait_until(lambda: got(server.redis_url, "a")) == "1"
    assert project.left_over() == []


def test_a_keeper_that_is_killed_takes_its_server_along_and_both_come_back(project: Any, wait_until: Until) -> None:
    with join(project.state_dir) as server:
        put(server.redis_url, "a", "1")
        before = project.redis
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: not Path(f"/proc/{before}").exists())
        assert wait_until(lambda: got(server.redis_url, "a")) == "1"
        with join(project.state_dir) as again:
            assert (again.redis_url, again.fresh) == (server.redis_url, False)
            assert again.pid != server.pid
    assert project.left_over() == []


def test_a_keeper_that_is_asked_to_end_saves_the_data_first(project: Any, wait_until: Until) -> None:
    user = project.user().joined()
    put(user.server["redis_url"], "a", "1")
    os.kill(user.process.pid, signal.SIGSTOP)  # or it would start another keeper
    os.kill(project.keeper, signal.SIGTERM)
    wait_until(lambda: not project.left_over())
    user.signal(signal.SIGKILL)
    with join(project.state_dir) as server:
        assert got(server.redis_url, "a") == "1"


def test_after_the_kill_of_all_the_next_command_finds_the_data_and_is_told_that_work_was_interrupted(
    project: Any, wait_until: Until
) -> None:
    user = project.user().joined()
    put(user.server["redis_url"], "a", "1")
    os.kill(user.process.pid, signal.SIGSTOP)
    os.kill(project.keeper, signal.SIGKILL)
    user.signal(signal.SIGKILL)
    wait_until(lambda: not project.processes())
    assert len(list(project.sockets.iterdir())) == 1
    with join(project.state_dir) as server:
        assert server.fresh
        assert got(server.redis_url, "a") == "1"
    assert project.left_over() == []


STARTED = "import subprocess; child = subprocess.Popen(['sleep', '60'], close_fds=False).pid"
FORKED = "child = os.fork(); child or (signal.pause(), os._exit(0))"


def test_a_fork_that_leaves_does_not_take_the_server_from_its_parent(project: Any) -> None:
    user = project.user("os.fork() or sys.exit(); os.wait(); print('waited', flush=True)").joined()
    assert user.process.stdout.readline() == "waited\n"
    put(user.server["redis_url"], "a", "1")
    assert project.keeper == user.server["pid"]
    assert user.go() == 0
    assert project.left_over() == []


@pytest.mark.parametrize("having", [STARTED, FORKED])
def test_children_of_a_command_do_not_keep_the_server_running(project: Any, having: str) -> None:
    user = project.user(f"{having}; print(child, flush=True)").joined()
    child = int(user.process.stdout.readline())
    project.strangers.add(child)
    user.process.stdin.write("\n")
    user.process.stdin.flush()
    try:
        assert user.process.wait() == 0
        assert project.left_over() == []
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_command_that_is_killed_while_its_server_starts_leaves_nothing_running(
    project: Any, wait_until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = project.folder / "redis-server"
    slow.write_text(f"#!/bin/sh\ntouch {project.folder}/called\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("MAZE_REDIS_SERVER", str(slow))
    user = project.user()
    wait_until((project.folder / "called").exists)
    user.signal(signal.SIGKILL)
    wait_until(lambda: not project.left_over())


def test_the_copy_of_a_project_has_a_server_of_its_own(project: Any) -> None:
    with join(project.state_dir) as server:
        put(server.redis_url, "a", "1")
        copy = project.folder / "copy"
        shutil.copytree(project.state_dir, copy)
        with join(copy) as other:
            assert other.fresh
            assert other.redis_url != server.redis_url
            put(other.redis_url, "a", "2")
        assert got(server.redis_url, "a") == "1"


def test_a_project_that_is_removed_while_it_is_used_is_left_in_peace(project: Any, wait_until: Until) -> None:
    with join(project.state_dir):
        shutil.rmtree(project.state_dir)
    wait_until(lambda: not project.left_over())
    with join(project.state_dir) as server:
        assert server.fresh


def test_the_folder_is_not_for_version_control(project: Any) -> None:
    with join(project.state_dir):
        assert (project.state_dir / ".gitignore").read_text() == "*\n"
