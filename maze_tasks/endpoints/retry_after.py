"""How long a server asks us to wait, in every form that servers write it.

Pure: the time of receipt is handed in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

MAX_PAUSE_S = 86_400.0  # one day: a longer hint is a mistake or an attack, and would park a model for good
MS_PER_S = 1000.0

# Where a pause may stand, the most precise first. LiteLLM hands an upstream's headers on behind ``llm_provider-``
# (MEASURED, "How real servers answer").
HINTS: tuple[tuple[str, float], ...] = (
    ("retry-after-ms", MS_PER_S),
    ("retry-after", 1.0),
    ("llm_provider-retry-after-ms", MS_PER_S),
    ("llm_provider-retry-after", 1.0),
)

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """The pause a reply asks for.

    Source: CONTRACTS section 4 (seconds as integer or decimal, HTTP date, ``retry-after-ms``) and MEASURED.

    Args:
        headers: headers of the reply; names in any case.
        now: when the reply came, in seconds since the epoch. The reply's own ``Date`` is used instead where it has
            one, so that a server whose clock is off still means the pause it meant.

    Returns:
        Seconds in 0..`MAX_PAUSE_S`, or None where the reply names no pause that can be understood.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    sent_at = _date(lowered.get("date", ""))
    base = now if sent_at is None else sent_at
    for name, per_second in HINTS:
        for value in _values(lowered.get(name)):
            pause_s = _pause(value, per_second, base)
            if pause_s is not None:
                return min(max(pause_s, 0.0), MAX_PAUSE_S)
    return None


def _values(header: str | None) -> Iterator[str]:
    """The header as it stands, then its comma-separated parts: a repeated header arrives joined."""
    if header is None:
        return
    yield header.strip()
    if "," in header:
        yield from (part.strip() for part in header.split(","))


def _pause(value: str, per_second: float, base: float) -> float | None:
    """Seconds that one value means; None where it is neither a number nor a date."""
    if _NUMBER.fullmatch(value):
        return float(value) / per_second
    until = _date(value)
    return None if until is None else until - base


def _date(value: str) -> float | None:
    """Seconds since the epoch of an HTTP date in any of its three forms (RFC 9110, section 5.6.7)."""
    try:
        moment = parsedate_to_datetime(value)
        # The asctime form and ``-0000`` name no zone; HTTP dates are always UTC.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
