"""A child on a leash does not outlive its parent, and is otherwise the command as it would run without one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import pytest

from maze_tasks.tether import DEFAULT_LEASH, spawn

pytestmark = [pytest.mark.integration, pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads /proc")]
Until = Callable[[Callable[[], Any]], Any]
LEASHES = [pytest.param(leash, marks=[pytest.mark.skipif(leash == "signal" != DEFAULT_LEASH, reason="Linux only")])
           for leash in ("signal", "pipe")]  # fmt: skip

PARENT = """
import signal, sys
from maze_tasks.tether import spawn
child = spawn(["sleep", "60"], leash=sys.argv[1], stdout=-3)
print(child.pid, flush=True)
signal.pause()
"""


def runs(pid: int) -> bool:
    """Whether a process lives; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def processes_with(argument: str) -> list[int]:
    """Processes, watchers too, that were started with this argument."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if argument.encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


@pytest.mark.parametrize("leash", LEASHES)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_child_of_a_parent_that_is_killed_ends(leash: str, number: signal.Signals, wait_until: Until) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, leash], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert runs(child)
        parent.send_signal(number)
    wait_until(lambda: not runs(child))


@pytest.mark.parametrize("leash", LEASHES)
def test_the_command_keeps_its_process_id_arguments_environment_and_descriptors(
    leash: Literal["signal", "pipe"],
) -> None:
    readable, writable = os.pipe()
    script = (
        f"import os, sys; os.write({writable}, f'{{os.getpid()}} {{sys.argv[1]}} {{os.environ}}'.encode()); exit(3)"
    )
    with spawn([sys.executable, "-c", script, "a b"], {"NAME": "x"}, leash=leash, pass_fds=(writable,)) as child:
        os.close(writable)
        with os.fdopen(readable) as said:
            assert said.read().startswith(f"{child.pid} a b environ({{'NAME': 'x'")
    assert child.returncode == 3


@pytest.mark.parametrize("leash", LEASHES)
def test_a_signal_ends_the_command_itself_and_nothing_of_the_leash_stays(
    leash: Literal["signal", "pipe"], wait_until: Until
) -> None:
    before = open_files()
    seconds = f"60.{os.getpid()}"  # tells it from the children of other tests
    child = spawn(["sleep", seconds], leash=leash)
    with child:
        line = Path(f"/proc/{child.pid}/cmdline")
        wait_until(lambda: line.read_bytes() == f"sleep\0{seconds}\0".encode())
        assert len(processes_with(seconds)) == (1 if leash == "signal" else 2)
        child.send_signal(signal.SIGTERM)
        assert child.wait() == -signal.SIGTERM
        wait_until(lambda: not processes_with(seconds))
    del child
    assert open_files() == before


@pytest.mark.parametrize("leash", LEASHES)
def test_the_end_of_the_output_is_seen_when_the_command_ends(leash: Literal["signal", "pipe"]) -> None:
    with spawn(["echo", "said"], leash=leash, stdout=subprocess.PIPE) as child:
        assert child.communicate(timeout=30) == (b"said\n", None)


@pytest.mark.parametrize("leash", LEASHES)
def test_a_command_that_writes_to_a_closed_pipe_ends_as_usual(leash: Literal["signal", "pipe"]) -> None:
    with spawn(["sh", "-c", "while :; do echo x; done"], leash=leash, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.close()
        assert child.wait(30) == -signal.SIGPIPE


def test_a_parent_that_went_before_the_leash_was_fastened_is_noticed() -> None:
    tether = Path(sys.modules[spawn.__module__].__file__ or "")
    ended = subprocess.run(
        [sys.executable, str(tether), "--parent", "1", "--", "echo", "x"], check=False, capture_output=True
    )
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, b"")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--", "/nowhere/program"], 127, "/nowhere/program: no such program"),
        (["--", "/etc/passwd"], 126, "/etc/passwd: Permission denied"),
        (["echo"], 2, "usage: "),
        (["--"], 2, "usage: "),
        (["--", "echo", "ran"], 0, ""),
    ],
)
def test_by_hand(arguments: list[str], code: int, message: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "maze_tasks.tether", *arguments], check=False, capture_output=True, text=True
    )
    assert ended.returncode == code
    assert message in ended.stderr
    assert ended.stdout == ("ran\n" if code == 0 else "")


def open_files() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}
