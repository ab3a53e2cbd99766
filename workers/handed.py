"""What a worker and the command that started it say to each other over inherited pipes: settings, keys; readiness."""

from __future__ import annotations

import json
import os
from contextlib import suppress

from pydantic import SecretStr

from maze_tasks.config import Settings
from maze_tasks.errors import ConfigError

SECRETS_VARIABLE = "MAZE_SECRETS_FD"  # number of the pipe's end that this process inherited
READY_VARIABLE = "MAZE_READY_FD"  # the same of the pipe into which it says that it is ready


def handed_settings() -> Settings | None:
    """The configuration that the parent wrote into the pipe, keys included; None where it wrote none.

    The pipe is read once and closed, and its number taken out of the environment: no child of ours can read it again.

    Raises:
        ConfigError: what came is no configuration.
    """
    number = os.environ.pop(SECRETS_VARIABLE, "")
    if not number.isdigit():
        return None
    try:
        with os.fdopen(int(number), "rb") as pipe:
            content = pipe.read()
        handed = json.loads(content) if content else {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"the configuration handed over cannot be read: {type(error).__name__}") from None
    if "settings" not in handed:
        return None
    settings = Settings.model_validate(handed["settings"])
    keys = handed.get("keys", {})
    endpoints = tuple(
        endpoint.model_copy(update={"api_key": SecretStr(keys[endpoint.name])}) if endpoint.name in keys else endpoint
        for endpoint in settings.endpoints
    )
    return settings.model_copy(update={"endpoints": endpoints})


def tell_ready() -> None:
    """Tell the parent, if it wants to know, that messages are taken from now on."""
    number = os.environ.pop(READY_VARIABLE, "")
    if number.isdigit():
        with suppress(OSError), os.fdopen(int(number), "wb", buffering=0) as pipe:
            pipe.write(b".")
