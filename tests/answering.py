"""An endpoint of its own in this process: a real HTTP server that answers as a function says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from maze_tasks.models import ModelEndpoint
from maze_tasks.names import IDEMPOTENCY_HEADER, parse_idempotency_key


@dataclass(frozen=True)
class Asked:
    """One request: the hole that it is for, its round, candidate and sample, and what the body says."""

    hole: str
    round: int
    candidate: int
    sample: int
    model: str
    prompt: str
    body: Mapping[str, Any]
    key: str


Answer = Callable[[Asked], "str | int"]


class Answering:
    """Serves the openai protocol until closed.

    Args:
        answer: the text for a request, or the HTTP status that it is refused with.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer, self.asked = answer, list[Asked]()
        self.calls_now = self.most_at_once = 0
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, reply = outer._reply(body, self.headers[IDEMPOTENCY_HEADER] or "")
                data = json.dumps(reply).encode()
                with suppress(ConnectionError):  # who asked may be gone
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def endpoint(self, name: str = "one", **settings: Any) -> ModelEndpoint:
        """An endpoint that is answered here; its model is called as itself."""
        url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        return ModelEndpoint(name=name, endpoint_url=url, **{"model": name, "timeout_secs": 20, **settings})

    def of(self, hole: object) -> list[Asked]:
        """What was asked for a hole."""
        return [one for one in self.asked if one.hole == str(hole)]

    def _reply(self, body: Mapping[str, Any], key: str) -> tuple[int, Mapping[str, Any]]:
        place = parse_idempotency_key(key)
        assert place is not None
        _, hole, *numbers = place
        prompt = body["messages"][-1]["content"]
        asked = Asked(hole, *numbers, model=body["model"], prompt=prompt, body=body, key=key)
        with self._lock:
            self.asked.append(asked)
            self.calls_now += 1
            self.most_at_once = max(self.most_at_once, self.calls_now)
        try:
            text = self.answer(asked)
        finally:
            with self._lock:
                self.calls_now -= 1
        if isinstance(text, int):
            return text, {"error": {"message": f"status {text} was asked for"}}
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        return 200, {
            "id": "1",
            "object": "chat.completion",
            "model": body["model"],
            "choices": [choice],
            "usage": usage,
        }
