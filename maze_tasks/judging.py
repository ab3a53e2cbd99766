"""The life of a verification: inspect, run a command, decide, judge. A plain function; no Celery here."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from maze_tasks import caching, selecting
from maze_tasks.decide.decomposition import parts_of
from maze_tasks.decide.profiles import profile_of
from maze_tasks.decide.step import Facts, step_judged
from maze_tasks.errors import Failure, MazeError
from maze_tasks.freeing import free_dependents
from maze_tasks.leases import LeaseKeeper
from maze_tasks.messages import VerifyMessage
from maze_tasks.models import Hole
from maze_tasks.models.places import Place
from maze_tasks.models.runs import Attempt, ErrorRecord, Plan
from maze_tasks.names import HoleId
from maze_tasks.parts import see_to
from maze_tasks.sending import Send, send_from
from maze_tasks.source.patcher import PatchRefused, patch
from maze_tasks.store import reading, verdicts
from maze_tasks.store.cache import FillCache
from maze_tasks.store.runs import Finished, RunInfo, RunStore, Ticket
from maze_tasks.verification import Check, Value, Verdict, Verifier

logger = logging.getLogger(__name__)

PATIENCE_S = 600.0  # for workers to come that can judge a fill which those who were asked could not
_UNABLE_S = 1.0  # wait before a fill is offered again to others by a worker that may not even try
_FAILED_S, _FAILED_MAX_S = (
    5.0,
    60.0,
)  # and by one whose machine failed, which may be the fill's doing; doubled each time
_STEP_BACK_S = 3.0  # that such a worker leaves the queue to others: else it would be done first with all that is in it
_GRACE_S = 60.0  # for making the copy, beside the command's own limit
_DEADLY = Failure(
    "suspect", "workers died whenever they verified it, at the end with nothing else to do; it is not tried again"
)
_MAX_DEPTH = 50  # of dependencies whose fills are put into the tree too


@dataclass(frozen=True, slots=True)
class Judge:
    """What a process needs to judge fills.

    Args:
        store: the store.
        leases: keeps leases alive while commands run.
        send: publishes messages.
        verifier: opens this worker's verifier when it is first needed.
        patience_s: how long a fill is offered to workers that cannot judge it, in seconds, from when it was first
            declined or somebody last judged anything of its run.
        step_back: waits for some seconds; takes the place of a verification meanwhile.
    """

    store: RunStore
    leases: LeaseKeeper
    send: Send
    verifier: Callable[[], Verifier]
    patience_s: float = PATIENCE_S
    step_back: Callable[[float], object] = time.sleep

    def judge(self, message: VerifyMessage) -> None:
        """Judge one fill, if it waits for that.

        Args:
            message: what waits.

        Raises:
            ServiceUnavailable: Redis cannot be reached; the fill is judged again.
        """
        info = self.store.info(message.run)
        if info is None or info.rules.snapshot is None:
            return
        ticket = Ticket(message.run, message.hole_id, message.cursor, message.send_no, message.model)
        attempt_id = secrets.token_hex(16)
        found = verdicts.inspect(self.store, ticket, attempt_id)
        if found.verdict != "go" or found.attempt is None:
            logger.debug("verification of %r dropped: %s", message.hole_id, found.verdict)
            return
        hole = Hole.load(json.loads(found.text))
        plan = info.plans[found.plan_no]
        verdict: Verdict | Failure | _Undecided = _DEADLY
        if found.deaths < verdicts.DEATHS:
            verdict = self._verdict(hole, found.attempt, info, ticket, attempt_id, rivals=plan.samples > 1)
        if isinstance(verdict, Failure) or (isinstance(verdict, Verdict) and verdict.failure is not None):
            caching.forget(FillCache.beside(self.store), found.attempt.request)
        facts = replace(
            selecting.facts_of(ticket.cursor, plan, info.rules), parts=parts_of(hole), joined=found.attempt.joined
        )
        if not isinstance(verdict, _Undecided):
            finished = self._commit(ticket, attempt_id, found.attempt, verdict, plan, facts)
        elif found.declined_ms < self.patience_s * 1000:
            # Nothing is known of the fill: somebody else is asked, after a while.
            wait_ms = round(verdict.wait_s(found.declined) * 1000)
            verdicts.decline(self.store, ticket, attempt_id, wait_ms=wait_ms)
            if not verdict.needless:
                self.step_back(_STEP_BACK_S)
            return
        else:
            finished = self._give_up(ticket, attempt_id, found.attempt, verdict.why, facts)
        self._follow_up(message, finished, info)

    def _verdict(
        self, hole: Hole, attempt: Attempt, info: RunInfo, ticket: Ticket, attempt_id: str, *, rivals: bool
    ) -> Verdict | Failure | _Undecided:
        """What became of a fill's verification."""
        profile, digest = profile_of(hole, info.rules), info.rules.snapshot
        assert profile is not None
        assert digest is not None
        try:
            verifier = self.verifier()
            why = verifier.unable(profile, digest)
        except MazeError as error:
            why = str(error)
        if why is not None:
            return self._undecided(ticket.run, f"a worker cannot verify with profile {profile!r}: {why}", tried=False)
        limit = verifier.profiles[profile].timeout_s + _GRACE_S
        with self.leases.holding(ticket, attempt_id, limit, rivals=rivals) as cut:
            try:
                files = self._files(verifier, digest, ticket.run, hole, attempt.code or "")
                verdict = verifier.verify(Check(profile, digest, files, values_of(hole)), cut)
            except PatchRefused as error:
                return Failure("unusable", f"the fill cannot be put into the file: {error.reason}")
            except (MazeError, OSError) as error:
                return self._undecided(ticket.run, f"a worker could not verify with profile {profile!r}: {error}")
        if not verdict.conclusive and cut.is_set():
            return _Undecided("nobody needs its verdict", needless=True)
        if not verdict.conclusive:
            return self._undecided(ticket.run, f"a worker could not verify with profile {profile!r}: {verdict.message}")
        return verdict

    def _files(self, verifier: Verifier, digest: str, run: str, hole: Hole, code: str) -> Mapping[str, bytes]:
        """The files that the fill changes, with the fills it depends on in them."""
        fills: dict[str, list[tuple[Place, str]]] = {}
        for place, text in [*self._dependencies(run, hole), (hole.place, code)]:
            assert place is not None
            fills.setdefault(place.path, []).append((place, text))
        with verifier.trees.hold(digest) as base:
            return {path: patch(_content(base, path), found).data for path, found in fills.items()}

    def _dependencies(self, run: str, hole: Hole) -> list[tuple[Place, str]]:
        """Places and fills of all that a hole depends on, directly or not."""
        found: dict[HoleId, tuple[Place, str]] = {}
        wanted, seen = list(hole.depends_on), set(hole.depends_on)
        for _ in range(_MAX_DEPTH):
            following: list[HoleId] = []
            for text, result in reading.read_texts(self.store.client, self.store.namespace, run, wanted):
                other = Hole.load(json.loads(text))
                following += [one for one in other.depends_on if one not in seen]
                seen.update(other.depends_on)
                if other.place is not None and result.code is not None:
                    found[result.hole_id] = (other.place, result.code)
            if not following:
                break
            wanted = following
        return list(found.values())

    def _commit(
        self,
        ticket: Ticket,
        attempt_id: str,
        attempt: Attempt,
        verdict: Verdict | Failure,
        plan: Plan,
        facts: Facts,
    ) -> Finished:
        failure = verdict if isinstance(verdict, Failure) else verdict.failure
        step = step_judged(failure, facts)
        judged = attempt.model_copy(
            update={
                "outcome": "rejected" if failure else "accepted",
                "error": ErrorRecord.of(failure) if failure else None,
                "verified": failure is None,
                "output": (verdict.excerpt or None) if isinstance(verdict, Verdict) else None,
            }
        )
        follows = None
        if step.kind in ("next", "round"):
            follows = plan.model_at(selecting.cursor_after(ticket.cursor, step.kind))
        error = (failure.kind, failure.message) if failure else ("", "")
        judgement = verdicts.Judgement(judged, step.kind, error, step.status, ran=isinstance(verdict, Verdict))
        return verdicts.judge(self.store, ticket, attempt_id, judgement, next_model=follows)

    def _give_up(self, ticket: Ticket, attempt_id: str, attempt: Attempt, why: str, facts: Facts) -> Finished:
        """End a hole whose fill nobody can judge; people may look at it, or send it again when somebody can."""
        failure = Failure("unverified", f"nobody could verify it within {self.patience_s:g} s; {why}")
        kept = attempt.model_copy(update={"outcome": "rejected", "error": ErrorRecord.of(failure)})
        step = "close" if facts.samples > 1 and not facts.joined else "fail"
        judgement = verdicts.Judgement(kept, step, (failure.kind, failure.message), "needs_review")
        return verdicts.judge(self.store, ticket, attempt_id, judgement, next_model=None)

    def _follow_up(self, message: VerifyMessage, finished: Finished, info: RunInfo) -> None:
        see_to(self.store, self.send, message.run, message.hole_id, finished.what)
        if finished.what in ("next", "round"):
            send_from(self.store, self.send, message.run, [(message.hole_id, str(message.cursor.sample))])
        if info.rules.ordered:
            free_dependents(self.store, self.send, message.run, message.hole_id)

    def _undecided(self, run: str, why: str, *, tried: bool = True) -> _Undecided:
        if self.store.note(run, why):
            logger.warning("%s", why)
        return _Undecided(why, tried=tried)


