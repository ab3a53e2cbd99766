"""What goes over the wire, as values: requests, replies, and the JSON inside them. No I/O."""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import field
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from maze_tasks.errors import FinalError, PassingError
from maze_tasks.names import IDEMPOTENCY_HEADER
from maze_tasks.record import record

MAX_REPLY_BYTES = 8 * 1024 * 1024  # of a reply, on the wire and decompressed; a fill is a few kilobytes
MAX_COUNT = 10**9  # a larger token count is invented
MAX_CODINGS = 2  # layers of Content-Encoding that are followed
MAX_MEMBERS = 64  # parts of one gzip body; millions of empty ones would burn time without ever reaching the size limit
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS  # zlib looks at the header itself
_RAW_DEFLATE = -zlib.MAX_WBITS
_SAFE_IN_A_HEADER = "".join(map(chr, range(0x21, 0x7F)))
_FIT_FOR_A_HEADER = re.compile(r"[\x21-\x7e]*").fullmatch
_ADDRESSES = 1024  # of endpoints, that are kept joined

OK_FIRST, OK_LAST = 200, 299


@record
class HttpRequest:
    """One request, complete but for the headers that every request to the endpoint carries.

    Args:
        method: ``GET`` or ``POST``.
        url: absolute address.
        body: exact bytes of the body; equal calls give equal bytes, so a cache may key on them.
        headers: headers of this request alone.
    """

    method: str
    url: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@record
class HttpReply:
    """One complete reply.

    Args:
        status: HTTP status.
        headers: headers, names in lower case.
        body: the body, decompressed.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status says that it went well."""
        return OK_FIRST <= self.status <= OK_LAST


@lru_cache(maxsize=_ADDRESSES)
def join_url(base: str, path: str) -> str:
    """`path` below the endpoint's own path; its query stays, a trailing slash does not matter.

    Source: CONTRACTS section 3, defect 9 (the original loses the path).
    """
    parts = urlsplit(base)
    return urlunsplit((parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}/{path}", parts.query, ""))


def post(url: str, body: object, key: str) -> HttpRequest:
    """The request that sends `body` as JSON; `key` is what the server may recognise a repetition by.

    Raises:
        FinalError: kind ``bad_request``, when the body cannot be written as JSON.
    """
    # A key is ASCII by construction; whatever else comes must not break out of its header.
    safe = key if _FIT_FOR_A_HEADER(key) else quote(key, safe=_SAFE_IN_A_HEADER)
    headers = {"Content-Type": "application/json", IDEMPOTENCY_HEADER: safe}
    return HttpRequest("POST", url, dump_json(body), headers)


def dump_json(value: object) -> bytes:
    """`value` as compact UTF-8 JSON: equal values in equal order give equal bytes.

    Keys keep their order: servers generate the properties of a schema in the order in which they stand.

    Raises:
        FinalError: kind ``bad_request``, when the value cannot be written as JSON; nothing was sent.
    """
    try:
        return _WRITER.encode(value).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:  # UnicodeEncodeError is a ValueError
        reason = type(error).__name__
    raise FinalError("bad_request", f"the request cannot be written as JSON ({reason})", sent=False)


def parse_json(body: bytes) -> Any:
    """The JSON of a reply, read strictly: UTF-8, finite numbers, bounded depth.

    Raises:
        PassingError: kind ``unreadable``.
    """
    try:
        return _READER.decode(body.decode("utf-8").removeprefix("\ufeff"))
    except RecursionError:
        reason = "it is nested too deeply"
    except UnicodeDecodeError:
        reason = "it is not UTF-8"
    except ValueError:
        reason = "it is not JSON" if body.strip() else "it is empty"
    raise PassingError("unreadable", f"the reply cannot be read: {reason}")


def decode_body(body: bytes, coding: str, limit: int = MAX_REPLY_BYTES) -> bytes:
    """Undo a ``Content-Encoding``, never producing more than `limit` bytes.

    Args:
        body: the body as it came.
        coding: value of the header; empty for none.
        limit: bytes that any layer may have.

    Raises:
        FinalError: kind ``too_large``.
        PassingError: kind ``unreadable``, for an unknown coding or a broken body.
    """
    codings = [name for name in (part.strip().lower() for part in coding.split(",")) if name not in ("", "identity")]
    if len(codings) > MAX_CODINGS or not set(codings) <= {"gzip", "x-gzip", "deflate"}:
        raise PassingError("unreadable", "the reply has a content encoding that was not asked for")
    for _ in codings:
        body = _inflate(body, limit)
    return body


def too_large(limit: int = MAX_REPLY_BYTES) -> FinalError:
    """The error for a reply of more than `limit` bytes."""
    return FinalError("too_large", f"the reply is larger than {limit} bytes")


def count_of(value: object) -> int | None:
    """A token count as a server gave it; None where it is missing or cannot be one."""
    number = number_of(value)
    return int(number) if number is not None and number.is_integer() and 0 <= number <= MAX_COUNT else None


def number_of(value: object) -> float | None:
    """A finite number as a server gave it, else None; a boolean is none, nor is a number beyond the range of floats."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def name_of(value: object, clean: Callable[[str], str]) -> str | None:
    """A short name as a server gave it, cleaned; None where there is none."""
    return clean(value) or None if isinstance(value, str) else None


def encodable(text: str) -> bool:
    """Whether `text` can be written as UTF-8: JSON may smuggle in lone surrogates, which cannot."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


# Made once: `json.dumps` and `json.loads` make one a call where anything is not as by default.
_WRITER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_READER = json.JSONDecoder(parse_constant=_refuse_constant)


def _inflate(body: bytes, limit: int) -> bytes:
    """One layer of gzip (of one member or several) or deflate, with or without the zlib header it should have."""
    try:
        return _inflate_as(body, _GZIP_OR_ZLIB, limit)
    except zlib.error:
        pass
    try:
        return _inflate_as(body, _RAW_DEFLATE, limit)
    except zlib.error:
        pass
    raise PassingError("unreadable", "the reply cannot be decompressed")


def _inflate_as(body: bytes, wbits: int, limit: int) -> bytes:
    parts: list[bytes] = []
    room = limit
    while body:
        member = zlib.decompressobj(wbits)
        part = member.decompress(body, room + 1)
        room -= len(part)
        if room < 0:
            raise too_large(limit)
        if not member.eof:
            raise zlib.error("cut off")
        parts.append(part)
        if wbits == _RAW_DEFLATE:
            break
        body = member.unused_data.lstrip(b"\0")  # some servers pad
        if len(parts) == MAX_MEMBERS:
            raise zlib.error("too many parts")
    return b"".join(parts)
