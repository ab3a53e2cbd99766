"""A Celery consumer that no message can kill.

Celery raises through its event loop where a message is not what it expects (a body of another shape, a header of
another type). The worker ends, gives the message back, and ends of it again when it is started anew; a body that only
the pool finds wrong is never acknowledged and holds a slot for ever. Here such messages are dropped: whatever they were
meant for stands in the store, and is sent again.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from celery.exceptions import CPendingDeprecationWarning
from celery.worker.consumer import Consumer as CeleryConsumer
from kombu import Message

from workers.dropped import MALFORMED, dropped
from workers.hands import hands
from workers.refusals import refusals

logger = logging.getLogger(__name__)

# Said at every lost connection, of a setting that dispatch.py has decided on.
warnings.filterwarnings("ignore", r"\s*In Celery 5.1 we introduced", CPendingDeprecationWarning)

_OPTIONAL_TEXTS = ("argsrepr", "kwargsrepr", "expires", "group", "parent_id", "root_id", "shadow")
_LIMITS = 2  # a soft and a hard time limit


class Consumer(CeleryConsumer):  # type: ignore[misc]
    """Celery's consumer, which looks at every message before it is handled."""

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Message], None]:
        """What is called with each message that comes."""
        handle = super().create_task_handler(*args, **kwargs)

        def take(message: Message) -> None:
            try:
                wrong = what_is_wrong(message.headers, message.payload)
                if wrong is None:
                    handle(message)
                    return
            except Exception as error:  # noqa: BLE001 - a message may be wrong in any way, and none may end the worker
                wrong = type(error).__name__
            self._drop(message, wrong)

        return take

    def register_with_event_loop(self, hub: Any) -> None:
        """Called once the loop is there that takes messages: it looks again when our hands are free."""
        super().register_with_event_loop(hub)
        hands.wake = partial(hub.call_soon, _look_again)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """What is called ahead of another try to connect; a broker that refuses is not tried again at once."""
        super().on_connection_error_after_connected(exc)
        if isinstance(exc, self.channel_errors):
            refusals.refused(exc)
            time.sleep(refusals.left_s)

    def on_decode_error(self, message: Message, exc: Exception) -> None:
        """What is called with a message whose body cannot be decoded; Celery's own prints what it says."""
        self._drop(message, type(exc).__name__)

    def _drop(self, message: Message, wrong: str) -> None:
        logger.warning("message dropped: it is no task (%s)", wrong)
        dropped.add(MALFORMED)
        message.reject_log_error(logger, self.connection_errors)


def _look_again() -> None:
    """Nothing is to be done: before the loop waits for the next message it asks whether there is room."""


def what_is_wrong(headers: object, payload: object) -> str | None:
    """Why a message is no task as Celery's second protocol has it; None where it is one.

    Source: https://docs.celeryq.dev/en/stable/internals/protocol.html, "Version 2".

    Args:
        headers: of the message.
        payload: its decoded body.
    """
    if not isinstance(headers, Mapping) or not all(_is_text(headers.get(name)) for name in ("task", "id")):
        return "no name or id"
    if not all(isinstance(headers.get(name), str | None) for name in _OPTIONAL_TEXTS):
        return "a header is no text"
    if headers.get("eta") is not None:
        return "a time to wait for"  # it would hold a slot all that time; waiting is the store's business
    limits = headers.get("timelimit") or (None,) * _LIMITS
    if not isinstance(limits, list | tuple) or list(limits) != [None] * _LIMITS:
        return "time limits"
    if not isinstance(payload, list) or list(map(type, payload)) != [list, dict, dict]:
        return "its body is not arguments, named arguments and links"
    chain = payload[2].get("chain") or []
    if not isinstance(chain, list) or not all(_is_link(link) for link in chain):
        return "its chain has no links"
    return None


def _is_link(link: object) -> bool:
    return isinstance(link, dict) and _is_text(link.get("task")) and isinstance(link.get("options", {}), dict)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""
