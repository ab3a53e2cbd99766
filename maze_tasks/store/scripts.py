"""Lua scripts: loaded from their files, called by digest.

Raw EVALSHA with NOSCRIPT → load and repeat: redis-py's Script objects ask for the script's presence ahead of every
pipeline, a round trip more (PROTOCOL, "begin, finish, judge").
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from textwrap import indent
from typing import Any

import redis
from redis.exceptions import NoScriptError

Arg = str | int | float | bytes
_FUNCTION = re.compile(r"((?:^--.*\n)*^local function (\w+)\(.*\n(?:(?!end$).*\n)*end\n)", re.MULTILINE)
_NEEDS = re.compile(r"^( *)-- needs: (.+)\n", re.MULTILINE)
_COMMENT = re.compile("--.*")
_WORD = re.compile(r"\w+")

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
def script(name: str, shared: str = "_shared") -> Script:
    """The script of that name from ``store/lua``, behind what it uses of the functions of another file there."""
    folder = resources.files(__package__) / "lua"
    body = (folder / f"{name}.lua").read_text("utf-8")
    source = together((folder / f"{shared}.lua").read_text("utf-8"), body)
    return Script(name, source, hashlib.sha1(source.encode()).hexdigest())  # noqa: S324 - Redis's own choice


def together(shared: str, body: str) -> str:
    """A script with the shared functions that it uses in front of it.

    Redis makes every function of a script anew each time that it runs, and throws it away afterwards. So those that a
    script needs in rare cases alone are put where it says so, in a line ``-- needs: name, name``: they are known from
    there to the end of the block.

    Args:
        shared: functions that begin and end at the left margin, each with the comment above it, and what stands between
            them, which is always used.
        body: the script.
    """
    parts = _FUNCTION.split(shared)  # what is between functions, and of each function its whole text and its name
    texts = dict(zip(parts[2::3], parts[1::3], strict=True))
    rare = {name for line in _NEEDS.finditer(body) for name in _WORD.findall(line[2])}
    always = _reached(texts, _words("\n".join([body, *parts[0::3]])) - rare)

    def needed(line: re.Match[str]) -> str:
        names = _reached(texts, set(_WORD.findall(line[2]))) - always
        return line[0] + indent("".join(text for name, text in texts.items() if name in names), line[1])

    kept = [parts[0]]
    for text, name, between in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        kept += [text if name in always else "", between]
    return "".join(kept) + _NEEDS.sub(needed, body)


def _reached(texts: Mapping[str, str], names: Iterable[str]) -> set[str]:
    """Functions among some names, and those that they use."""
    reached: set[str] = set()
    unread = list(names)
    while unread:
        name = unread.pop()
        if name in texts and name not in reached:
            reached.add(name)
            unread += _words(texts[name])
    return reached


def _words(text: str) -> set[str]:
    return set(_WORD.findall(_COMMENT.sub("", text)))


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
