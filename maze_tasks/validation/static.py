"""First checks of a reply: taken out of its fence, complete, and of a size that can be a fill."""

from __future__ import annotations

import re

from maze_tasks.errors import Failure

MAX_FILL_CHARS = 262_144  # a longer reply is no fill of a hole
_FENCED = re.compile(r"\A\s*(?P<fence>`{3,}|~{3,})[^\n`]*\n(?P<code>.*?)\n?(?P=fence)[ \t]*\s*\Z", re.DOTALL)


def normalise(text: str) -> str:
    """The code of a reply.

    A reply that is one fenced block loses its fence; anything else stays as it came, byte for byte.
    """
    match = _FENCED.match(text)
    if match is None or match["fence"] in match["code"]:
        return text
    return match["code"] + "\n" if match["code"] else ""


def reject_reason(code: str, finish_reason: str | None) -> Failure | None:
    """Why a fill cannot be accepted, or None where nothing speaks against it.

    Args:
        code: the fill, normalised.
        finish_reason: why the server stopped, if it said so.
    """
    if not code.strip():
        return Failure("empty", "the reply holds no code")
    if len(code) > MAX_FILL_CHARS:
        return Failure("too_large", f"the fill has {len(code)} characters, more than {MAX_FILL_CHARS}")
    if finish_reason == "length":
        return Failure("truncated", "the reply was cut off at the token limit")
    return None
