"""The Celery app of a worker: ``celery -A workers.app worker -Q fill.<model>``.

Queues are named after models (``fill.<model>``) and made when they are first used; the settings, each with its reason,
stand in `maze_tasks.dispatch.celery_settings`, where the producer shares them.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from maze_tasks.config import Settings, load_settings
from maze_tasks.dispatch import make_celery
from maze_tasks.errors import MazeError
from workers.green import is_green, keep_event_loop
from workers.handed import handed_settings

if TYPE_CHECKING:
    from celery import Celery

_made: dict[str, Celery] = {}


def make_app(settings: Settings) -> Celery:
    """A Celery app with the tasks of this package.

    Args:
        settings: the worker's own configuration: addresses, endpoints and keys come from it alone.

    Raises:
        ConfigError: no broker is configured.
    """
    from workers.bootstrap import register_signals
    from workers.channel import tolerant
    from workers.tasks import register_tasks

    if is_green():
        keep_event_loop()
    app = make_celery(settings.require_broker_url(), events=settings.events)
    # Celery's own consumer, and kombu's channels, end of a message that is not as they expect, again and again.
    tolerant()
    app.conf.worker_consumer = "workers.consumer:Consumer"
    register_tasks(app, settings)
    register_signals(app, settings)
    return app


def __getattr__(name: str) -> Celery:
    """``workers.app.app``, made from the configuration found when it is first asked for."""
    if name != "app":
        raise AttributeError(name)
    if "app" not in _made:
        try:
            _made["app"] = make_app(handed_settings() or load_settings())
        except MazeError as error:
            # Celery would show a traceback; who starts a worker wants the place in the file.
            sys.stderr.write(f"error: {error}\n")
            raise SystemExit(error.exit_code) from None
    return _made["app"]
