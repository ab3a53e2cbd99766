"""Celery tasks: decode the message, make one call, encode what follows. Nothing is decided here."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from maze_tasks.errors import MazeError
from maze_tasks.messages import VerifyMessage, read_message
from maze_tasks.names import FILL_TASK, VERIFY_TASK
from workers.bootstrap import runtime
from workers.dropped import MALFORMED, NEWER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from celery import Celery, Task

    from maze_tasks.config import Settings
    from maze_tasks.names import HoleId

logger = logging.getLogger(__name__)


def register_tasks(app: Celery, settings: Settings) -> None:
    """Add the tasks to an app.

    Args:
        app: the app.
        settings: the worker's configuration.
    """

    def drop(why: str) -> None:
        logger.warning("message dropped: %s", why)
        runtime(settings).filler.refused(NEWER if why.startswith("format version") else MALFORMED)

    @app.task(name=FILL_TASK, bind=True, ignore_result=True)  # type: ignore[untyped-decorator]
    def fill(task: Task, /, **arguments: Any) -> None:
        message = read_message(arguments)
        if isinstance(message, str):
            drop(message)
            going: list[HoleId] = []
        else:
            going = runtime(settings).fill(message)
        if going:
            narrow_chain(task, going)
        else:
            end_chain(task)

    @app.task(name=VERIFY_TASK, ignore_result=True)  # type: ignore[untyped-decorator]
    def verify(**arguments: Any) -> None:
        message = read_message(arguments)
        if isinstance(message, str):
            drop(message)
            return
        waits = VerifyMessage(message.run, message.model, message.holes[0], message.cursor, message.send_no)
        try:
            runtime(settings).judge.judge(waits)
        except MazeError as error:
            logger.error("run %s: %s", message.run, error)  # noqa: TRY400 - the message says it all


def narrow_chain(task: Task, holes: Sequence[HoleId]) -> None:
    """Let the links that follow in the message being run carry some of its holes only."""
    for link in task.request.chain or ():
        link["kwargs"]["holes"] = list(holes)


def end_chain(task: Task) -> None:
    """Drop the links that follow in the message being run.

    Inside a chord the last link carries the chord's and group's options: they are handed over, or the chord would wait
    for a member that never comes.
    """
    chain = task.request.chain
    if not chain:
        return
    options = chain[0].get("options", {})
    for name in ("chord", "group_id", "group_index"):
        if options.get(name) is not None:
            setattr(task.request, "group" if name == "group_id" else name, options[name])
    task.request.chain = None
