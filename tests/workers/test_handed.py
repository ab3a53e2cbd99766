"""Configuration and keys handed to a worker over a pipe."""

from __future__ import annotations

import json
import os

import pytest

from maze_tasks.config import Settings
from maze_tasks.errors import ConfigError
from maze_tasks.models import ModelEndpoint
from workers.handed import SECRETS_VARIABLE, handed_settings


def hand(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    monkeypatch.setenv(SECRETS_VARIABLE, str(reading))


def test_settings_and_keys_come_over_the_pipe_and_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = ModelEndpoint(name="a", endpoint_url="http://h/v1")
    given = Settings(endpoints=(endpoint,), redis_url="redis://h/0", max_retries=5)
    hand(json.dumps({"settings": given.model_dump(mode="json"), "keys": {"a": "sk-secret"}}).encode(), monkeypatch)
    settings = handed_settings()
    assert settings is not None
    assert settings.max_retries == 5
    assert settings.api_key(settings.endpoints[0]) == "sk-secret"
    assert settings.endpoints[0].digest() == endpoint.digest()
    assert "sk-secret" not in repr(settings)
    assert SECRETS_VARIABLE not in os.environ
    assert handed_settings() is None


@pytest.mark.parametrize("content", [b"", b"{}", b'{"keys": {}}'])
def test_a_pipe_without_settings_gives_none(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    hand(content, monkeypatch)
    assert handed_settings() is None


def test_a_broken_pipe_is_refused_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    hand(b"{broken", monkeypatch)
    with pytest.raises(ConfigError, match="handed over"):
        handed_settings()
    monkeypatch.setenv(SECRETS_VARIABLE, "987654")
    with pytest.raises(ConfigError):
        handed_settings()
