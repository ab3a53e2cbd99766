"""Every error of the project, in one tree.

::

    MazeError
    ├── Refused                 the caller must change something (exit code 2)
    │   ├── ConfigError         a configuration names the place that is wrong
    │   ├── InputError          a hole line names file, line and field
    │   ├── UnknownRun          no run of that name
    │   └── RunExists           a run of that name holds other holes
    ├── ServiceUnavailable      Redis, broker or an endpoint cannot be reached (exit code 3)
    ├── AllCandidatesFailed     no candidate gave an acceptable fill
    └── EndpointError           one exchange with an endpoint failed
        ├── PassingError        may pass: the same endpoint may answer later
        │   └── ThrottledError  the endpoint asked for a pause
        └── FinalError          does not pass at this endpoint; another may do
"""

from __future__ import annotations

from maze_tasks.record import record


class MazeError(Exception):
    """Root of all errors raised on purpose."""

    exit_code = 1


class Refused(MazeError):  # noqa: N818 - reads as the verdict it is
    """What was asked for cannot be done as asked; the message says what to change."""

    exit_code = 2


class ConfigError(Refused):
    """The configuration is wrong at a named place.

    Args:
        message: what is wrong and what would be right.
        file: the configuration file, if there is one.
        line: line in that file, from 1, if known.
        field: dotted path of the setting, such as ``endpoints[1].priority``.
    """

    def __init__(
        self, message: str, *, file: str | None = None, line: int | None = None, field: str | None = None
    ) -> None:
        self.file, self.line, self.field, self.reason = file, line, field, message
        super().__init__(_placed(message, file, line, field))


class InputError(Refused):
    """A line of input is wrong.

    Args:
        message: what is wrong.
        file: the file, ``-`` for standard input.
        line: line in that file, from 1.
        field: dotted path of the field.
    """

    def __init__(
        self, message: str, *, file: str | None = None, line: int | None = None, field: str | None = None
    ) -> None:
        self.file, self.line, self.field, self.reason = file, line, field, message
        super().__init__(_placed(message, file, line, field))


class UnknownRun(Refused):
    """There is no run of that name.

    Args:
        run: the name asked for.
    """

    def __init__(self, run: str) -> None:
        self.run = run
        super().__init__(f"no run named {run!r}; `maze status` lists the runs")


class RunExists(Refused):
    """A run of that name exists and holds something else.

    Args:
        run: the name asked for.
    """

    def __init__(self, run: str) -> None:
        self.run = run
        super().__init__(
            f"a run named {run!r} exists and was made from other holes or settings; choose another name with --run"
        )


class ServiceUnavailable(MazeError):  # noqa: N818
    """A service that is needed cannot be reached.

    Args:
        service: what it is, such as ``Redis``; never a URL with a password.
        reason: what was seen.
    """

    exit_code = 3

    def __init__(self, service: str, reason: str) -> None:
        self.service, self.reason = service, reason
        super().__init__(f"cannot reach {service}: {reason}")


class AllCandidatesFailed(MazeError):  # noqa: N818
    """No candidate gave an acceptable fill.

    Args:
        kind: error kind of the last attempt.
        message: its message.
    """

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(f"{kind}: {message}")


@record
class Failure:
    """A failure as it is stored: never an exception, never a pickle.

    Args:
        kind: one word for programs, such as ``timeout``.
        message: one sentence for people, redacted, at most 500 characters.
    """

    kind: str
    message: str


class EndpointError(MazeError):
    """One exchange with an endpoint failed.

    Args:
        kind: one of ``timeout, connection, rate_limited, unavailable, server_error, unreadable, too_large, redirect,
            bad_request, unauthorized, not_found, refused, constraint, empty, cancelled``.
        message: one sentence, without secrets.
        status: HTTP status, if there was a reply.
        sent: whether the request may have reached the endpoint, so that it may have been paid for.
        latency_ms: time the exchange took.

    `resent` says how often the request was sent again because a kept-alive connection was found closed.
    """

    resent = 0

    def __init__(
        self, kind: str, message: str, *, status: int | None = None, sent: bool = True, latency_ms: float = 0.0
    ) -> None:
        self.kind, self.status, self.sent, self.latency_ms = kind, status, sent, latency_ms
        super().__init__(message)

    @property
    def failure(self) -> Failure:
        """The failure as it is stored."""
        return Failure(self.kind, str(self)[:500])


class PassingError(EndpointError):
    """The same endpoint may answer later (CONTRACTS: 408, 409, 425, 5xx, connection, time-out, unreadable)."""


class ThrottledError(PassingError):
    """429, or 503 with a hint: the endpoint asks everybody for a pause.

    Args:
        kind: ``rate_limited`` or ``unavailable``.
        message: one sentence.
        retry_after_s: the pause asked for in seconds, if it said one.
        status: HTTP status.
        latency_ms: time the exchange took.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        retry_after_s: float | None,
        status: int | None = None,
        latency_ms: float = 0.0,
    ) -> None:
        super().__init__(kind, message, status=status, latency_ms=latency_ms)
        self.retry_after_s = retry_after_s


class FinalError(EndpointError):
    """The same request will fail again at this endpoint; another candidate may still do."""


def _placed(message: str, file: str | None, line: int | None, field: str | None) -> str:
    """``file:line: field: message`` with the parts that are known."""
    place = file or ""
    if line is not None:
        place = f"{place}:{line}" if place else f"line {line}"
    return ": ".join(part for part in (place, field, message) if part)
