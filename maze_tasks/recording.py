"""What is put on record of an attempt, made from what was asked, what came back and what follows."""

from __future__ import annotations

import time

from maze_tasks import selecting
from maze_tasks.decide.money import cost_nano, estimate_nano, price_nano
from maze_tasks.decide.scoring import speed_score
from maze_tasks.decide.step import Step
from maze_tasks.decide.tokens import prompt_bytes
from maze_tasks.errors import EndpointError, Failure
from maze_tasks.models import ModelEndpoint
from maze_tasks.models.calls import Call, Reply, ServerStats
from maze_tasks.models.runs import NANO_PER_USD, Attempt, ErrorRecord
from maze_tasks.record import record
from maze_tasks.store.runs import Commit, Ticket
from maze_tasks.validation import MAX_FILL_CHARS

_MAY_BE_PAID = frozenset({"timeout", "connection", "unreadable", "too_large", "refused", "empty", "cancelled"})
_FIRST_NO_SUCCESS = 300  # HTTP status
_BYTES_A_TOKEN = 4  # where a server does not say how many tokens it used


@record
class Answer:
    """What asking an endpoint gave.

    Args:
        reply: its reply, None where there is none.
        code: the fill that the reply holds.
        outcome: why there is no fill to accept; None where there is one.
        notes: how much of the fill the static checks could not decide.
        asked: whether the endpoint was asked, or the fill cache for it; False where it was known that it would not do.
        saved_nano: what the reply had cost when it was paid for, where it came from the fill cache; else None.
    """

    reply: Reply | None
    code: str | None
    outcome: EndpointError | Failure | None
    notes: int = 0
    saved_nano: int | None = None
    asked: bool = True

    @property
    def cached(self) -> bool:
        """Whether the reply came from the fill cache: nobody was asked, nothing is paid."""
        return self.saved_nano is not None


