"""Counting what the workers of a rival have done, at next to no cost: each process adds its count now and then."""

from __future__ import annotations

import os
import threading
import time

import redis

DONE, FAILED, READY = "bench:done", "bench:failed", "bench:ready"
EVERY_S = 0.01
PATIENCE_S = 900.0


class Tally:
    """Counts in a worker process.

    Args:
        url: of the Redis that the driver reads.
    """

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url)
        self._lock = threading.Lock()
        self._done = self._failed = 0
        self._thread: threading.Thread | None = None

    def ready(self) -> None:
        """Say that this process is there."""
        self._client.sadd(READY, os.getpid())

    def add(self, done: int = 1, failed: int = 0) -> None:
        """Count."""
        with self._lock:
            self._done += done
            self._failed += failed
            if self._thread is None:
                self._thread = threading.Thread(target=self._tell, daemon=True)
                self._thread.start()

    def _tell(self) -> None:
        while True:
            time.sleep(EVERY_S)
            with self._lock:
                done, failed, self._done, self._failed = self._done, self._failed, 0, 0
            if done or failed:
                self._client.incrby(FAILED, failed)
                self._client.incrby(DONE, done)


class Watch:
    """Waits for counts in a driver.

    Args:
        url: of the Redis that the workers count in.
    """

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url)

    def wait(self, count: int) -> None:
        """Wait until that many more are done; a failure counts as done.

        Raises:
            SystemExit: some failed, or it takes too long.
        """
        end = time.monotonic() + PATIENCE_S
        while (done := int(self._client.get(DONE) or 0)) < count:  # type: ignore[arg-type]
            if time.monotonic() > end:
                raise SystemExit(f"only {done} of {count} were done after {PATIENCE_S:.0f} s")
            time.sleep(EVERY_S)
        failed = int(self._client.get(FAILED) or 0)  # type: ignore[arg-type]
        if failed:
            raise SystemExit(f"{failed} of {count} failed")
        self._client.set(DONE, 0)