@dataclass(frozen=True, slots=True)
class _Undecided:
    """Why a worker has no verdict on a fill.

    Args:
        why: for people.
        tried: whether it set about it.
        needless: whether nobody needs the verdict any more.
    """

    why: str
    tried: bool = True
    needless: bool = False

    def wait_s(self, declined: int) -> float:
        """Seconds until the fill is offered again, after it was declined some times before."""
        return min(_FAILED_S * 2.0 ** min(declined, 10), _FAILED_MAX_S) if self.tried else _UNABLE_S


def _content(base: Path, path: str) -> bytes:
    """A file of the tree; the path comes from the run, and may say anything.

    Raises:
        PatchRefused: it is not there, or not in the tree.
    """
    try:
        real = (base / path).resolve(strict=True)
        if real != base.resolve() / path or not real.is_file():
            raise PatchRefused("path", "it is no file of the tree, or lies behind a link")
        return real.read_bytes()
    except (OSError, ValueError):
        raise PatchRefused("missing", "the tree has no such file") from None


def values_of(hole: Hole) -> dict[str, Value]:
    """What a hole gives for placeholders: what it says, and what every hole gives by itself.

    Args:
        hole: has a place.
    """
    place = hole.place
    assert place is not None
    given = hole.verify.values if hole.verify is not None else {}
    return {
        "hole": str(hole.id),
        "file": place.path,
        "line": str(place.line),
        "stem": PurePosixPath(place.path).stem,
        "scope": ".".join(place.scope),
        "name": place.scope[-1] if place.scope else "",
        **given,
    }
