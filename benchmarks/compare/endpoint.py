"""A lean simulated endpoint: it answers chat completions after a set time and uses as little processor time as it can.

    python -m benchmarks.compare.endpoint READY_FILE

`maze simulate` plays a server in all its moods, and pays for that with about six times the processor time of a request;
on two cores that would be measured with everything else. A path says how a request is answered:
``/LATENCY_MS/STATUS/v1/chat/completions``. Nothing else of a request is looked at, but its ``Idempotency-Key`` where
keys are kept. No model is called.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks.compare.job import FILL

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_KEY = re.compile(rb"\r\nidempotency-key:[ \t]*([^\r]*)", re.IGNORECASE)
_END = b"\r\n\r\n"


@dataclass(slots=True)
class Counts:
    """What has arrived since the last reset.

    Args:
        requests: all of them.
        answered: of which have been answered.
        in_flight, peak: at a time: now, and at most.
        busy_s: sum over requests of the time from arrival to answer.
        first, last: when the first arrived and the last was answered, in seconds of the monotonic clock.
        arrivals: seconds of the wall clock by key, where keys are kept.
    """

    requests: int = 0
    answered: int = 0
    in_flight: int = 0
    peak: int = 0
    busy_s: float = 0.0
    first: float = 0.0
    last: float = 0.0
    keeps: bool = False
    arrivals: dict[str, float] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def reply(status: int) -> bytes:
    """A whole HTTP response: a completion, or an error."""
    if status < 300:
        message = {"role": "assistant", "content": FILL}
        value: dict[str, Any] = {
            "id": "chatcmpl-0",
            "object": "chat.completion",
            "created": 1700000000,
            "model": "simulated",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25},
        }
    else:
        value = {"error": {"message": "simulated failure", "type": "simulated", "code": status}}
    return http(status, value)


def http(status: int, value: object) -> bytes:
    """A response with a JSON body, on a connection that stays open."""
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status} Simulated\r\nContent-Type: application/json\r\nX-Maze-Simulated: true\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Route:
    """How a path is answered."""

    __slots__ = ("answer", "delay_s")

    def __init__(self, path: bytes) -> None:
        latency, status = path.split(b"/")[1:3]
        self.delay_s, self.answer = int(latency) / 1000, reply(int(status))


class Connection(asyncio.Protocol):
    """One connection; requests come one after the other."""

    __slots__ = ("_buffer", "_counts", "_loop", "_routes", "_transport")

    def __init__(self, loop: asyncio.AbstractEventLoop, counts: Counts, routes: dict[bytes, Route]) -> None:
        self._loop, self._counts, self._routes = loop, counts, routes
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers are written to."""
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        if self._buffer:
            data = self._buffer + data
        while (end := data.find(_END)) >= 0:
            length = _LENGTH.search(data, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(data) < whole:
                break
            self._request(data[:end])
            data = data[whole:]
        self._buffer = data

    def _request(self, head: bytes) -> None:
        path = head[head.index(b" ") + 1 :].split(b" ", 1)[0]
        if path.startswith(b"/_"):
            self._transport.write(self._told(path.decode()))
            return
        route = self._routes.get(path)
        if route is None:
            route = self._routes[path] = Route(path)
        counts, now = self._counts, time.monotonic()
        if not counts.requests:
            counts.first = now
        counts.requests += 1
        if counts.keeps and (key := _KEY.search(head)):
            counts.arrivals[key[1].decode()] = time.time()
        counts.in_flight += 1
        counts.peak = max(counts.peak, counts.in_flight)
        if route.delay_s:
            self._loop.call_at(now + route.delay_s, self._answer, route, now)
        else:
            self._answer(route, now)

    def _answer(self, route: Route, arrived: float) -> None:
        counts = self._counts
        counts.last = time.monotonic()
        counts.busy_s += counts.last - arrived
        counts.in_flight -= 1
        counts.answered += 1
        self._transport.write(route.answer)

    def _told(self, path: str) -> bytes:
        asked = urlsplit(path)
        counts = self._counts
        if asked.path == "/_reset":
            keeps = parse_qs(asked.query).get("keys") == ["1"]
            counts.__init__(in_flight=counts.in_flight, keeps=keeps)  # type: ignore[misc]
        return http(200, counts.told())


async def serve(ready: Path) -> None:
    """Listen on a free port of this machine until SIGTERM; write its number when that is so."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    counts, routes = Counts(), {}  # type: ignore[var-annotated]
    server = await loop.create_server(lambda: Connection(loop, counts, routes), "127.0.0.1", 0, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    unfinished = ready.with_suffix(f".{os.getpid()}")
    unfinished.write_text(str(port), encoding="utf-8")
    unfinished.replace(ready)
    await ended.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
