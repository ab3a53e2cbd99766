"""From cursors in the store to messages on queues: the one function that turns one into the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from maze_tasks.messages import Message, VerifyMessage, messages_for
from maze_tasks.models.runs import Cursor, Plan
from maze_tasks.names import VERIFIERS, HoleId
from maze_tasks.store import care
from maze_tasks.store.runs import RunStore

Send = Callable[[Iterable[Message]], object]

_PAGE = 500  # samples handled in one round trip


def send_from(
    store: RunStore, send: Send, run: str, members: Sequence[care.Member], *, holders_gone: bool = False
) -> int:
    """Send samples of holes again from where their cursors stand.

    Used after a wait, an expiry, a resume: whatever was sent before is stale from then on.

    Args:
        store: the store.
        send: publishes messages.
        run: name of the run.
        members: holes and samples; what has moved on, is closed, or is leased is passed over.
        holders_gone: whether leases count as run out.

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
        asked = [(spot, VERIFIERS if spot.verifying else _model(info.plans, spot)) for spot in found]
        numbers = care.resend(store, run, asked, holders_gone=holders_gone)
        messages: list[Message] = []
        for (spot, _), number in zip(asked, numbers, strict=True):
            if number:
                messages += _messages(run, info.plans, spot, number)
        send(messages)
        count += len(messages)
    return count


def send_group(send: Send, run: str, plan: Plan, hole_id: HoleId, cursor: Cursor, send_no: int) -> None:
    """Send the group of samples at a cursor that its selection has just opened."""
    send(messages_for(run, plan, [hole_id], cursor, send_no))


def _messages(run: str, plans: Sequence[Plan], spot: care.Spot, send_no: int) -> Sequence[Message]:
    if spot.verifying:
        return [VerifyMessage(run, _model(plans, spot), spot.hole_id, spot.cursor, send_no)]
    return messages_for(run, plans[spot.plan_no], [spot.hole_id], spot.cursor, send_no, (spot.cursor.sample,))


def _model(plans: Sequence[Plan], spot: care.Spot) -> str:
    return plans[spot.plan_no].model_at(spot.cursor)
