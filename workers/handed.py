"""Configuration and keys handed to a worker by the command that started it, over an inherited pipe."""

from __future__ import annotations

import json
import os

from pydantic import SecretStr

from maze_tasks.config import Settings
from maze_tasks.errors import ConfigError

SECRETS_VARIABLE = "MAZE_SECRETS_FD"  # number of the pipe's end that this process inherited


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
