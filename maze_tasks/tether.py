"""Start a process that cannot outlive the one that started it, not even when that one is killed.

`spawn` starts the command through this very file, which fastens the leash and then becomes the command, so that the
process id is the command's own and signals reach it directly. There are two leashes:

``signal``  (Linux) the kernel kills the process when the *thread* that started it ends: spawn from a thread that
            lives as long as the process may.
``pipe``    (elsewhere) a watcher holds one end of a pipe whose other end only the parent has, and kills the process
            when that end closes. The `Popen` object holds it: keep the object.

A wrapper rather than ``preexec_fn``: running Python between fork and exec can deadlock where other threads run.
The file imports nothing of the project, for it is run by path, isolated (``-I -S``), in a few milliseconds. By hand::

    python -m maze_tasks.tether [--parent PID | --pipe FD] -- COMMAND...
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from subprocess import Popen
    from typing import Any, Literal

    Leash = Literal["signal", "pipe"]

PR_SET_PDEATHSIG = 1  # prctl(2)
NOT_FOUND, NOT_EXECUTABLE, BAD_USAGE = 127, 126, 2  # exit codes, as a shell gives them
DEFAULT_LEASH: Leash = "signal" if sys.platform == "linux" else "pipe"


def spawn(
    command: Sequence[str], env: Mapping[str, str] | None = None, *, leash: Leash = DEFAULT_LEASH, **popen: Any
) -> Popen[bytes]:
    """Start a command that dies with this process (and with the calling thread).

    A command that cannot be started shows as exit code 127 (not found) or 126, with the reason on its stderr.

    Args:
        command: program and arguments.
        env: its environment; this process's where None.
        leash: how it is held; see above.
        popen: further arguments of `subprocess.Popen`.

    Raises:
        OSError: no process or pipe could be made.
    """
    from subprocess import Popen
    from weakref import finalize

    wrapper = [sys.executable, "-I", "-S", __file__]
    if leash == "signal":
        return Popen([*wrapper, "--parent", str(os.getpid()), "--", *command], env=env, **popen)
    watched, held = os.pipe()
    try:
        handed = (*popen.pop("pass_fds", ()), watched)
        process = Popen([*wrapper, "--pipe", str(watched), "--", *command], env=env, pass_fds=handed, **popen)
    except BaseException:
        os.close(held)
        raise
    finally:
        os.close(watched)
    finalize(process, os.close, held)
    return process


def main(arguments: Sequence[str]) -> int:
    """Fasten the leash and become the command.

    Args:
        arguments: ``[--parent PID | --pipe FD] -- COMMAND...``.

    Returns:
        An exit code, where the command could not be started.
    """
    if "--" not in arguments or arguments[-1] == "--":
        sys.stderr.write("usage: python -m maze_tasks.tether [--parent PID | --pipe FD] -- COMMAND...\n")
        return BAD_USAGE
    split = list(arguments).index("--")
    options, command = arguments[:split], arguments[split + 1 :]
    if options and options[0] == "--pipe":
        _watch(int(options[1]))
    else:
        _die_with(int(options[1]) if options else os.getppid())
    return _become(command)


def _die_with(parent: int) -> None:
    """Have the kernel kill this process, whatever it becomes, when the parent goes. Source: prctl(2)."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it went before the line above: no signal will come any more
        os.kill(os.getpid(), signal.SIGKILL)


def _watch(parent_end: int) -> None:
    """Leave a process behind that kills this one when the parent's pipe closes, and ends when this one does."""
    command = os.getpid()
    own_end, held_open = os.pipe()
    first = os.fork()
    if first == 0:
        os.setsid()  # neither the terminal's signals nor a kill of the command's group reach the watcher
        if os.fork() == 0:  # a grandchild, so that the command gets no child it does not know of
            os.close(held_open)
            _kill_when_closed(parent_end, own_end, command)
        os._exit(0)
    os.waitpid(first, 0)
    os.close(own_end)
    os.close(parent_end)
    os.set_inheritable(held_open, True)  # noqa: FBT003 - positional only; closes when the command ends


def _kill_when_closed(parent_end: int, own_end: int, command: int) -> None:
    import select

    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # who waits for the end of the command's output must not wait for the watcher
        os.dup2(quiet, stream)
    ready, _, _ = select.select([parent_end, own_end], [], [])
    if own_end not in ready:
        os.kill(command, signal.SIGKILL)
    os._exit(0)


def _become(command: Sequence[str]) -> int:
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python as it started; the command would inherit that
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execvp(command[0], list(command))  # noqa: S606 - starting it is what this is for
    except FileNotFoundError:
        sys.stderr.write(f"{command[0]}: no such program\n")
        return NOT_FOUND
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return NOT_EXECUTABLE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