def _tokens(count: int | None, text: str) -> int:
    return count if count is not None else -(-len(text.encode("utf-8", "replace")) // _BYTES_A_TOKEN)


def prices_of(endpoint: ModelEndpoint) -> tuple[int, int]:
    """Nano-USD of a prompt token and of a generated token."""
    return price_nano(endpoint.input_price), price_nano(endpoint.output_price)


def record_of(
    ticket: Ticket,
    endpoint: ModelEndpoint,
    call: Call,
    answer: Answer,
    *,
    repeated: bool,
) -> Attempt:
    """The record of an attempt that was decided.

    Args:
        ticket: what it was for.
        endpoint: who was asked, at whose prices.
        call: what was asked.
        answer: what came of it.
        repeated: whether the call may have been made before.
    """
    failure = answer.outcome.failure if isinstance(answer.outcome, EndpointError) else answer.outcome
    if answer.reply is not None:
        what = _answered(endpoint, call, answer, answer.reply, repeated=repeated)
    else:
        assert isinstance(answer.outcome, EndpointError)
        what = _unanswered(endpoint, call, answer.outcome) | _again(answer.outcome.resent, repeated=repeated)
    return Attempt.model_validate(
        what
        | {
            "candidate": ticket.cursor.candidate,
            "round": ticket.cursor.round_no,
            "sample": ticket.cursor.sample,
            "model": ticket.model,
            "error": ErrorRecord.of(failure) if failure else None,
            "at": time.time(),
        }
    )


def _again(resent: int, *, repeated: bool) -> dict[str, object]:
    """Whether the call may have been made, and paid, before, and how often within this attempt."""
    return {"repeated": repeated or resent > 0, "resent": resent}


def _answered(
    endpoint: ModelEndpoint, call: Call, answer: Answer, reply: Reply, *, repeated: bool
) -> dict[str, object]:
    asked, generated = _tokens(reply.prompt_tokens, call.prompt), _tokens(reply.generated_tokens, reply.text)
    code = answer.code
    return {
        "outcome": "rejected" if answer.outcome else "accepted",
        "code": code if code is not None and len(code) <= MAX_FILL_CHARS else None,
        "confidence": reply.confidence,
        **_speed(generated, reply.stats),
        "latency_ms": round(reply.latency_ms, 3),
        "prompt_tokens": asked,
        "generated_tokens": generated,
        "cost_nano": 0 if answer.cached else cost_nano(endpoint, asked, generated),
        "simulated": reply.simulated,
        "notes": answer.notes,
        "cached": answer.cached,
        **_again(0 if answer.cached else reply.resent, repeated=repeated and not answer.cached),
    }


def _unanswered(endpoint: ModelEndpoint, call: Call, error: EndpointError) -> dict[str, object]:
    unsettled = _may_be_paid(error)
    return {
        "outcome": "cancelled" if error.kind == "cancelled" else "failed",
        "latency_ms": round(error.latency_ms, 3),
        "unsettled": unsettled,
        "cost_nano": most_nano(endpoint, call) if unsettled else 0,
    }


def _may_be_paid(error: EndpointError) -> bool:
    """Whether a call that failed may have been answered all the same; an error that a server owns up to is free."""
    answered = error.status is None or error.status < _FIRST_NO_SUCCESS
    return error.sent and answered and error.kind in _MAY_BE_PAID


def most_nano(endpoint: ModelEndpoint, call: Call) -> int:
    """The most that a call may cost, in nano-USD: reserved ahead of it, and booked where nobody says what it cost."""
    return estimate_nano(endpoint, prompt_bytes(call.system + call.prompt), call.max_tokens)


def provisional(attempt: Attempt, step: Step, samples: int) -> Attempt:
    """An acceptable fill that is not accepted yet: it is still to be verified, or one of several to choose from."""
    if attempt.outcome != "accepted" or (step.kind != "verify" and samples == 1):
        return attempt
    why = selecting.UNVERIFIED if step.kind == "verify" else selecting.NOT_SELECTED
    return attempt.model_copy(update={"outcome": "rejected", "error": why})


def _speed(generated: int, stats: ServerStats | None) -> dict[str, float]:
    if stats is None:
        return {}
    return {
        "speed": speed_score(generated, stats),
        "token_us": stats.time_per_token_us,
        "checks": stats.constraint_checks,
        "check_us": stats.avg_constraint_check_us,
    }


def commit_of(attempt: Attempt, step: Step, answer: Answer, retries: int = 0) -> Commit:
    """An attempt with what follows from it, and what it adds to its model's account.

    An answer from the fill cache is no request: its tokens, latency and confidence were counted when it was paid for.
    """
    latency_us = round(attempt.latency_ms * 1000)
    cost = attempt.cost_nano
    counts = {"cost_nano": cost, "repeated": int(attempt.repeated)}
    counts |= {"repeated_nano": cost * attempt.repeated, "unsettled_nano": cost * attempt.unsettled}
    if not answer.asked:
        pass  # no request was made
    elif attempt.outcome == "cancelled":
        counts["cancelled"] = 1
    elif answer.cached:
        counts |= {"cached": 1, "saved_nano": answer.saved_nano or 0, "accepted": int(step.kind == "accept")}
    elif answer.reply is None:
        counts |= {"requests": 1, "failures": 1, "failure_latency_us": latency_us}
    else:
        counts |= {
            "requests": 1,
            "successes": 1,
            "accepted": int(step.kind == "accept"),
            "success_latency_us": latency_us,
            "prompt_tokens": attempt.prompt_tokens,
            "generated_tokens": attempt.generated_tokens,
        }
        if attempt.confidence is not None:
            counts |= {"confidence_sum_nano": round(attempt.confidence * NANO_PER_USD), "confidence_count": 1}
    failure = step.failure or Failure("", "")
    return Commit(
        attempt,
        step.kind,
        counts,
        wait_ms=round(step.wait_s * 1000),
        error_kind=failure.kind,
        error_message=failure.message,
        status=step.status,
        retries=retries,
    )
