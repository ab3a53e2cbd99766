"""One simulated endpoint at work: its counts, limits and answers. No network; the time is handed in."""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from maze_tasks.models import ModelEndpoint
from maze_tasks.names import parse_idempotency_key
from maze_tasks.simulate.answers import Answers
from maze_tasks.simulate.behaviour import SlidingWindow, draw, fault_for, place_in_run, retry_after
from maze_tasks.simulate.faults import Delivery, deformed, refusal
from maze_tasks.simulate.latency import quantile
from maze_tasks.simulate.replies import (
    Answer,
    Asked,
    BadRequest,
    Operation,
    ananke_reply,
    answer_of,
    count_tokens,
    dump,
    openai_reply,
    read_request,
)
from maze_tasks.simulate.settings import SimulatedEndpoint
from maze_tasks.simulate.stats import ANSWERED, EndpointStats


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as it arrived.

    Args:
        operation: path below the endpoint's URL.
        body: its JSON; None where it was none.
        raw: its bytes.
        key: idempotency key, if it had one.
        authorization: value of that header, if it had one.
        now: monotonic time in seconds.
        wall: wall clock in seconds since 1970.
    """

    operation: Operation
    body: Any
    raw: bytes
    key: str | None
    authorization: str | None
    now: float
    wall: float


@dataclass(frozen=True, slots=True)
class Planned:
    """What is done with a request.

    Args:
        outcome: `ANSWERED` or a kind of error, as it is counted.
        delivery: what is sent.
        delay_s: after how many seconds.
        prompt_tokens: of an answered request.
        generated_tokens: of an answered request.
    """

    outcome: str
    delivery: Delivery
    delay_s: float = 0.0
    prompt_tokens: int = 0
    generated_tokens: int = 0


class LiveEndpoint:
    """One simulated endpoint.

    Args:
        endpoint: what it stands in for.
        settings: how it behaves.
        answers: by hole id.
        api_key: bearer token that requests must carry; None lets all in.
    """

    def __init__(
        self, endpoint: ModelEndpoint, settings: SimulatedEndpoint, answers: Answers, api_key: str | None
    ) -> None:
        self.endpoint, self.settings, self.stats = endpoint, settings, EndpointStats()
        self._answers, self._latency = answers, quantile(settings.latency)
        self._bearer = None if api_key is None else f"Bearer {api_key}".encode()
        self._admitted = 0
        self._keyless: Counter[str] = Counter()
        share = settings.window_s / 60
        self._windows = {
            name: SlidingWindow(max(1, int(limit * share)), settings.window_s)
            for name, limit in (
                ("requests_per_minute", settings.requests_per_minute),
                ("tokens_per_minute", settings.tokens_per_minute),
            )
            if limit is not None
        }

    def plan(self, arrival: Arrival) -> Planned:
        """Count a request and say what becomes of it; `finished` or `abandoned` must follow.

        Limits come first, as a gateway's do; the requests they let through are those that faults count.
        """
        busy = self.stats.in_flight
        self.stats.arrived(arrival.key, arrival.now)
        if not self._may_enter(arrival.authorization):
            return Planned("unauthorized", refusal(self.endpoint.protocol, 401, "wrong API key"))
        if self.settings.max_concurrency is not None and busy >= self.settings.max_concurrency:
            pause_s = self.settings.over_concurrency_retry_after_s
            return self._limited("max_concurrency", self.settings.over_concurrency, pause_s, arrival.wall)
        try:
            asked = read_request(arrival.operation, arrival.body)
        except BadRequest as error:
            return Planned("bad_request", refusal(self.endpoint.protocol, 400, str(error)))
        texts = self._texts(asked, arrival.key)
        answers = [answer_of(text, asked, self.settings) for text in texts]
        tokens = count_tokens(asked.prompt, self.settings.chars_per_token), sum(answer.tokens for answer in answers)
        limited = self._take(arrival, sum(tokens))
        return limited or self._reply(arrival, asked, answers, tokens)

    def finished(self, planned: Planned) -> None:
        """Count a request whose reply was sent."""
        self.stats.ended(planned.outcome, planned.prompt_tokens, planned.generated_tokens)

    def abandoned(self, outcome: str) -> None:
        """Count a request whose sender went away before the reply."""
        self.stats.ended(outcome, 0, 0)

    def _may_enter(self, authorization: str | None) -> bool:
        sent = (authorization or "").encode(errors="surrogateescape")
        return self._bearer is None or hmac.compare_digest(sent, self._bearer)

    def _limited(self, outcome: str, status: int, pause_s: float, wall: float) -> Planned:
        headers = retry_after(self.settings.retry_after_form, pause_s, wall)
        return Planned(outcome, refusal(self.endpoint.protocol, status, f"{outcome} reached", headers))

    def _take(self, arrival: Arrival, tokens: int) -> Planned | None:
        """Enter the request into the windows of its limits, or refuse it and enter nothing."""
        amounts = {"requests_per_minute": 1, "tokens_per_minute": tokens}
        for name, window in self._windows.items():
            wait_s = window.wait_s(arrival.now, amounts[name])
            if wait_s > 0:
                return self._limited(name, 429, wait_s, arrival.wall)
        for name, window in self._windows.items():
            window.take(arrival.now, amounts[name])
        return None

    def _reply(self, arrival: Arrival, asked: Asked, answers: Sequence[Answer], tokens: tuple[int, int]) -> Planned:
        self._admitted += 1
        seed, name = self.settings.seed, self.endpoint.name
        known_as = self._known_as(arrival)
        fault = fault_for(self.settings.errors, self._admitted, draw(seed, name, "fault", *known_as))
        latency_ms = self._latency(draw(seed, name, "latency", *known_as))
        latency_ms += self.settings.latency.per_token_ms * tokens[1]
        if not answers and fault is None:
            gone = refusal(self.endpoint.protocol, 404, "no answer is recorded for this hole")
            return Planned("no_answer", gone, latency_ms / 1000)
        good = self._good(arrival, asked, answers or [Answer("", 0)], latency_ms)
        if fault is None:
            return Planned(ANSWERED, Delivery(body=dump(good)), latency_ms / 1000, *tokens)
        delivery = deformed(
            fault,
            good,
            protocol=self.endpoint.protocol,
            model=self.endpoint.model,
            latency_ms=latency_ms,
            now=arrival.wall,
        )
        return Planned(fault.name, delivery, latency_ms / 1000)

    def _known_as(self, arrival: Arrival) -> tuple[str, int]:
        """What a request is called in its draws, and how often it came before; without a key its body names it."""
        if arrival.key is not None:
            return place_in_run(arrival.key), self.stats.arrivals[arrival.key] - 1
        name = blake2b(arrival.raw, digest_size=16).hexdigest()
        self._keyless[name] += 1
        return name, self._keyless[name] - 1

    def _good(self, arrival: Arrival, asked: Asked, answers: Sequence[Answer], latency_ms: float) -> Mapping[str, Any]:
        model = self.endpoint.model
        if arrival.operation == "generate":
            return ananke_reply(model, answers[0], asked, self.settings, latency_ms, arrival.key or "")
        return openai_reply(arrival.operation, model, answers, asked, self.settings, arrival.wall)

    def _texts(self, asked: Asked, key: str | None) -> list[str]:
        """One text a choice; none where the hole has no answer and the settings ask for 404."""
        n = asked.n if self.settings.supports_n else 1
        parts = parse_idempotency_key(key) if key else None
        if parts is None:
            return [self._stand_in(asked, ("", 0, 0, index)) for index in range(n)]
        _, hole, round_no, candidate, sample = parts
        found = self._answers.get(hole)
        if found is not None:
            skip = round_no if self.settings.next_round == "next_answer" else 0
            return [found.pick(sample + skip + index) for index in range(n)]
        if self.settings.missing == "404":
            return []
        return [self._stand_in(asked, (hole, round_no, candidate, sample + index)) for index in range(n)]

    def _stand_in(self, asked: Asked, place: tuple[str, int, int, int]) -> str:
        """What is said where no answer is recorded."""
        if self.settings.missing == "echo":
            return asked.question
        text = self.settings.missing_text
        if "{" not in text:
            return text
        facts = zip(("hole", "round", "candidate", "sample", "model"), (*place, self.endpoint.model), strict=True)
        for name, value in facts:
            text = text.replace(f"{{{name}}}", str(value))
        return text
