"""Steps that the tests of the store take, each one call of its public interface."""

from __future__ import annotations

from maze_tasks.lost import lost_record
from maze_tasks.models.runs import Attempt, Cursor, ErrorRecord, Plan, RunRules
from maze_tasks.names import HoleId
from maze_tasks.store import Commit, NewHole, RunStore, Ticket, care, reading

RUN = "night run/1"
PLAN = Plan(("fast", "good"))
LONE = Plan(("good",))
GROUP = Plan(("fast", "good"), samples=3)
NO_PRICE = (0, 0)


def open_run(store: RunStore, plans: list[Plan], holes: list[tuple[HoleId, int]], *, seal: bool = True) -> None:
    assert store.create(RUN, plans, input_digest="in", config_digest="conf", rules=RunRules()) == "created"
    new = [NewHole(hole_id, f'{{"id":"{hole_id}"}}', number, plans[number], 100, 50) for hole_id, number in holes]
    assert store.submit(RUN, new) == [hole_id for hole_id, _ in holes]
    if seal:
        store.seal(RUN)


def ticket(
    hole_id: HoleId = 7, *, candidate: int = 0, sample: int = 0, send_no: int = 1, model: str = "fast"
) -> Ticket:
    return Ticket(RUN, hole_id, Cursor(0, candidate, sample), send_no, model)


def lost(at: Ticket) -> Attempt:
    return Attempt(candidate=at.cursor.candidate, model=at.model, outcome="lost", unsettled=True)


def begin(store: RunStore, at: Ticket, attempt_id: str = "a1") -> str:
    return store.begin(at, attempt_id, lost(at), NO_PRICE).verdict


def commit(
    at: Ticket, step: str, outcome: str = "accepted", *, cost: int = 5, wait_ms: int = 0, retries: int = -1
) -> Commit:
    attempt = Attempt(
        candidate=at.cursor.candidate,
        sample=at.cursor.sample,
        model=at.model,
        outcome=outcome,
        code=f"code of {at.model}",
        cost_nano=cost,
        latency_ms=2.0,
        error=None if outcome == "accepted" else ErrorRecord(kind="server_error", message="500"),
    )
    usable = outcome in ("accepted", "rejected")
    counts = {"requests": 1, "successes": int(usable), "failures": int(not usable), "accepted": int(step == "accept")}
    counts["cost_nano"] = cost
    return Commit(attempt, step, counts, wait_ms, "server_error", "500", retries=retries)


def finish(
    store: RunStore, at: Ticket, step: str, outcome: str = "accepted", attempt_id: str = "a1", **more: int
) -> str:
    following = "good" if step == "next" else None
    return store.finish(at, attempt_id, commit(at, step, outcome, **more), next_model=following).what


def resend(store: RunStore, spot: care.Spot, model: str, *, holders_gone: bool = False) -> int:
    """The new send number of a sample."""
    record = lost_record(spot.cursor, model)
    (sending,) = care.resend(store, RUN, [(spot, record)], holders_gone=holders_gone)
    return sending.number


def status(store: RunStore, run: str = RUN) -> dict[str, object]:
    found = reading.read_status(store.client, store.namespace, run)
    assert found is not None
    total = found.pending + found.in_progress + found.closed
    assert total == found.holes
    return found.report()
