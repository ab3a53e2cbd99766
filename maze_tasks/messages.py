"""Messages between producer and workers: ids only, never a prompt, a fill or a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from maze_tasks.models.runs import Cursor, Plan
from maze_tasks.names import FORMAT_VERSION, VERIFIERS, HoleId, suspects_of

MAX_HOLES = 1_000  # in one message; what claims more is no message of ours
_MAX_ID = 200
_MAX_U64 = 2**64 - 1


@dataclass(frozen=True, slots=True)
class FillMessage:
    """One link: some holes that share a plan, at one candidate.

    Args:
        run: name of the run.
        model: name of the candidate, which is also its queue's.
        holes: their ids.
        cursor: where they are believed to stand.
        send_no: number of the sending.
        rest: the candidates that follow in this chain.
        samples: size of the group this message belongs to; 1 where it belongs to none.
        suspect: whether this link goes to the queue of suspects.
        ahead: whether it goes ahead of what lies in its queue.
    """

    run: str
    model: str
    holes: tuple[HoleId, ...]
    cursor: Cursor
    send_no: int
    rest: tuple[str, ...] = ()
    samples: int = 1
    suspect: bool = False
    ahead: bool = False

    @property
    def lane(self) -> str:
        """What names the queue of this link."""
        return suspects_of(self.model) if self.suspect else self.model

    def following(self) -> FillMessage | None:
        """The next link of the chain, if there is one."""
        if not self.rest:
            return None
        after = replace(self.cursor, candidate=self.cursor.candidate + 1)
        return replace(self, model=self.rest[0], cursor=after, rest=self.rest[1:], suspect=False)

    def links(self) -> list[tuple[str, dict[str, Any]]]:
        """Model and task arguments of this link and of those that follow it in the chain."""
        return [
            (model, _arguments(self, model, self.cursor.candidate + offset))
            for offset, model in enumerate((self.model, *self.rest))
        ]


@dataclass(frozen=True, slots=True)
class VerifyMessage:
    """One fill that waits for its verdict.

    Args:
        run: name of the run.
        model: who gave the fill, for those who watch.
        hole_id: the hole.
        cursor: where it stands, with the sample.
        send_no: number of the sending.
        suspect: whether it goes to the queue of suspects.
        ahead: whether it goes ahead of what lies in its queue.
    """

    run: str
    model: str
    hole_id: HoleId
    cursor: Cursor
    send_no: int
    suspect: bool = False
    ahead: bool = False

    @property
    def lane(self) -> str:
        """What names the queue."""
        return suspects_of(VERIFIERS) if self.suspect else VERIFIERS

    def arguments(self) -> dict[str, Any]:
        """Task arguments."""
        return _arguments(
            FillMessage(self.run, self.model, (self.hole_id,), self.cursor, self.send_no),
            self.model,
            self.cursor.candidate,
        )


Message = FillMessage | VerifyMessage


def messages_for(
    run: str, plan: Plan, holes: Sequence[HoleId], cursor: Cursor, send_no: int, samples: Sequence[int] = ()
) -> list[FillMessage]:
    """The messages that carry holes on from a cursor.

    One sample a candidate: a chain of the remaining candidates. Several: one message a sample (a group), for this
    candidate alone; its selection sends the next group.

    Args:
        run: name of the run.
        plan: the plan the holes share.
        holes: their ids.
        cursor: where they stand.
        send_no: number of this sending.
        samples: which samples to send, by default all of the plan's.
    """
    if plan.samples == 1:
        model = plan.candidates[cursor.candidate]
        rest = plan.candidates[cursor.candidate + 1 :]
        return [FillMessage(run, model, tuple(holes), cursor, send_no, rest)]
    places = [replace(cursor, sample=sample) for sample in samples or range(plan.samples)]
    return [
        FillMessage(run, plan.model_at(place), tuple(holes), place, send_no, samples=plan.samples) for place in places
    ]


def read_message(arguments: Mapping[str, Any]) -> FillMessage | str:
    """A message from a task's arguments, or what is wrong with them.

    Whoever can write to the broker can write anything: every field is checked before it is used.
    """
    version = arguments.get("v")
    if not isinstance(version, int) or not _number(version):
        return "no format version"
    if version > FORMAT_VERSION:
        return f"format version {version} is newer than ours ({FORMAT_VERSION})"
    run, model, holes = arguments.get("run"), arguments.get("model"), arguments.get("holes")
    if not _text(run) or not _text(model):
        return "run or model is no name"
    if not isinstance(holes, list) or not 0 < len(holes) <= MAX_HOLES:
        return "holes is no list of 1 to 1000 ids"
    if not all(_number(hole) or _text(hole) for hole in holes):
        return "a hole id is neither u64 nor a string of 1 to 200 characters"
    numbers = [arguments.get(name) for name in ("round", "candidate", "sample", "send_no")]
    if not all(_number(number) for number in numbers):
        return "round, candidate, sample or send_no is no count"
    round_no, candidate, sample, send_no = numbers
    return FillMessage(str(run), str(model), tuple(holes), Cursor(round_no, candidate, sample), send_no)  # type: ignore[arg-type]


def _arguments(message: FillMessage, model: str, candidate: int) -> dict[str, Any]:
    return {
        "model": model,
        "holes": list(message.holes),
        "run": message.run,
        "round": message.cursor.round_no,
        "candidate": candidate,
        "sample": message.cursor.sample,
        "send_no": message.send_no,
        "v": FORMAT_VERSION,
    }


def _number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_U64


def _text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_ID
