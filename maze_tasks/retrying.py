"""Trying again what ended without a fill, and what is known of holes that were set aside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from maze_tasks import control
from maze_tasks.errors import Refused
from maze_tasks.freeing import free_dependents, release_ready
from maze_tasks.models.runs import NANO_PER_USD, Attempt, HoleResult
from maze_tasks.names import HoleId
from maze_tasks.sending import Send, send_from
from maze_tasks.store import aside, care, reading, splitting
from maze_tasks.store.runs import RunStore

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Dead:
    """A sample that was set aside, with the evidence.

    Args:
        run: name of its run.
        result: what became of its hole.
        sample: the sample.
    """

    run: str
    result: HoleResult
    sample: int

    @property
    def deaths(self) -> tuple[Attempt, ...]:
        """Its attempts whose workers never came back, oldest first."""
        return tuple(one for one in self.result.attempts if one.outcome == "lost" and one.sample == self.sample)

    def report(self) -> dict[str, Any]:
        """The JSON line of `maze dead`."""
        shown = ("round", "candidate", "model", "worker", "at")
        return {
            "run": self.run,
            "hole_id": self.result.hole_id,
            "sample": self.sample,
            "status": self.result.status,
            "deaths": [{name: getattr(one, name) for name in shown} for one in self.deaths],
            "cost_usd": sum(one.cost_nano for one in self.deaths) / NANO_PER_USD,
        }


def dead(store: RunStore, run: str) -> Iterator[Dead]:
    """Samples of a run that were set aside, in the order in which that happened.

    Raises:
        UnknownRun: there is none of that name.
    """
    control.status(store, run)
    members = aside.set_aside(store, run)
    for start in range(0, len(members), _PAGE):
        page = members[start : start + _PAGE]
        ids = list(dict.fromkeys(hole_id for hole_id, _ in page))
        found = {one.hole_id: one for one in reading.read_results(store.client, store.namespace, run, ids)}
        yield from (Dead(run, found[hole_id], sample) for hole_id, sample in page if hole_id in found)


def retry_failed(store: RunStore, send: Send, run: str, *, kind: str | None = None) -> int:
    """Try the holes of a run again that ended without a fill: a round more, from the first candidate on.

    Args:
        store: the store.
        send: publishes messages.
        run: name of the run; where it had ended it goes on.
        kind: the error that they ended with, by default any but a cancellation.

    Returns:
        How many holes are tried again.

    Raises:
        UnknownRun: there is none of that name.
        Refused: the run was cancelled, has expired, is still being submitted, or was made by a newer release.
        ServiceUnavailable: Redis or the broker cannot be reached; what was opened is sent by the sweeper or a repeat.
    """
    found = control.require_known_format(store, run)
    if found.state not in ("done", "exhausted", "running", "paused") or not found.sealed:
        state = found.state if found.sealed else "still being submitted"
        raise Refused(f"run {run!r} is {state}: its failed holes cannot be tried again")
    count = 0
    for ids in reading.iter_ids(store.client, store.namespace, run):
        ready, waiting = _with_family(store, run, *aside.reopen(store, run, ids, kind))
        if not ready and not waiting:
            continue
        care.look_after(store, run)
        count += len(ready) + len(waiting)
        spots = care.spots(store, run, [(one, "0") for one in ready])
        send_from(store, send, run, [(one.hole_id, str(k)) for one in spots for k in range(one.samples)])
        info = store.info(run)
        for ended in release_ready(store, send, run, waiting, info) if info else ():
            free_dependents(store, send, run, ended)
    return count


def _with_family(
    store: RunStore, run: str, ready: list[HoleId], waiting: list[HoleId]
) -> tuple[list[HoleId], list[HoleId]]:
    """Holes that were opened, with those that go along with them: the whole of a part, the parts of a whole.

    Returns:
        Those that can be sent, and those that wait for others first.
    """
    opened = [*ready, *waiting]
    while opened:
        known = splitting.family(store, run, opened)
        wholes = list(dict.fromkeys(whole for whole, _ in known if whole is not None))
        beside = [kids for _, kids in splitting.family(store, run, wholes)] if wholes else []
        parts = [part for kids in [*(kids for _, kids in known), *beside] for part in kids]
        more = [aside.reopen(store, run, wholes, "part"), aside.reopen(store, run, list(dict.fromkeys(parts)))]
        opened = [one for found in more for ids in found for one in ids]
        ready = [*ready, *(one for able, _ in more for one in able)]
        waiting = [*waiting, *(one for _, held in more for one in held)]
    return ready, waiting
