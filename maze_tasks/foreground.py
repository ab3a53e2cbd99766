"""Run workers as the purpose of this process: until a signal ends them."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

from maze_tasks.supervisor import Supervisor

ENDED, INTERRUPTED = 0, 130  # exit codes
# Of two signals at once both may be caught in a thread that runs no handlers, while the main thread sleeps on.
LOOK_S = 0.2


def run_until_signalled(supervisor: Supervisor, *, grace_s: float, tell: Callable[[str], None]) -> int:
    """Start the workers and end them on SIGTERM or SIGINT; a second signal drops running calls, a third kills.

    Call it in the main thread.

    Args:
        supervisor: the workers, not started yet.
        grace_s: how long running calls may take to finish, in seconds.
        tell: told what a signal began.

    Returns:
        The exit code: 130 where an interrupt came first, else 0.

    Raises:
        ServiceUnavailable: a worker died whenever it was started.
    """
    caught: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        caught.append(number)
        if len(caught) == 1:
            supervisor.request_stop(grace_s)
            tell(f"waiting up to {grace_s:g} s for running calls; once more to drop them")
        else:
            supervisor.request_harder()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        supervisor.start()
        while not supervisor.wait(LOOK_S):
            pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    supervisor.check()
    return INTERRUPTED if caught[:1] == [signal.SIGINT] else ENDED
