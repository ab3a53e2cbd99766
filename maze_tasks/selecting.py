"""Best of N: who closes the last sample selects; if it dies, the sweeper does."""

from __future__ import annotations

from maze_tasks.decide.selection import select
from maze_tasks.models.runs import Attempt, ErrorRecord
from maze_tasks.names import HoleId
from maze_tasks.sending import Send, send_group
from maze_tasks.store import care, reading
from maze_tasks.store.runs import SELECT_MEMBER, RunStore

# Why a usable sample is not the fill: until one is selected, none is.
NOT_SELECTED = ErrorRecord(kind="not_selected", message="another sample of the same candidate was chosen")


def select_fill(store: RunStore, send: Send, run: str, hole_id: HoleId) -> None:
    """Choose among the samples of a candidate that are all closed; nothing happens where somebody has chosen.

    Args:
        store: the store.
        send: publishes the messages of the next candidate's group, where none is acceptable.
        run: name of the run.
        hole_id: the hole.

    Raises:
        ServiceUnavailable: Redis or the broker cannot be reached; the sweeper will select.
    """
    found = care.spots(store, run, [(hole_id, SELECT_MEMBER)])
    info = store.info(run)
    if not found or info is None:
        return
    spot = found[0]
    plan = info.plans[spot.plan_no]
    attempts = reading.read_attempts(store.client, store.namespace, run, hole_id)
    places = [index for index, attempt in enumerate(attempts) if _at(attempt, spot)]
    best = select([_as_candidate(attempts[index]) for index in places], str(info.options.get("scorer", "evidence")))
    winner = None
    if best is not None:
        chosen = attempts[places[best]].model_copy(update={"outcome": "accepted", "error": None})
        winner = (places[best], chosen)
    following = plan.candidates[spot.cursor.candidate + 1 :]
    last = next((attempts[index].error for index in reversed(places) if attempts[index].error), None)
    error = (last.kind, last.message) if last else ("no_fill", "no sample gave an acceptable fill")
    finished, send_no = care.commit_selection(
        store, run, spot, winner=winner, next_model=following[0] if following else None, error=error
    )
    if finished.what == "next":
        send_group(send, run, plan, spot, send_no)


def _at(attempt: Attempt, spot: care.Spot) -> bool:
    return attempt.round == spot.cursor.round_no and attempt.candidate == spot.cursor.candidate


def _as_candidate(attempt: Attempt) -> Attempt:
    if attempt.error is not None and attempt.error.kind == NOT_SELECTED.kind:
        return attempt.model_copy(update={"outcome": "accepted"})
    return attempt
