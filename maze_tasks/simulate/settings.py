"""Settings of a simulated endpoint: the table ``[simulate.<endpoint name>]`` of ``maze.toml``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from maze_tasks.simulate.latency import Latency

DEFAULT_SNIPPET = "pass  # simulated"
DEFAULT_LATENCY_MS = 50.0

RetryAfterForm = Literal["seconds", "decimal", "date", "ms", "provider", "none"]
ErrorBody = Literal["openai", "integer_code", "detail", "text"]
FaultName = Literal[
    "hang",  # no reply at all until `duration_s` is over
    "trickle",  # a good reply, byte by byte, `interval_ms` apart
    "trickle_headers",  # the same from the status line on
    "garbage",  # 200, application/json, not JSON
    "truncated",  # 200, JSON that ends in the middle
    "cut",  # the connection ends in the middle of a body whose length was announced
    "closed",  # the connection ends without a reply
    "reset",  # the same with a TCP reset, as a server that crashed answers
    "close_after",  # a good reply that promises keep-alive, then the connection ends
    "wrong_content_type",  # a good reply that calls itself text/html
    "html",  # 200 and an HTML page, as captive portals answer
    "empty",  # 200, tokens counted, no text
    "no_choices",  # 200, `choices: []`
    "disguised",  # 200 that is an error: `finish_reason` for ananke, an `error` object for openai
]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())


class Fault(_Settings):
    """Something that goes wrong, and when: exactly one of ``rate``, ``every``, ``first``.

    Requests are counted per endpoint, those refused by a limit or for a wrong key left out. Of several faults those
    with ``first`` or ``every`` go first, in the order listed; the rates are shares of all the other requests.

    Args:
        kind: an HTTP status (400 to 599), or one of the names of `FaultName`.
        rate: share of requests, 0..1, drawn from the seed, the hole's place in its run and the arrival of its key.
        every: each N-th request.
        first: the first N requests.
        after: requests let through before ``every`` and ``first`` begin to count.
        retry_after_s: pause that a 429 or 503 asks for, in seconds.
        retry_after_form: how it says so: ``Retry-After`` in whole seconds, decimal seconds or as an HTTP date,
            ``retry-after-ms``, a proxy's ``llm_provider-retry-after``, or not at all.
        body: form of an error's body: ``{"error": {... "code": "text"}}``, the same with an integer code,
            ``{"detail": ...}``, or plain text; by default what servers of the protocol send.
        finish_reason: of a disguised ananke error.
        duration_s: how long a hang lasts, in seconds.
        interval_ms: time between two bytes of a trickle, in milliseconds.
    """

    kind: int | FaultName
    rate: float | None = Field(default=None, ge=0, le=1)
    every: int | None = Field(default=None, ge=1)
    first: int | None = Field(default=None, ge=1)
    after: int = Field(default=0, ge=0)
    retry_after_s: float | None = Field(default=None, ge=0)
    retry_after_form: RetryAfterForm = "seconds"
    body: ErrorBody | None = None
    finish_reason: Literal["error", "constraint_validation_error", "constraint_compilation_error"] = "error"
    duration_s: float = Field(default=3600.0, ge=0)
    interval_ms: float = Field(default=250.0, ge=0)

    @field_validator("kind", mode="before")
    @classmethod
    def _status_as_text(cls, value: object) -> object:
        return int(value) if isinstance(value, str) and value.isdigit() else value

    @model_validator(mode="after")
    def _one_trigger(self) -> Fault:
        if isinstance(self.kind, int) and not 400 <= self.kind <= 599:  # noqa: PLR2004 - the error statuses of HTTP
            raise ValueError("kind must be an HTTP status from 400 to 599 or a name")
        if sum(value is not None for value in (self.rate, self.every, self.first)) != 1:
            raise ValueError("give exactly one of rate, every, first")
        if self.rate is not None and self.after:
            raise ValueError("after goes with every or first")
        return self

    @property
    def name(self) -> str:
        """The kind as it stands in counts and logs."""
        return str(self.kind)


class SimulatedEndpoint(_Settings):
    """How one endpoint is simulated.

    Args:
        seed: of every draw; the same seed gives the same run the same latencies and faults.
        latency: how long a reply takes.
        errors: what goes wrong.
        requests_per_minute: more than this within any ``window_s`` (scaled to it) gets 429.
        tokens_per_minute: the same for prompt and answer tokens together.
        window_s: length of the sliding window of both, in seconds.
        max_concurrency: more requests than this at a time get ``over_concurrency``.
        over_concurrency: status of those, 429 or 503.
        over_concurrency_retry_after_s: the pause they ask for, in seconds.
        retry_after_form: form of the hint of all limits, as in `Fault`.
        answers: JSONL file of answers, relative to the configuration file; without it every hole is ``missing``.
        id_field: field of a row with the hole's id.
        code_field: field of a row with the answer; a row without it gives its ``body``.
        imports_field: field of a row with import lines that go ahead of the answer at its indentation.
        where: fields and values that a row must have to be used, so that one file can hold many models.
        missing: what a hole without an answer gets: HTTP 404, its prompt back, or ``missing_text``.
        missing_text: that text; ``{hole} {round} {candidate} {sample} {model}`` are filled in.
        next_round: whether a later round of refinement gets the answer of the same sample again, or of the next ones.
        wrap: the answer as it is, in a Markdown fence, or in a fence between sentences.
        fence_language: word behind the opening fence.
        chars_per_token: characters counted as one token.
        honour_max_tokens: whether an answer ends at the ``max_tokens`` of its request, ``finish_reason`` "length".
        usage: token counts of openai replies: right, left out, or wrong (all zero).
        confidence: probability of every token where the request asks for logprobs; None gives none.
        supports_n: whether ``n`` of a request is honoured; otherwise it is ignored, as many servers do.
        ananke_reply: the reply that the client expects, or what the service really answers.
        time_per_token_us: statistics of ananke's client form: microseconds a token; the service form tells the latency.
        constraint_checks: the same: number of constraint checks.
        avg_constraint_check_us: the same: microseconds a check.
        health_status: HTTP status of ``/health``.
    """

    seed: int = 0
    latency: Latency = Latency(mean_ms=DEFAULT_LATENCY_MS)
    errors: tuple[Fault, ...] = ()
    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)
    window_s: float = Field(default=60.0, gt=0)
    max_concurrency: int | None = Field(default=None, ge=1)
    over_concurrency: Literal[429, 503] = 429
    over_concurrency_retry_after_s: float = Field(default=1.0, ge=0)
    retry_after_form: RetryAfterForm = "seconds"
    answers: str | None = None
    id_field: str = "hole_id"
    code_field: str = "code"
    imports_field: str | None = None
    where: dict[str, Any] = {}
    missing: Literal["404", "echo", "text"] = "text"
    missing_text: str = DEFAULT_SNIPPET
    next_round: Literal["same_answer", "next_answer"] = "same_answer"
    wrap: Literal["plain", "fenced", "prose"] = "plain"
    fence_language: str = "python"
    chars_per_token: float = Field(default=4.0, gt=0)
    honour_max_tokens: bool = False
    usage: Literal["counted", "left_out", "zero"] = "counted"
    confidence: float | None = Field(default=None, gt=0, le=1)
    supports_n: bool = True
    ananke_reply: Literal["client", "service"] = "client"
    time_per_token_us: float = Field(default=10_000.0, ge=0)
    constraint_checks: int = Field(default=0, ge=0)
    avg_constraint_check_us: float = Field(default=0.0, ge=0)
    health_status: int = Field(default=200, ge=200, le=599)

    @field_validator("missing", mode="before")
    @classmethod
    def _status_as_number(cls, value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _rates_are_shares(self) -> SimulatedEndpoint:
        total = sum(fault.rate or 0.0 for fault in self.errors)
        if total > 1 + 1e-9:
            raise ValueError(f"the rates of errors add up to {total:g}, more than 1")
        return self
