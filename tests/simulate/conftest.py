"""Asking a simulated endpoint over a real connection."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest


@dataclass(frozen=True)
class Got:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The generated text, whatever the protocol."""
        reply = self.json
        if "choices" not in reply:
            return str(reply["generated_text"])
        choice = reply["choices"][0]
        return str(choice["message"]["content"] if "message" in choice else choice["text"])


Ask = Callable[..., Got]


def _ask(
    url: str,
    operation: str = "chat/completions",
    body: Any = None,
    *,
    key: str | None = None,
    headers: dict[str, str] | None = None,
    method: str = "POST",
    timeout: float = 30,
) -> Got:
    parts = urlsplit(url)
    if body is None:
        chat = operation == "chat/completions"
        body = {"messages": [{"role": "user", "content": "fill"}]} if chat else {"prompt": "fill"}
    sent = {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {}), **(headers or {})}
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, f"{parts.path}/{operation}", raw if method == "POST" else None, sent)
        reply = connection.getresponse()
        return Got(reply.status, dict(reply.getheaders()), reply.read())
    finally:
        connection.close()


@pytest.fixture
def ask() -> Ask:
    return _ask
