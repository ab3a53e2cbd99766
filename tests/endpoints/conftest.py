"""A scripted server, and clients of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from maze_tasks.endpoints import EndpointClient
from maze_tasks.models import ModelEndpoint
from maze_tasks.models.calls import Call
from tests.endpoints.scripted import Script, ScriptedServer

KEY = 'sk-t/e+st 0123456789abcdef"&'.replace(" ", "-")  # characters that every encoding writes differently


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine's environment says of proxies and certificates is not the tests' business."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def call() -> Call:
    return Call(prompt="Fill it.", key="run/5/0/0/0", max_tokens=64, temperature=0.5)


@pytest.fixture
def serve() -> Iterator[Callable[..., ScriptedServer]]:
    """Start scripted servers that end with the test."""
    with ExitStack() as stack:

        def start(*scripts: Script, **options: Any) -> ScriptedServer:
            server = ScriptedServer(*scripts, **options)
            stack.callback(server.close)
            return server

        yield start


@pytest.fixture
def client_of() -> Iterator[Callable[..., EndpointClient]]:
    """Make clients of a server (or a URL) that are closed with the test."""
    with ExitStack() as stack:

        def make(server: ScriptedServer | str, **options: Any) -> EndpointClient:
            url = server if isinstance(server, str) else f"{server.url}/v1"
            of_client = {name: options.pop(name) for name in ("headers", "max_reply_bytes") if name in options}
            of_client["api_key"] = options.pop("api_key", KEY)
            of_client["pool_size"] = options.pop("pool_size", 4)
            client = EndpointClient(ModelEndpoint(endpoint_url=url, **options), **of_client)
            stack.callback(client.close)
            return client

        yield make
