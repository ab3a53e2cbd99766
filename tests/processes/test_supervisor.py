"""Workers are kept running, told to end, and ended; nothing outlives the supervisor, and secrets leave no trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from maze_tasks.errors import ServiceUnavailable
from maze_tasks.restarts import RestartPolicy
from maze_tasks.supervisor import Supervisor, WorkerSpec

pytestmark = pytest.mark.integration
Until = Callable[[Callable[[], Any]], Any]

PATIENT = RestartPolicy(quick_death_s=0.0, first_delay_s=0.01, longest_delay_s=0.01)
STRICT = RestartPolicy(quick_death_s=60.0, give_up_after=3, first_delay_s=0.01, longest_delay_s=0.01)
OBEDIENT = "exec sleep 60"
DEAF = "trap '' TERM QUIT; echo ready; while :; do sleep 0.05; done"
FINISHING = "trap 'echo finished; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
COLD = "trap '' TERM; trap 'echo dropped; exit 1' QUIT; echo ready; while :; do sleep 0.05; done"


class Workers:
    """A supervisor of shell scripts, with all that it says and they write."""

    def __init__(self, folder: Path, script: str, models: tuple[str, ...] = ("a",), **options: Any) -> None:
        self.log = folder / "worker.log"
        self.told: list[str] = []
        options.setdefault("policy", PATIENT)
        options.setdefault("env", dict(os.environ))
        self.supervisor = Supervisor(
            [WorkerSpec(model, f"fill.{model}", 1) for model in models],
            command=lambda spec: ["sh", "-c", script, "sh", spec.queue],
            log=self.log,
            tell=self.told.append,
            **options,
        )

    @property
    def output(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    @property
    def pids(self) -> dict[str, int]:
        return self.supervisor.pids


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Workers]]:
    """Start the supervisor of a script; killed at the end, if it still runs."""
    started: list[Workers] = []

    def start(script: str, *models: str, **options: Any) -> Workers:
        started.append(Workers(tmp_path, script, models or ("a",), **options))
        started[-1].supervisor.start()
        return started[-1]

    yield start
    for workers in started:
        workers.supervisor.stop(0)
        assert workers.pids == {}


def gone(pids: dict[str, int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in pids.values())


def test_there_is_one_worker_for_each_model_until_all_are_stopped(run: Any, wait_until: Until) -> None:
    workers = run(OBEDIENT, "a", "b")
    pids = wait_until(lambda: len(workers.pids) == 2 and workers.pids)
    assert not workers.supervisor.wait(0)
    workers.supervisor.stop()
    assert workers.supervisor.wait(0)
    assert gone(pids)
    workers.supervisor.check()
    assert workers.told == []


def test_as_a_context_it_runs_for_the_block(tmp_path: Path, wait_until: Until) -> None:
    workers = Workers(tmp_path, OBEDIENT)
    with workers.supervisor:
        pids = wait_until(lambda: workers.pids)
    assert gone(pids)


def test_each_worker_has_the_command_of_its_spec(run: Any, wait_until: Until) -> None:
    workers = run("echo $1; exec sleep 60", "a", "b")
    assert wait_until(lambda: sorted(workers.output.split()) == ["fill.a", "fill.b"])


@pytest.mark.parametrize(
    ("end", "how"),
    [
        ("exit 0", "ended with exit code 0"),
        ("exit 3", "ended with exit code 3"),
        ("kill -9 $$", "was killed by SIGKILL"),
    ],
)
def test_a_worker_that_dies_is_started_again_and_it_is_said_why(
    run: Any, wait_until: Until, tmp_path: Path, end: str, how: str
) -> None:
    workers = run(f"if [ -e {tmp_path}/once ]; then exec sleep 60; fi; touch {tmp_path}/once; {end}")
    wait_until(lambda: workers.told and workers.pids)
    assert workers.told == [f"worker a {how}; it is started again in 0.01 s"]


def test_the_death_of_one_worker_does_not_touch_another(run: Any, wait_until: Until) -> None:
    workers = run(OBEDIENT, "a", "b")
    before = wait_until(lambda: len(workers.pids) == 2 and workers.pids)
    os.kill(before["a"], signal.SIGKILL)
    wait_until(lambda: workers.pids.get("a", before["a"]) != before["a"])
    assert workers.pids["b"] == before["b"]


def test_a_worker_that_dies_at_every_start_ends_all_with_an_error_that_shows_its_last_words(
    run: Any, wait_until: Until
) -> None:
    workers = run('[ "$1" = fill.b ] && exec sleep 60; echo cannot read the thing; exit 4', "a", "b", policy=STRICT)
    assert workers.supervisor.wait(30)
    with pytest.raises(ServiceUnavailable) as caught:
        workers.supervisor.check()
    said = str(caught.value)
    assert "the worker of a: it ended with exit code 4, 3 times in a row right after its start" in said
    assert said.endswith("cannot read the thing")
    assert workers.pids == {}
    assert len(workers.told) == 2


def test_what_dies_once_it_was_ready_is_started_again_for_ever(run: Any, wait_until: Until) -> None:
    dies = '[ "$1" = fill.b ] && exec sleep 60; echo . > /dev/fd/$MAZE_READY_FD; kill -9 $$'
    workers = run(dies, "a", "b", policy=STRICT)
    other = wait_until(lambda: workers.pids.get("b"))
    wait_until(lambda: len(workers.told) > 3 * STRICT.give_up_after)
    assert workers.pids["b"] == other
    workers.supervisor.check()


def test_a_worker_has_no_pipe_of_somebody_else_to_say_that_it_is_ready(run: Any, wait_until: Until) -> None:
    workers = run("echo $MAZE_READY_FD.; exec sleep 60", env={**os.environ, "MAZE_READY_FD": "987654"})
    wait_until(lambda: ".\n" in workers.output)
    assert "987654" not in workers.output


def test_a_command_that_does_not_exist_is_given_up_too(tmp_path: Path) -> None:
    told: list[str] = []
    with Supervisor(
        [WorkerSpec("a", "q", 1)], command=lambda _: ["/nowhere/x"], env={}, policy=STRICT, tell=told.append,
        log=tmp_path / "log",
    ) as supervisor:  # fmt: skip
        assert supervisor.wait(30)
        with pytest.raises(ServiceUnavailable, match="no such program"):
            supervisor.check()


def test_a_log_that_cannot_be_written_is_given_up_too(tmp_path: Path) -> None:
    with Supervisor(
        [WorkerSpec("a", "q", 1)], command=lambda _: ["true"], env={}, policy=STRICT, tell=lambda _: None, log=tmp_path
    ) as supervisor:
        assert supervisor.wait(30)
        with pytest.raises(ServiceUnavailable, match="could not be started: Is a directory"):
            supervisor.check()


def test_stopping_lets_a_worker_finish_what_it_does(run: Any, wait_until: Until) -> None:
    workers = run(FINISHING)
    wait_until(lambda: "ready" in workers.output)
    workers.supervisor.stop(30)
    assert "finished" in workers.output
    assert workers.told == []


def test_a_worker_that_does_not_end_in_time_is_asked_to_drop_its_calls(run: Any, wait_until: Until) -> None:
    workers = run(COLD)
    wait_until(lambda: "ready" in workers.output)
    workers.supervisor.stop(0.05)
    assert "dropped" in workers.output
    assert workers.told == ["still running: a; cut off"]


def test_asking_harder_goes_on_to_the_next_way_at_once(run: Any, wait_until: Until) -> None:
    workers = run(DEAF)
    pids = wait_until(lambda: "ready" in workers.output and workers.pids)
    workers.supervisor.request_stop(600)
    workers.supervisor.request_harder()
    workers.supervisor.request_harder()
    assert workers.supervisor.wait(30)
    assert gone(pids)


def test_a_second_wish_to_stop_does_not_shorten_or_prolong_the_first(run: Any, wait_until: Until) -> None:
    workers = run(FINISHING.replace("echo finished", "sleep 0.2; echo finished"))
    wait_until(lambda: "ready" in workers.output)
    workers.supervisor.request_stop(30)
    workers.supervisor.request_stop(0.001)
    assert workers.supervisor.wait(30)
    assert "finished" in workers.output


def test_without_grace_workers_are_killed(run: Any, wait_until: Until) -> None:
    workers = run(DEAF)
    pids = wait_until(lambda: "ready" in workers.output and workers.pids)
    workers.supervisor.stop(0)
    assert gone(pids)


def test_a_worker_that_waits_for_its_restart_is_not_restarted_once_stopped(run: Any, wait_until: Until) -> None:
    workers = run("exit 1", policy=RestartPolicy(quick_death_s=0, first_delay_s=3600, longest_delay_s=3600))
    wait_until(lambda: workers.told)
    workers.supervisor.stop()


def test_what_a_dead_worker_left_behind_ends_too(run: Any, wait_until: Until) -> None:
    workers = run("sleep 60 & echo child $!; exec sleep 60")
    child = int(wait_until(lambda: workers.output).split()[1])
    os.kill(workers.pids["a"], signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{child}").exists() or is_zombie(child))


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


SECRET = b'{"keys": {"a": "sk-of-this-test"}}'


def test_secrets_are_read_once_from_a_pipe_and_stand_nowhere_else(run: Any, wait_until: Until) -> None:
    workers = run("cat /dev/fd/$MAZE_SECRETS_FD; echo; echo read; exec sleep 60", secrets=SECRET)
    wait_until(lambda: "read" in workers.output)
    assert workers.output.startswith(SECRET.decode())
    process = Path(f"/proc/{workers.pids['a']}")
    for file in ("environ", "cmdline"):
        assert b"sk-of-this-test" not in (process / file).read_bytes()


def test_a_worker_that_is_started_again_is_handed_the_secrets_again(run: Any, wait_until: Until) -> None:
    workers = run("cat /dev/fd/$MAZE_SECRETS_FD; echo; exit 1", secrets=SECRET)
    wait_until(lambda: workers.output.count(SECRET.decode()) > 1)


def test_secrets_may_be_larger_than_a_pipe_and_need_not_be_read(run: Any, wait_until: Until) -> None:
    workers = run("cat /dev/fd/$MAZE_SECRETS_FD | wc -c; exec sleep 60", secrets=b"x" * 300_000)
    wait_until(lambda: "300000" in workers.output)
    workers = run("echo unread; exit 0", secrets=b"x" * 300_000)
    wait_until(lambda: workers.told)


def test_without_secrets_a_worker_has_no_pipe_of_somebody_else(run: Any, wait_until: Until) -> None:
    workers = run("echo fd=$MAZE_SECRETS_FD.; exec sleep 60", env={**os.environ, "MAZE_SECRETS_FD": "7"})
    wait_until(lambda: "fd=.\n" in workers.output)


OWNER = """
import os, sys
from maze_tasks.supervisor import Supervisor, WorkerSpec
script = "echo $$ >&2; exec sleep 60"
with Supervisor([WorkerSpec("a", "q", 1)], command=lambda _: ["sh", "-c", script], env=os.environ):
    sys.stdin.readline()
"""


@contextmanager
def owner() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process with a supervisor, and the process id of its worker."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr is not None
        try:
            yield process, int(process.stderr.readline())
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_workers_end_with_the_process_of_their_supervisor_however_it_ends(number: int, wait_until: Until) -> None:
    with owner() as (process, worker):
        process.send_signal(number)
        wait_until(lambda: is_zombie(worker))


def test_an_interrupt_at_the_terminal_does_not_reach_the_workers() -> None:
    with owner() as (process, worker):
        assert os.getpgid(worker) != os.getpgid(process.pid)
        assert os.getsid(worker) == worker


def test_the_output_of_workers_goes_to_stderr_where_no_log_is_named() -> None:
    with owner() as (process, worker):
        assert Path(f"/proc/{worker}/fd/1").readlink() == Path(f"/proc/{process.pid}/fd/2").readlink()
