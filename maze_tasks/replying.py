"""What a reply says: the fill it holds, and whether that can be accepted as far as is known without running it."""

from __future__ import annotations

from maze_tasks.decide.decomposition import as_checked, is_read, weighs
from maze_tasks.errors import Failure
from maze_tasks.models import Hole
from maze_tasks.models.calls import Reply
from maze_tasks.models.runs import RunRules
from maze_tasks.record import record
from maze_tasks.validation import Fill, check, normalise, reject_reason, take_apart, verdict


@record
class Read:
    """A reply that was read.

    Args:
        code: the fill; the reply as it came where there is none.
        failure: why it cannot be accepted, None where nothing speaks against it.
        notes: how many things were found that do not.
    """

    code: str
    failure: Failure | None = None
    notes: int = 0


def read_fill(text: str, hole: Hole, finish_reason: str | None = None) -> Read:
    """The fill that a text holds, taken apart and checked.

    Of a part of a divided hole it is only asked that it parses in its place, keeps the code around it, leaves no mark
    of a hole and uses no forbidden name; what asks for something is asked of the whole.

    Args:
        text: a reply, or the fills of parts joined.
        hole: the hole.
        finish_reason: why the server stopped, if it said so.

    Raises:
        Refused: what reads source code is not installed.
    """
    if hole.part is not None:
        return _read_part(text, as_checked(hole), finish_reason)
    fill = take_apart(text, hole)
    if isinstance(fill, Failure):
        return Read(text, fill)
    findings = check(fill, hole, finish_reason=finish_reason)
    return Read(fill.code, verdict(findings), sum(finding.severity == "note" for finding in findings))


def read_plainly(text: str, finish_reason: str | None = None) -> Read:
    """The same without a look at the syntax: its fence is removed, and its size and end are looked at."""
    code = normalise(text)
    return Read(code, reject_reason(code, finish_reason))


def _read_part(text: str, part: Hole, finish_reason: str | None) -> Read:
    if not is_read(part):
        return read_plainly(text, finish_reason)
    fill = take_apart(text, part)
    # What is refused may be refused as a whole only: a part may define what a later one uses.
    tried = Fill(normalise(text)) if isinstance(fill, Failure) else fill
    findings = [one for one in check(tried, part, finish_reason=finish_reason) if weighs(one.check)]
    failure = verdict(findings)
    if isinstance(fill, Failure) and failure is not None:
        return Read(text, fill)
    return Read(tried.code, failure, sum(finding.severity == "note" for finding in findings))


def unsure(reply: Reply, rules: RunRules) -> Failure | None:
    """Why a reply is rejected whose measured confidence is too low; where none was measured nothing is known."""
    if reply.confidence is None or reply.confidence >= rules.min_confidence:
        return None
    return Failure(
        "low_confidence", f"confidence {reply.confidence:.3f} is below min_confidence {rules.min_confidence}"
    )
