"""A call as a program without a library for models makes it: with requests, candidates in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests


def body(text: str) -> dict[str, Any]:
    """The body of a chat completion."""
    return {
        "model": "simulated",
        "messages": [{"role": "user", "content": text}],
        "max_tokens": 256,
        "temperature": 0.7,
    }


def content(reply: Any) -> str | None:
    """The text of a chat completion; None where there is none."""
    found = reply["choices"][0]["message"]["content"]
    return found if isinstance(found, str) and found else None


def ask(session: requests.Session, candidates: Sequence[str], text: str, key: str | None = None) -> str | None:
    """The text of the first candidate that gives one.

    Args:
        session: connections to use.
        candidates: base URLs.
        text: of the prompt.
        key: tells the request from all others, where that is wanted.
    """
    headers = {"Idempotency-Key": key} if key else None
    for base in candidates:
        response = session.post(f"{base}/chat/completions", json=body(text), headers=headers, timeout=60)
        if response.ok and (found := content(response.json())):
            return found
    return None
