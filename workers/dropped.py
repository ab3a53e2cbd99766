"""Messages that this process has dropped, counted by kind until the sweeper writes the counts into the store."""

from __future__ import annotations

import threading
from collections import Counter

MALFORMED = "malformed"  # no message, or one whose fields are not what they must be
NEWER = "newer"  # of a later release's format


class Dropped:
    """Counts of dropped messages that no store knows of yet; any thread may add to them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, kind: str, count: int = 1) -> None:
        """Count messages.

        Args:
            kind: why they were dropped, in a word.
            count: how many.
        """
        with self._lock:
            self._counts[kind] += count

    def take(self) -> dict[str, int]:
        """The counts so far, by kind; they begin anew."""
        with self._lock:
            taken, self._counts = dict(self._counts), Counter()
        return taken


dropped = Dropped()
