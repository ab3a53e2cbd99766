"""What the earlier answers for a hole teach the next one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from maze_tasks.models.holes import HoleState
from maze_tasks.models.runs import Attempt

# Kinds of failures that say nothing about the code of an answer.
_NOT_OF_THE_CODE: Final = frozenset({"not_selected", "low_confidence"})


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Why an earlier answer for the same hole was not accepted.

    Args:
        reason: what was found, for the model that is asked next.
        code: the answer, as far as there was one.
        kind: one word for programs.
    """

    reason: str
    code: str | None = None
    kind: str = ""


def diagnostics_of(attempts: Iterable[Attempt]) -> tuple[Diagnostic, ...]:
    """What the attempts of a hole teach the next one, the latest first.

    Only answers that were rejected for what they are count: not failures of an endpoint, nor samples that were merely
    not chosen. The same answer with the same reason counts once.
    """
    found: dict[Diagnostic, None] = {}
    for attempt in reversed(tuple(attempts)):
        error = attempt.error
        if attempt.outcome == "rejected" and error is not None and error.kind not in _NOT_OF_THE_CODE:
            reason = "\n".join(filter(None, (error.message or error.kind, attempt.output)))
            found.setdefault(Diagnostic(reason, attempt.code, error.kind))
    return tuple(found)


def diagnostics_in(state: HoleState | None) -> tuple[Diagnostic, ...]:
    """What the attempts teach that a hole brings along from an earlier refinement, the latest first."""
    attempts = reversed(state.attempts if state is not None else ())
    return tuple(dict.fromkeys(Diagnostic(one.error, one.code) for one in attempts if one.error))
