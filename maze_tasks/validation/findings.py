"""What is known of a fill without running it: the fill itself, what was found, and what follows from that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from maze_tasks.errors import Failure
from maze_tasks.record import record

MAX_MESSAGE_CHARS = 500  # of a stored failure
_TOLD = 3  # errors that a verdict tells; the first ones cause the others

Severity = Literal["error", "note"]


@record
class Fill:
    """A reply taken apart.

    Args:
        code: what goes between prefix and suffix, byte for byte.
        imports: import statements that stood outside the body in the reply and that `code` needs; where the language
            lets them stand in a body, and the file does not have them, they stand in `code` too.
        altered: whether `code` differs from the reply.
    """

    code: str
    imports: tuple[str, ...] = ()
    altered: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found in a fill.

    Args:
        check: one word for programs: what was looked at, such as ``syntax`` or ``surroundings``.
        message: one sentence for people and for the model that is asked next.
        line: line in the fill, from 1, where there is one.
        column: column in that line, from 1, in code points.
        severity: an ``error`` rejects the fill, a ``note`` does not.
        path: the file, if known.
        file_line: line in the file as it would be, if known.
    """

    check: str
    message: str
    line: int | None = None
    column: int | None = None
    severity: Severity = "error"
    path: str | None = None
    file_line: int | None = None

    def __str__(self) -> str:
        place = "" if self.line is None else f"line {self.line}"
        if self.line is not None and self.column is not None:
            place += f", column {self.column}"
        if self.path and self.file_line is not None:
            place += f" ({self.path}:{self.file_line})"
        return f"{place.strip()}: {self.message}" if place else self.message


def verdict(findings: Sequence[Finding]) -> Failure | None:
    """The failure that the findings amount to, or None where none of them is an error.

    Its kind is the check of the first error; its message tells the first few.
    """
    errors = [finding for finding in findings if finding.severity == "error"]
    if not errors:
        return None
    told = "; ".join(dict.fromkeys(str(error) for error in errors[:_TOLD]))
    return Failure(errors[0].check, told[:MAX_MESSAGE_CHARS])
