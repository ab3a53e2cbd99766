"""How many holes travel in one message.

A message costs a worker and the broker about half a millisecond of processor time, whatever it carries; what is in a
worker's hands no other can take. So many holes go together where calls are short and there are plenty, and one alone
where calls are long or few.
"""

from __future__ import annotations

MOST_HOLES = 50  # in one parcel; beyond that a message's cost a hole hardly falls any more
BUSY_S = 2.5  # how long one call slot would have to work at a parcel, which all slots of its process share
PARCELS_A_SLOT = 4  # that each slot should find at least, so that all end at about the same time
LONG_CALL_S = 0.25  # from which on a process that has one hole more than another at the end keeps a run waiting
PARCELS_A_LONG_SLOT = 50  # that each slot should find there: one more call at the end is then little of the run
UNKNOWN_LATENCY_S = 0.1  # of a call to a model that nobody has asked yet
LONGEST_S = 4.5 * 3600  # that a parcel may take in all: less than the six hours a broker waits for its acknowledgement


def parcel_size(calls: int | None, *, slots: int, latency_s: float | None, timeout_s: float) -> int:
    """Holes to send in one message.

    Args:
        calls: calls that the run makes to the model, one a hole or one for each sample that it is asked for; None where
            nobody knows, and each hole travels alone.
        slots: calls at once that the model may have.
        latency_s: what a call to it takes on the average, None where that is not known.
        timeout_s: what a call to it takes at most.

    Returns:
        A number from 1 to `MOST_HOLES`.
    """
    if calls is None:
        return 1
    latency = UNKNOWN_LATENCY_S if latency_s is None else latency_s
    by_latency = BUSY_S / max(latency, BUSY_S / MOST_HOLES)
    by_run = calls / (slots * (PARCELS_A_SLOT if latency < LONG_CALL_S else PARCELS_A_LONG_SLOT))
    return max(1, int(min(by_latency, by_run, LONGEST_S / timeout_s, MOST_HOLES)))
