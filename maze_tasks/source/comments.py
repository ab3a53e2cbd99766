"""What a comment says about a hole: ``HOLE: scale=nano type=int must_use=foo`` (CONTRACTS section 5)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from maze_tasks.models import Scale

# Keys of a hole comment that stand for a kind of fill constraint (CONTRACTS section 1, FillConstraint).
_KINDS: Final = {
    "must_use": "must_use_binding",
    "must_not_use": "must_not_use_binding",
    "must_match": "must_match_pattern",
    "pattern": "must_match_pattern",
    "pure": "must_be_pure",
    "terminates": "must_terminate",
    "satisfies": "must_satisfy_predicate",
    "must_have_type": "must_have_type",
    "must_use_binding": "must_use_binding",
    "must_not_use_binding": "must_not_use_binding",
    "must_match_pattern": "must_match_pattern",
    "must_be_pure": "must_be_pure",
    "must_terminate": "must_terminate",
    "must_satisfy_predicate": "must_satisfy_predicate",
    "security": "security",
    "style": "style",
}
_NAME_LISTS: Final = frozenset({"must_use_binding", "must_not_use_binding"})  # several names, with commas between
_OTHER_SCALES: Final = {"expression": "nano", "statement": "micro", "block": "meso", "function": "macro"}

_LEADERS: Final = re.compile(r"\A\s*(?:#+|/{2,}!?|/\*+!?|<!--|--)?\s*")
_CLOSERS: Final = re.compile(r"\s*(?:\*+/|-->)?\s*\Z")
_HOLE: Final = re.compile(r"\A\**\s*HOLE\b(?P<rest>.*)", re.DOTALL)
_ANGLED: Final = re.compile(r"<<<\s*HOLE\b(?P<rest>(?:(?!>>>).)*)>>>", re.DOTALL)
_TODO: Final = re.compile(r"\A\**\s*(?:TODO|FIXME)\b(?:\([^)]*\))?(?P<rest>.*)", re.DOTALL)
_BARE_TODO: Final = re.compile(r"\A/\*+\s*TODO\s*\*+/\Z")
_PAIR: Final = re.compile(
    r"""(?<!\S)(?P<key>[A-Za-z_]\w*)=(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>\S+))[,;]?"""
)
_EDGES: Final = " \t\r\n:;,.-()[]*"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a hole comment asks for.

    Args:
        marker: the form of the comment, such as ``HOLE``.
        scale: the scale it names.
        expected_type: the type it names.
        constraints: its other demands, ``kind: value`` where the kind is a known one.
        max_tokens: tokens to ask for at least.
    """

    marker: str
    scale: Scale | None = None
    expected_type: str | None = None
    constraints: tuple[str, ...] = ()
    max_tokens: int | None = None


def wish_of(comment: str, *, bare_todo: bool = False, todo: bool = False) -> Wish | None:
    """What a comment asks for, or None where it only happens to hold the words.

    Args:
        comment: the whole comment, with its leaders.
        bare_todo: whether ``/* TODO */`` with nothing else in it is a hole, as it is in C and C++.
        todo: whether comments that begin with TODO or FIXME are holes.
    """
    if angled := _ANGLED.search(comment):
        return _read("<<< HOLE >>>", angled["rest"])
    inner = _CLOSERS.sub("", _LEADERS.sub("", comment, count=1), count=1)
    if hole := _HOLE.match(inner):
        return _read("HOLE", hole["rest"])
    if bare_todo and _BARE_TODO.match(comment.strip()):
        return Wish("/* TODO */")
    if todo and (found := _TODO.match(inner)):
        demand = _said(found["rest"])
        return Wish("TODO", constraints=(demand,) if demand else ())
    return None


def _read(marker: str, rest: str) -> Wish:
    scale: Scale | None = None
    expected_type: str | None = None
    max_tokens: int | None = None
    demands: list[str] = []
    for pair in _PAIR.finditer(rest):
        key, value = pair["key"].lower(), _value(pair)
        known_scale = _scale(value) if key == "scale" else None
        if known_scale is not None:
            scale = known_scale
        elif key == "type":
            expected_type = value
        elif key == "max_tokens" and value.isdecimal() and 0 < int(value) < 2**32:
            max_tokens = int(value)
        else:
            demands += _demands(key, value)
    prose = _said(_PAIR.sub(" ", rest))
    return Wish(marker, scale, expected_type, (*demands, *((prose,) if prose else ())), max_tokens)


def _value(pair: re.Match[str]) -> str:
    if pair["bare"] is not None:
        return pair["bare"].rstrip(",;")
    return pair["double"] if pair["double"] is not None else pair["single"]


def _scale(value: str) -> Scale | None:
    name = value.lower()
    name = _OTHER_SCALES.get(name, name)
    return Scale(name) if name in frozenset(Scale) else None


def _demands(key: str, value: str) -> list[str]:
    kind = _KINDS.get(key)
    if kind is None:
        return [f"{key}={value}"]
    values = [name for name in value.split(",") if name] if kind in _NAME_LISTS else [value]
    return [f"{kind}: {one}" for one in values]


def _said(text: str) -> str:
    """The words of a comment, on one line, without what sets them off."""
    lines = (line.strip().lstrip("*/#").strip() for line in text.splitlines())
    return " ".join(" ".join(lines).split()).strip(_EDGES)
