"""What came of running a command on a fill."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from maze_tasks.errors import Failure

MAX_OUTPUT_CHARS = 8000  # of the end of an output that is kept; enough for a test runner's summary
MAX_FAILURE_CHARS = 500  # of a stored failure
MAX_EXCERPT_CHARS = 1500  # of what the next candidate is shown of an output
MAX_LINE_CHARS = 300  # of a line of an excerpt
MIN_SECRET_CHARS = 6  # shorter values occur in any output by chance
MARK = "[redacted]"


class Reason(StrEnum):
    """Why a run ended as it did."""

    PASSED = "passed"
    FAILED = "failed"  # an exit code that does not mean success
    TIMEOUT = "timeout"
    MEMORY = "memory"
    PROCESSES = "processes"  # failed, and had as many processes as it may have
    OUTPUT = "output"  # printed more than it may
    DISK = "disk"  # the copy grew by more than it may
    FILE_SIZE = "file_size"  # wrote a file larger than it may
    CANCELLED = "cancelled"
    NOT_FOUND = "not_found"  # the program of the profile is not there
    SANDBOX_ERROR = "sandbox_error"  # the sandbox could not be made, or not be ended


# Reasons that say nothing about the fill: it may be verified again.
INCONCLUSIVE = frozenset({Reason.CANCELLED, Reason.NOT_FOUND, Reason.SANDBOX_ERROR})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known after a run.

    Args:
        reason: why it ended.
        message: one sentence for people.
        exit_code: of the command, 128 + N where signal N ended it; None where it had none or was killed from outside.
        seconds: wall-clock time of the command.
        output: the end of what it printed, both streams as they came, cleaned by `clean`.
    """

    reason: Reason
    message: str
    exit_code: int | None = None
    seconds: float = 0.0
    output: str = ""

    @property
    def passed(self) -> bool:
        """Whether the fill is good."""
        return self.reason is Reason.PASSED

    @property
    def conclusive(self) -> bool:
        """Whether this says something about the fill, and not about the worker."""
        return self.reason not in INCONCLUSIVE

    @property
    def failure(self) -> Failure | None:
        """The verdict as an attempt's error, None where the fill passed; the kind is ``verify_<reason>``."""
        if self.passed:
            return None
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        told = [line for line in lines if _TELLING.search(line)] or lines
        text = f"{self.message}: {told[-1]}" if told else self.message
        return Failure(f"verify_{self.reason}", text[:MAX_FAILURE_CHARS])

    @property
    def excerpt(self) -> str:
        """What the output says of a failure, for the next candidate's prompt; empty where the fill passed."""
        return "" if self.passed else excerpt(self.output)


# Lines that say what is wrong, as the usual test runners and compilers write them.
_TELLING = re.compile(
    r"^E\s+\S"  # pytest
    r"|^\s*(?:FAIL|FAILED|ERROR|not ok)\b"
    r"|\w*(?:Error|Exception)\b"
    r"|\b(?:error|fatal|panicked|assert\w*)\b"
    r"|\b(?:[Ee]xpected|[Gg]ot|[Ww]ant|[Aa]ctual|left|right)\b.{0,20}[:=]"
)
_RULE = re.compile(r"([=_*~#!.-])\1{4,}")  # lines across the page


def excerpt(output: str, limit: int = MAX_EXCERPT_CHARS) -> str:
    """The end of an output, and from what stands before it the lines that say what is wrong. Pure.

    Args:
        output: as `clean` gives it.
        limit: characters at most.
    """
    lines = [_RULE.sub(r"\1\1\1", line.rstrip())[:MAX_LINE_CHARS] for line in output.splitlines() if line.strip()]
    if sum(map(len, lines)) + len(lines) <= limit:
        return "\n".join(lines)[:limit]
    chosen: set[int] = set()
    room = limit - 1  # for the mark of what was left out
    telling = [number for number, line in enumerate(lines) if _TELLING.search(line)]
    # Half of the room is for the end as it stands; what tells goes before the rest of the end.
    for numbers, share in ((range(len(lines)), limit // 2), (telling, 0), (range(len(lines)), 0)):
        for number in reversed(numbers):
            cost = len(lines[number]) + len("\n…\n")
            if room - cost < share:
                break
            if number not in chosen:
                chosen.add(number)
                room -= cost
    shown: list[str] = []
    for number in sorted(chosen):
        shown += [lines[number]] if number == 0 or number - 1 in chosen else ["…", lines[number]]
    return "\n".join(shown)


_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours and cursor movements
    r"|\x1b[\]PX^_].*?(?:\x1b\\|\x07)"  # titles and links
    r"|\x1b[ -/]*[0-~]?",
    re.DOTALL,
)
_OVERWRITTEN = re.compile(r"[^\n]*\r(?!\n)")  # a progress bar's earlier states
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def clean(raw: bytes, secrets: Iterable[str] = (), *, cut: bool = False, limit: int = MAX_OUTPUT_CHARS) -> str:
    """The end of an output as text that harms no terminal, log or prompt.

    Args:
        raw: what was printed, or its end.
        secrets: values that must not be shown; very short ones are not looked for.
        cut: whether `raw` begins somewhere in an output: what may be the rest of a line, or of a secret, goes.
        limit: characters to keep.
    """
    text = raw.decode("utf-8", "replace").replace("\r\n", "\n")
    if cut:
        text = text.partition("\n")[2]
    text = _CONTROLS.sub("", _OVERWRITTEN.sub("", _ESCAPES.sub("", text)))
    # Longest first: one secret may be the beginning of another.
    for secret in sorted(_with_their_lines(secrets), key=len, reverse=True):
        text = text.replace(secret, MARK)
    return text if len(text) <= limit else "…" + text[-limit + 1 :]


def _with_their_lines(secrets: Iterable[str]) -> set[str]:
    """The secrets, and each line of those that have several: runners indent lines, and outputs are cut between them."""
    found = {part.strip() for secret in secrets for part in (secret, *secret.splitlines())}
    return {part for part in found if len(part) >= MIN_SECRET_CHARS}
