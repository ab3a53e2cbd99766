"""Worker processes whose threads are greenlets.

A worker has as many calls in flight as it has slots, and does next to nothing while they last. A thread each costs more
in waiting for the interpreter's lock than its work costs: greenlets take turns at a blocking step, all in one thread,
and nothing else about the code is different. What computes for long is run by a thread of its own, or all would wait.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_THREADS = 2  # that compute what takes long, beside the greenlets


def become_green() -> None:
    """Let everything that is imported from here on switch to another greenlet where it would block a thread."""
    from gevent import monkey

    monkey.patch_all()


def is_green() -> bool:
    """Whether threads of this process are greenlets, as after `become_green` or with Celery's ``-P gevent``."""
    from gevent import monkey

    return bool(monkey.is_module_patched("threading"))


def keep_event_loop() -> None:
    """Let Celery take messages by its event loop in a green process too.

    By itself it would look for messages in a loop of another kind, which nobody can wake when hands are free. The event
    loop asks `poll`, which lets other greenlets run as any blocking step does.
    """
    from kombu.utils import compat

    compat._environment = "default"  # noqa: SLF001 - what its `detect_environment` would find out, and keep here


def in_a_thread() -> Callable[[Callable[[], T]], T]:
    """What runs a function in a thread beside the greenlets, while those go on."""
    from gevent.threadpool import ThreadPool

    threads = ThreadPool(_THREADS)

    def run(function: Callable[[], T]) -> T:
        made: list[T]
        made, error = threads.apply(_tried, (function,))
        if error is not None:
            raise error
        return made[0]

    return run


def _tried(function: Callable[[], T]) -> tuple[list[T], Exception | None]:
    """What a function returns or raises; gevent would print what is raised."""
    try:
        return [function()], None
    except Exception as error:  # noqa: BLE001 - raised again where it is waited for
        return [], error
