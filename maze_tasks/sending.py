"""From cursors in the store to messages on queues: the one function that turns one into the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from maze_tasks.lost import lost_record
from maze_tasks.messages import FillMessage, Message, VerifyMessage, messages_for
from maze_tasks.models.runs import Cursor, Plan
from maze_tasks.names import HoleId
from maze_tasks.store import care
from maze_tasks.store.runs import RunStore

Send = Callable[[Iterable[Message]], object]

_PAGE = 500  # samples handled in one round trip


def send_from(
    store: RunStore,
    send: Send,
    run: str,
    members: Sequence[care.Member],
    *,
    holders_gone: bool = False,
    ahead: bool = False,
) -> int:
    """Send samples of holes again from where their cursors stand.

    Used after a wait, an expiry, a resume: whatever was sent before is stale from then on.

    Args:
        store: the store.
        send: publishes messages.
        run: name of the run.
        members: holes and samples; what has moved on, is closed, or is leased is passed over, and so is what is set
            aside since its workers died too often.
        holders_gone: whether leases count as run out.
        ahead: whether they go ahead of what lies in their queues: they have waited before.

    Returns:
        How many samples were sent.

    Raises:
        ServiceUnavailable: Redis or the broker cannot be reached.
    """
    info = store.info(run)
    if info is None:
        return 0
    count = 0
    for start in range(0, len(members), _PAGE):
        found = care.spots(store, run, members[start : start + _PAGE])
        asked = [(spot, lost_record(spot.cursor, info.plans[spot.plan_no].model_at(spot.cursor))) for spot in found]
        sendings = care.resend(store, run, asked, holders_gone=holders_gone)
        messages: list[Message] = []
        for spot, sending in zip(found, sendings, strict=True):
            if sending.number > 0:
                messages += [replace(one, ahead=ahead) for one in _messages(run, info.plans, spot, sending)]
        send(messages)
        count += len(messages)
    return count


def send_group(send: Send, run: str, plan: Plan, hole_id: HoleId, cursor: Cursor, send_no: int) -> None:
    """Send the group of samples at a cursor that its selection has just opened."""
    send(messages_for(run, plan, [hole_id], cursor, send_no))


class Gathered:
    """Groups of samples that the selections of one parcel open, to be sent together: a message a sample, not a hole.

    A selection sends by calling it. What belongs to no group is not held up.

    Args:
        send: publishes messages.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._held: dict[FillMessage, list[FillMessage]] = {}

    def __call__(self, messages: Iterable[Message]) -> None:
        """Keep what belongs to groups, and send the rest.

        Raises:
            ServiceUnavailable: the broker cannot be reached.
        """
        at_once: list[Message] = []
        for one in messages:
            if isinstance(one, FillMessage) and one.samples > 1:
                with self._lock:
                    self._held.setdefault(replace(one, holes=(), send_no=0), []).append(one)
            else:
                at_once.append(one)
        if at_once:
            self._send(at_once)

    def send(self) -> set[HoleId]:
        """Send what is kept; which holes that was of.

        A message carries the highest number of its sendings: whatever is sent of its holes from now on has a higher
        one, and makes it stale.

        Raises:
            ServiceUnavailable: the broker cannot be reached; the sweeper will find the holes.
        """
        with self._lock:
            held, self._held = self._held, {}
        together = [
            replace(alike, holes=tuple(hole for one in some for hole in one.holes), send_no=max(map(_number, some)))
            for alike, some in held.items()
        ]
        if together:
            self._send(together)
        return {hole_id for message in together for hole_id in message.holes}


def _number(message: FillMessage) -> int:
    return message.send_no


def _messages(run: str, plans: Sequence[Plan], spot: care.Spot, sending: care.Sending) -> Sequence[Message]:
    plan, number, at = plans[spot.plan_no], sending.number, spot.cursor
    if spot.verifying:
        return [VerifyMessage(run, plan.model_at(at), spot.hole_id, at, number, sending.suspect)]
    made = messages_for(run, plan, [spot.hole_id], at, number, (at.sample,))
    return [replace(message, suspect=sending.suspect) for message in made]
