"""Logs of a worker without secrets, whoever writes them: libraries log exceptions, and exceptions say anything."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from maze_tasks.config import Settings
from maze_tasks.endpoints.redact import Redactor
from maze_tasks.errors import MazeError


class Redacting(logging.Formatter):
    """Takes secrets out of what another formatter made, tracebacks included.

    Args:
        inner: that formatter.
        redactor: knows the secrets by their values.
    """

    def __init__(self, inner: logging.Formatter, redactor: Redactor) -> None:
        super().__init__()
        self._inner, self._redactor = inner, redactor

    def format(self, record: logging.LogRecord) -> str:
        """The record as it may be written."""
        return self._redactor.hide(self._inner.format(record))


def redact(logger: logging.Logger, redactor: Redactor) -> None:
    """Let all handlers of a logger write without secrets; who does it twice changes nothing.

    Args:
        logger: the logger.
        redactor: knows the secrets by their values.
    """
    for handler in logger.handlers:
        if not isinstance(handler.formatter, Redacting):
            handler.setFormatter(Redacting(handler.formatter or logging.Formatter(), redactor))


def secrets_of(settings: Settings) -> Iterator[str]:
    """Every secret that a configuration leads to: keys, headers that hold one, passwords of Redis and the broker."""
    for endpoint in settings.endpoints:
        try:
            key = settings.api_key(endpoint)
            headers = settings.extra_headers(endpoint)
        except MazeError:
            continue  # it is not there, and so cannot be told
        yield from ([key] if key else [])
        yield from headers.values()
    for urls in (settings.redis_url, settings.broker_url):
        for url in (urls or "").split(";"):
            password = urlsplit(url).password
            if password:
                yield from {password, unquote(password)}
