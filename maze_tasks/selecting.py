"""Best of N: who closes the last sample selects; if it dies, the sweeper does."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from maze_tasks.decide.change import change
from maze_tasks.decide.decomposition import parts_of
from maze_tasks.decide.selection import Contender, select
from maze_tasks.decide.step import Facts, Step, step_on
from maze_tasks.errors import Failure
from maze_tasks.models import Hole
from maze_tasks.models.runs import Attempt, Cursor, ErrorRecord, Plan, RunRules
from maze_tasks.names import VERIFIERS, HoleId
from maze_tasks.sending import Send, send_group
from maze_tasks.store import care, reading
from maze_tasks.store.runs import SELECT_MEMBER, Begun, Finished, RunInfo, RunStore, Ticket
from maze_tasks.validation import likeness

Aside = Callable[[Callable[[], Any]], Any]
_LONG_CHARS = 20_000  # of the fills to choose from together, beyond which comparing them takes many milliseconds

# What is said of a fill until it has been judged.
UNVERIFIED = ErrorRecord(kind="unverified", message="the fill has not been verified")

# Why a usable sample is not the fill: until one is selected, none is.
NOT_SELECTED = ErrorRecord(kind="not_selected", message="another sample of the same candidate was chosen")


@dataclass(frozen=True, slots=True)
class Known:
    """What a selection rests on.

    Args:
        info: of the run.
        spot: where the hole stands.
        hole: the hole, as it is stored.
        attempts: all its attempts, in the order they were decided.
        aside: runs what computes for so long that other calls of the process should not wait for it.
    """

    info: RunInfo
    spot: care.Spot
    hole: Hole
    attempts: Sequence[Attempt]
    aside: Aside = lambda choosing: choosing()

    def choose(self) -> care.Selection:
        """What is to become of the hole."""
        size = sum(len(one.code or "") for one in self.attempts if _at(one, self.spot))
        return self.aside(self._chosen) if size > _LONG_CHARS else self._chosen()

    def _chosen(self) -> care.Selection:
        plan, rules = self.info.plans[self.spot.plan_no], self.info.rules
        facts = facts_of(self.spot.cursor, plan, rules, parts=parts_of(self.hole))
        return _selection(_contenders(self.hole, self.attempts, self.spot), self.spot, plan, rules.scorer, facts)


def known_by(info: RunInfo, ticket: Ticket, begun: Begun, finished: Finished, aside: Aside) -> Known | None:
    """What whoever closed the last sample knows by that; None where it owes no selection."""
    if finished.what != "select":
        return None
    plan = info.plans[begun.plan_no]
    spot = care.Spot(ticket.hole_id, ticket.cursor, begun.plan_no, "in_progress", plan.samples)
    attempts = [Attempt.model_validate_json(record) for record in finished.records]
    return Known(info, spot, Hole.load(json.loads(begun.text)), attempts, aside)


def _look_up(store: RunStore, run: str, hole_id: HoleId) -> Known | None:
    found = care.spots(store, run, [(hole_id, SELECT_MEMBER)])
    info = store.info(run)
    read = reading.read_texts(store.client, store.namespace, run, [hole_id])
    if not found or info is None or not read:
        return None
    ((text, result),) = read
    return Known(info, found[0], Hole.load(json.loads(text)), result.attempts)


def select_fill(store: RunStore, send: Send, run: str, hole_id: HoleId, known: Known | None = None) -> str:
    """Choose among the samples of a candidate that are all closed; nothing happens where somebody has chosen.

    Args:
        store: the store.
        send: publishes the messages of the next candidate's group, where none is acceptable.
        run: name of the run.
        hole_id: the hole.
        known: what the selection rests on; read from the store where it is None.

    Returns:
        What became of the hole: ``filled, next, round, split``, the status it ended with, or ``stale``.

    Raises:
        ServiceUnavailable: Redis or the broker cannot be reached; the sweeper will select.
    """
    known = known or _look_up(store, run, hole_id)
    if known is None:
        return "stale"
    spot, plan = known.spot, known.info.plans[known.spot.plan_no]
    finished, send_no = care.commit_selection(store, run, spot, known.choose())
    if finished.what in ("next", "round"):
        send_group(send, run, plan, hole_id, cursor_after(spot.cursor, finished.what), send_no)
    return finished.what


def cursor_after(cursor: Cursor, step: str) -> Cursor:
    """Where a hole stands after ``next`` or ``round``."""
    return Cursor(cursor.round_no + 1, 0) if step == "round" else Cursor(cursor.round_no, cursor.candidate + 1)


def facts_of(
    cursor: Cursor,
    plan: Plan,
    rules: RunRules,
    *,
    retries: int = 0,
    spill_after_s: float = 0.0,
    draw: float = 0.5,
    verified: bool = False,
    parts: int = 0,
) -> Facts:
    """The facts about a hole that its cursor, plan and rules hold, with those about one attempt (`Facts`)."""
    return Facts(
        candidate=cursor.candidate,
        candidates=plan.stages,
        samples=plan.samples,
        retries=retries,
        max_retries=rules.max_retries,
        spill_after_s=spill_after_s,
        draw=draw,
        round_no=cursor.round_no,
        rounds=rules.max_iterations,
        strategy=rules.failure_strategy,
        verified=verified,
        parts=parts,
    )


def _selection(
    contenders: Sequence[Contender], spot: care.Spot, plan: Plan, scorer: str, facts: Facts
) -> care.Selection:
    """What follows for the hole; the contenders are those of `_contenders`, each at the index of its record."""
    places = [index for index, one in enumerate(contenders) if _at(one.attempt, spot)]
    here = [contenders[index] for index in places]
    best = select(here, scorer)
    if best is not None:
        chosen = here[best].attempt.model_copy(update={"outcome": "accepted", "error": None})
        return care.Selection("accept", winner=(places[best], chosen))
    last = next((one.attempt.error for one in reversed(here) if one.attempt.error), None)
    failure = Failure(last.kind, last.message) if last else Failure("no_fill", "no sample gave an acceptable fill")
    step = step_on(failure, facts)
    goes_on = step.kind in ("next", "round")
    following = plan.models_at(cursor_after(spot.cursor, step.kind).candidate) if goes_on else ()
    return care.Selection(step.kind, following=following, error=(failure.kind, failure.message), status=step.status)


def _contenders(hole: Hole, attempts: Sequence[Attempt], spot: care.Spot) -> list[Contender]:
    """All attempts of a hole; those at the spot that stand for choice with what is known of their fills."""

    def stands(one: Attempt) -> bool:
        return _at(one, spot) and one.error is not None and one.error.kind == NOT_SELECTED.kind

    looks = _looks(hole, {one.code or "" for one in attempts if stands(one)})
    return [
        Contender(one.model_copy(update={"outcome": "accepted"}), *looks[one.code or ""])
        if stands(one)
        else Contender(one)
        for one in attempts
    ]


def _looks(hole: Hole, codes: Collection[str]) -> dict[str, tuple[str, int]]:
    """Likeness and change of each of some fills; where there is but one, nothing hangs on them."""
    if len(codes) == 1:
        return dict.fromkeys(codes, ("", 0))
    before = (hole.state.current_fill if hole.state else None) or ""
    indent = hole.place.indent if hole.place else ""
    return {code: (likeness(code, hole.language, indent), change(before, code)) for code in codes}


def _at(attempt: Attempt, spot: care.Spot) -> bool:
    return attempt.round == spot.cursor.round_no and attempt.candidate == spot.cursor.candidate


def model_after(plan: Plan, cursor: Cursor, step: Step) -> str | None:
    """The candidate that a step leads to, or the verifiers; None where it leads to none."""
    if step.kind == "verify":
        return VERIFIERS
    if step.kind not in ("next", "round"):
        return None
    return plan.model_at(cursor_after(cursor, step.kind))
