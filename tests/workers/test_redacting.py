"""What a worker logs holds no secret, whoever logs it."""

from __future__ import annotations

import io
import logging

import pytest
from pydantic import SecretStr

from maze_tasks.config import Settings
from maze_tasks.endpoints.redact import MARK, Redactor
from maze_tasks.models import ModelEndpoint
from workers.redacting import redact, secrets_of

KEY, HEADER, PASSWORD = "sk-key-0123456789", "tenant-0123456789", "p@ss/word-0123456789"


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("TENANT", HEADER)
    literal = ModelEndpoint(name="a", endpoint_url="http://h/v1", api_key=SecretStr(KEY))
    named = ModelEndpoint(name="b", endpoint_url="http://h/v1", extra_headers_env={"X-Tenant": "TENANT"})
    unset = ModelEndpoint(name="c", endpoint_url="http://h/v1", api_key_env="NOBODY_SET_IT")
    urls = {"redis_url": "redis://u:p%40ss%2Fword-0123456789@h/0", "broker_url": "redis://h/1"}
    return Settings(endpoints=(literal, named, unset), **urls)


@pytest.fixture
def written(settings: Settings) -> tuple[logging.Logger, io.StringIO]:
    """A logger that redacts, and what it writes."""
    stream = io.StringIO()
    logger = logging.Logger("of a library")  # noqa: LOG001 - it must not stay behind
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("[%(levelname)s] %(message)s"))
    logger.addHandler(handler)
    for _ in range(2):
        redact(logger, Redactor(secrets_of(settings)))
    return logger, stream


def fail() -> None:
    cause = ValueError(f"redis://u:{PASSWORD}@h/0 is away")
    raise RuntimeError(HEADER) from cause


def test_every_secret_of_a_configuration_is_known(settings: Settings) -> None:
    assert set(secrets_of(settings)) == {KEY, HEADER, PASSWORD, "p%40ss%2Fword-0123456789"}


def test_secrets_are_taken_out_of_messages_arguments_and_tracebacks(
    written: tuple[logging.Logger, io.StringIO],
) -> None:
    logger, stream = written
    logger.warning("calling %s with Bearer %s", "http://h", KEY)
    try:
        fail()
    except RuntimeError:
        logger.exception("it failed")
    said = stream.getvalue()
    assert said.startswith(f"[WARNING] calling http://h with Bearer {MARK}\n")
    assert "Traceback" in said
    assert said.count(MARK) >= 3
    assert not [secret for secret in (KEY, HEADER, PASSWORD) if secret in said]
