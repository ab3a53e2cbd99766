"""Code that calls the function around a hole, and code beside it that shows how things are written there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from maze_tasks.source.definitions import Definition
from maze_tasks.source.outlines import WHOLE_BYTES, is_short, lines_of, without_docstring
from maze_tasks.source.references import words_of
from maze_tasks.source.site import Site

_USAGE_LINES: Final = 2  # on each side of a call
_WITHIN_WORD: Final = re.compile(rb"\w")
_USAGES: Final = 3
_USAGE_BYTES: Final = 128 * 1024  # on each side of a hole, in which calls are looked for
_TELLING_NAME: Final = 3  # letters of a name whose mentions are likely to be calls
_STUB_BYTES: Final = 60  # of a body that is no example of anything
_STUBS: Final = re.compile(
    rb"\b(?:NotImplementedError|todo!|unimplemented!|not implemented|TODO|HOLE|UnsupportedOperationException)"
)


class Usage(NamedTuple):
    """Code that calls a function: what it is in, and the lines around the call."""

    user: Definition
    text: str


def usages(site: Site) -> Iterator[Usage]:
    """Places of the file that call the function around a hole, the first few of them."""
    function, utf8 = site.function, site.source.text.utf8
    if function is None or len(function.name) < _TELLING_NAME or function.name.startswith("__"):
        return
    seen = {function.start}
    # The name comes first in the pattern: so it is searched for as fast as a plain text.
    calls = re.compile(rb"%b\s*(?:::<[^>\n]*>)?\(" % re.escape(function.name.encode()))
    first = max(site.start - _USAGE_BYTES, 0)
    for call in calls.finditer(utf8, first, site.end + _USAGE_BYTES):
        if _WITHIN_WORD.match(utf8, max(call.start() - 1, 0)) and call.start() > 0:
            continue
        user = _user(site, call.start())
        if user is None or user.start in seen:
            continue
        seen.add(user.start)
        yield Usage(user, _lines_around(utf8, user, call.start()))
        if len(seen) > _USAGES:
            return


def alike(site: Site) -> list[Definition]:
    """Functions beside the one around a hole, those first whose names share words with its name, then the nearest."""
    utf8, language = site.source.text.utf8, site.source.language
    words = set(words_of(site.function.name)) if site.function is not None else set()

    def is_example(one: Definition) -> bool:
        body = without_docstring(utf8, language, one.body) if one.body else b""
        return len(body) <= WHOLE_BYTES and not (len(body) < _STUB_BYTES and _is_stub(body))

    examples = [one for one in site.siblings if is_example(one)]
    return sorted(examples, key=lambda one: -len(words.intersection(words_of(one.name))))


def _lines_around(data: bytes, user: Definition, offset: int) -> str:
    """The definition that a place is in, of a long one a few lines."""
    if is_short(data, user.start, user.end):
        return lines_of(data, user.start, user.end)
    start = end = offset
    for _ in range(_USAGE_LINES + 1):
        start = max(data.rfind(b"\n", 0, start), 0)
        end = data.find(b"\n", end + 1) % (len(data) + 1)
    return lines_of(data, max(user.start, start + 1), min(user.end, end))


def _user(site: Site, offset: int) -> Definition | None:
    """The innermost function or value that a place is in, if it is not part of a signature."""
    inside = [one for one in site.source.around(offset, offset) if one.kind in ("function", "value")]
    user = inside[-1] if inside else None
    if user is not None and user.kind == "function" and (user.body is None or offset < user.body[0]):
        return None
    return user


def _is_stub(body: bytes) -> bool:
    return _STUBS.search(body) is not None or body.strip() in (b"pass", b"...", b"{}", b"")
