"""A real HTTP server on a socket whose every byte is scripted.

Each request takes the next script of the queue, or the last one again when there is none left; a script gets the
connection and writes whatever it likes, as fast and as wrongly as it likes. Reusable by the tests of other packages.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

WAIT_S = 20.0  # no test waits as long; it only ends one that would hang


@dataclass(frozen=True)
class Request:
    """One request as it came: names of headers in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Wire:
    """One connection, as a script sees it."""

    sock: socket.socket
    stopping: threading.Event
    number: int
    hung_up: threading.Event = field(default_factory=threading.Event)
    over: bool = False  # no further request is read

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def trickle(self, data: bytes, interval_s: float = 0.01) -> None:
        """Send byte by byte, until all is sent or the client has hung up."""
        for byte in data:
            self.sock.sendall(bytes([byte]))
            if self.stopping.wait(interval_s):
                return

    def wait_for_hang_up(self) -> None:
        """Read and discard until the client closes its end."""
        self.sock.settimeout(WAIT_S)
        while self.sock.recv(65_536):
            pass
        self.hung_up.set()

    def reset(self) -> None:
        """Have the connection end with a reset when the script does."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.over = True


Script = Callable[[Wire], None]


class ScriptedServer:
    """Serves scripts on a free port of the loopback interface, until closed.

    Args:
        scripts: what each request gets; more may be added with `then`.
        tls: TLS settings, for an HTTPS server.
    """

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.wires: list[Wire] = []
        self.received = threading.Semaphore(0)  # released once a request
        self._scripts = list(scripts)
        self._tls = tls
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def then(self, *scripts: Script) -> None:
        """Add scripts to the queue."""
        with self._lock:
            self._scripts.extend(scripts)

    def stop_listening(self) -> None:
        """Refuse connections from now on; those there are stay."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def close(self) -> None:
        """End everything, whatever the scripts are doing."""
        self._stopping.set()
        self.stop_listening()
        for wire in self.wires:
            with contextlib.suppress(OSError):
                wire.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(WAIT_S)

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A client that hangs up in the middle is what many tests are about.
        with contextlib.suppress(OSError):
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
            with self._lock:
                wire = Wire(sock, self._stopping, len(self.wires))
                self.wires.append(wire)
            with sock, sock.makefile("rb") as stream:
                while not wire.over and (request := _read_request(stream, wire.number)) is not None:
                    with self._lock:
                        self.requests.append(request)
                        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
                    self.received.release()
                    script(wire)


def _read_request(stream: Any, connection: int) -> Request | None:
    line = stream.readline()
    if not line.strip():
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := stream.readline().decode("latin-1").strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", "0")))
    return Request(method, target, headers, body, connection)


def http_bytes(
    body: bytes = b"",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    *,
    length: int | None = None,
) -> bytes:
    """A whole reply; `length` is what it claims to have, where that is not the truth."""
    lines = {"Content-Length": str(len(body) if length is None else length), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Scripted\r\n{head}\r\n".encode("latin-1") + body


def reply(value: Any = None, status: int = 200, headers: Mapping[str, str] | None = None) -> Script:
    """Answer with `value`: bytes as they are, anything else as JSON; the connection is kept."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return lambda wire: wire.send(http_bytes(body, status, headers))


def raw(data: bytes) -> Script:
    """Send exactly these bytes, then close."""

    def script(wire: Wire) -> None:
        wire.send(data)
        wire.sock.shutdown(socket.SHUT_RDWR)

    return script


def hang(before: bytes = b"") -> Script:
    """Send `before`, then nothing, until the client hangs up."""

    def script(wire: Wire) -> None:
        wire.send(before)
        wire.wait_for_hang_up()

    return script


def trickle(data: bytes, interval_s: float = 0.01) -> Script:
    """Send these bytes one by one."""
    return lambda wire: wire.trickle(data, interval_s)


def endless(chunk: bytes, before: bytes = b"") -> Script:
    """Send `before`, then `chunk` for ever."""

    def script(wire: Wire) -> None:
        wire.send(before)
        while not wire.stopping.is_set():
            wire.send(chunk)

    return script


def hang_up(wire: Wire) -> None:
    """Close without a word."""
    wire.sock.shutdown(socket.SHUT_RDWR)


def reset(wire: Wire) -> None:
    """Close with a reset."""
    wire.reset()


def chat(text: Any = "return 1", **beside: Any) -> dict[str, Any]:
    """A chat completion as an OpenAI-compatible server sends it."""
    return {
        "model": "served-model",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14},
        **beside,
    }
