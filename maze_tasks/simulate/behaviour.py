"""What happens to a request, decided from values: draws, faults and limits. No I/O, no clock, no state of its own."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from hashlib import blake2b

from maze_tasks.simulate.settings import Fault, RetryAfterForm

_DRAW_BYTES = 8


def place_in_run(key: str) -> str:
    """An idempotency key without its run, so that two runs of other names over the same holes meet the same luck.

    Source: ARCHITECTURE, "The way of a hole": the key is ``{run}/{hole}/{round}/{candidate}/{sample}``.
    """
    return key.partition("/")[2] or key


def draw(seed: int, endpoint: str, purpose: str, place: str, arrival: int) -> float:
    """A uniform number in [0, 1) that depends on nothing but its arguments.

    Args:
        seed: of the endpoint's settings.
        endpoint: its name, so that two endpoints of one seed do not fail together.
        purpose: what the number is for; other purposes get other numbers.
        place: which request, as `place_in_run` says it, or a digest of the body where there is no key.
        arrival: how often this request came before, so that a repeat can fare better.
    """
    text = f"{seed}\0{endpoint}\0{purpose}\0{place}\0{arrival}".encode(errors="surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=_DRAW_BYTES).digest()) / 2.0 ** (8 * _DRAW_BYTES)


def fault_for(faults: Sequence[Fault], number: int, share: float) -> Fault | None:
    """The fault that a request meets, or None.

    Args:
        faults: of the endpoint, in the order listed; counted ones go first, the rates divide the rest.
        number: which request of the endpoint it is, from 1.
        share: a draw in [0, 1).
    """
    for fault in faults:
        if fault.rate is None and _is_due(fault, number):
            return fault
    reached = 0.0
    for fault in faults:
        reached += fault.rate or 0.0
        if share < reached:
            return fault
    return None


def _is_due(fault: Fault, number: int) -> bool:
    counted = number - fault.after
    if counted <= 0:
        return False
    if fault.first is not None:
        return counted <= fault.first
    return fault.every is not None and counted % fault.every == 0


def retry_after(form: RetryAfterForm, pause_s: float, now: float) -> dict[str, str]:
    """The header that asks for a pause, never for less than was meant.

    Args:
        form: how it is said (CONTRACTS section 4; the provider's header is what proxies pass on).
        pause_s: the pause in seconds.
        now: wall clock in seconds since 1970, for the form of a date.
    """
    match form:
        case "none":
            return {}
        case "seconds":
            return {"Retry-After": str(math.ceil(pause_s))}
        case "decimal":
            return {"Retry-After": f"{math.ceil(pause_s * 1000) / 1000:.3f}"}
        case "date":
            return {"Retry-After": formatdate(math.ceil(now + pause_s), usegmt=True)}
        case "ms":
            return {"retry-after-ms": str(math.ceil(pause_s * 1000))}
        case "provider":
            return {"llm_provider-retry-after": str(math.ceil(pause_s))}


@dataclass(slots=True)
class SlidingWindow:
    """Amounts taken within the last `span_s` seconds, never more than `limit` together.

    Args:
        limit: most that may be taken within any span; an amount above it counts as the whole limit.
        span_s: length of the span in seconds.
    """

    limit: float
    span_s: float
    _taken: deque[tuple[float, float]] = field(default_factory=deque)
    _total: float = 0.0

    def wait_s(self, now: float, amount: float = 1) -> float:
        """Seconds until the amount would fit; 0 if it fits now."""
        self._forget(now)
        excess = self._total + min(amount, self.limit) - self.limit
        if excess <= 0:
            return 0.0
        for at, taken in self._taken:
            excess -= taken
            if excess <= 0:
                return at + self.span_s - now
        return self.span_s

    def take(self, now: float, amount: float = 1) -> float:
        """Enter an amount, whether it fits or not.

        Returns:
            what the window holds with it.
        """
        self._forget(now)
        amount = min(amount, self.limit)
        self._taken.append((now, amount))
        self._total += amount
        return self._total

    def _forget(self, now: float) -> None:
        while self._taken and self._taken[0][0] <= now - self.span_s:
            self._total -= self._taken.popleft()[1]
