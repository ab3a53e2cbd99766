"""Lua scripts: loaded from their files, called by digest.

Raw EVALSHA with NOSCRIPT → load and repeat: redis-py's Script objects ask for the script's presence ahead of every
pipeline, a round trip more (PROTOCOL, "begin, finish, judge").
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import redis
from redis.exceptions import NoScriptError

Arg = str | int | float | bytes
ScriptCall = tuple[Sequence[str], Sequence[Arg]]  # keys and arguments


@dataclass(frozen=True, slots=True)
class Script:
    """One script.

    Args:
        name: file name without its ending.
        source: shared functions and the script itself.
        sha: SHA-1 of the source, by which Redis knows it.
    """

    name: str
    source: str
    sha: str

    def run(self, client: redis.Redis, keys: Sequence[str], args: Sequence[Arg]) -> Any:
        """Run the script; load it first where the server does not know it yet."""
        try:
            return client.evalsha(self.sha, len(keys), *keys, *args)
        except NoScriptError:
            client.script_load(self.source)
            return client.evalsha(self.sha, len(keys), *keys, *args)


@cache
def script(name: str) -> Script:
    """The script of that name from ``store/lua``."""
    folder = resources.files(__package__) / "lua"
    source = (folder / "_shared.lua").read_text("utf-8") + (folder / f"{name}.lua").read_text("utf-8")
    return Script(name, source, hashlib.sha1(source.encode()).hexdigest())  # noqa: S324 - Redis's own choice


def run_many(client: redis.Redis, name: str, calls: Sequence[ScriptCall]) -> list[Any]:
    """Run one script for many sets of keys and arguments in one round trip.

    Args:
        client: the server.
        name: the script.
        calls: keys and arguments of each call.

    Returns:
        One result a call, in order.
    """
    if not calls:
        return []
    one = script(name)
    for attempt in (0, 1):
        pipe = client.pipeline(transaction=False)
        for keys, args in calls:
            pipe.evalsha(one.sha, len(keys), *keys, *args)
        try:
            return list(pipe.execute())
        except NoScriptError:
            if attempt:
                raise
            client.script_load(one.source)
    raise AssertionError("unreachable")
