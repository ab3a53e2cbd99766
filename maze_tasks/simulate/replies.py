"""Bodies of both protocols: what a request asks for, and the replies to it. Pure.

Source of the shapes: CONTRACTS section 4.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from maze_tasks.simulate.settings import ErrorBody, SimulatedEndpoint

Operation = Literal["chat/completions", "completions", "generate"]

FINGERPRINT = "simulated"
MAX_N = 128


class BadRequest(ValueError):  # noqa: N818 - the name of HTTP's 400
    """A request that no server of the protocol would take; the message is for its sender."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for.

    Args:
        prompt: its text; of a chat all messages together.
        question: the text that an echo gives back; of a chat the last message.
        n: answers asked for.
        logprobs: whether it wants token log-probabilities.
        max_tokens: limit of the answer in tokens, if it set one.
    """

    prompt: str
    question: str
    n: int = 1
    logprobs: bool = False
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One generated text.

    Args:
        text: the text.
        tokens: its length in tokens.
        cut: whether it ended at the limit of its request.
    """

    text: str
    tokens: int
    cut: bool = False

    @property
    def finish_reason(self) -> str:
        """Why it ended."""
        return "length" if self.cut else "stop"


def read_request(operation: Operation, body: Any) -> Asked:
    """What a request asks for.

    Args:
        operation: the path it was sent to, below the endpoint's URL.
        body: its JSON.

    Raises:
        BadRequest: if it is not a request of that operation; the message is for the caller.
    """
    if not isinstance(body, Mapping):
        raise BadRequest("the body is not a JSON object")
    if body.get("stream"):
        raise BadRequest("the simulator does not stream")
    limit = body.get("max_tokens", body.get("max_completion_tokens"))
    if limit is not None and not _is_count(limit):
        raise BadRequest("max_tokens must be a positive whole number")
    n = body.get("n") or 1
    if not _is_count(n) or n > MAX_N:
        raise BadRequest(f"n must be a whole number from 1 to {MAX_N}")
    if operation == "chat/completions":
        texts = _message_texts(body.get("messages"))
        return Asked("\n".join(texts), texts[-1], n, bool(body.get("logprobs")), limit)
    prompt = body.get("prompt")
    if not isinstance(prompt, str):
        raise BadRequest("prompt must be text")
    wants_logprobs = operation == "completions" and body.get("logprobs") is not None
    return Asked(prompt, prompt, n if operation == "completions" else 1, wants_logprobs, limit)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _message_texts(messages: object) -> list[str]:
    """Texts of chat messages, whose content is text or a list of typed parts."""
    if not isinstance(messages, list) or not messages:
        raise BadRequest("messages must be a list that is not empty")
    texts = []
    for message in messages:
        content = message.get("content") if isinstance(message, Mapping) else None
        if isinstance(content, list):
            content = "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
        if not isinstance(content, str):
            raise BadRequest("every message must have a content")
        texts.append(content)
    return texts


def count_tokens(text: str, chars_per_token: float) -> int:
    """Length of a text in simulated tokens; only an empty text has none."""
    return math.ceil(len(text) / chars_per_token)


def answer_of(text: str, asked: Asked, settings: SimulatedEndpoint) -> Answer:
    """A text as the answer to a request: wrapped as the settings say and, if they say so, cut at its limit."""
    text = _wrapped(text, settings)
    tokens = count_tokens(text, settings.chars_per_token)
    if settings.honour_max_tokens and asked.max_tokens is not None and tokens > asked.max_tokens:
        return Answer(text[: int(asked.max_tokens * settings.chars_per_token)], asked.max_tokens, cut=True)
    return Answer(text, tokens)


def _wrapped(text: str, settings: SimulatedEndpoint) -> str:
    if settings.wrap == "plain":
        return text
    fenced = f"```{settings.fence_language}\n{text}{'' if text.endswith(chr(10)) else chr(10)}```"
    return fenced if settings.wrap == "fenced" else f"Here is the code:\n\n{fenced}\n\nIt fills the hole."


def openai_reply(
    operation: Operation, model: str, answers: Sequence[Answer], asked: Asked, settings: SimulatedEndpoint, now: float
) -> dict[str, Any]:
    """Reply of an OpenAI-compatible server.

    Args:
        operation: ``chat/completions`` or ``completions``.
        model: name of the model that it claims.
        answers: one a choice.
        asked: the request.
        settings: of the endpoint.
        now: wall clock in seconds since 1970.
    """
    chat = operation == "chat/completions"
    reply: dict[str, Any] = {
        "id": "chatcmpl-simulated" if chat else "cmpl-simulated",
        "object": "chat.completion" if chat else "text_completion",
        "created": int(now),
        "model": model,
        "system_fingerprint": FINGERPRINT,
        "choices": [_choice(index, answer, asked, settings, chat=chat) for index, answer in enumerate(answers)],
    }
    if settings.usage != "left_out":
        counted = settings.usage == "counted"
        prompt = count_tokens(asked.prompt, settings.chars_per_token) if counted else 0
        generated = sum(answer.tokens for answer in answers) if counted else 0
        reply["usage"] = {
            "prompt_tokens": prompt,
            "completion_tokens": generated,
            "total_tokens": prompt + generated,
        }
    return reply


def _choice(index: int, answer: Answer, asked: Asked, settings: SimulatedEndpoint, *, chat: bool) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": index, "finish_reason": answer.finish_reason, "logprobs": None}
    if chat:
        choice["message"] = {"role": "assistant", "content": answer.text}
    else:
        choice["text"] = answer.text
    if asked.logprobs and settings.confidence is not None and answer.text:
        choice["logprobs"] = _logprobs(answer, settings.chars_per_token, settings.confidence, chat=chat)
    return choice


def _logprobs(answer: Answer, chars_per_token: float, confidence: float, *, chat: bool) -> dict[str, Any]:
    """The same log-probability for every token; the two operations have different forms for it."""
    starts = [int(index * chars_per_token) for index in range(answer.tokens)]
    tokens = [answer.text[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]
    value = math.log(confidence)
    if chat:
        return {
            "content": [
                {
                    "token": token,
                    "logprob": value,
                    "bytes": list(token.encode(errors="surrogatepass")),
                    "top_logprobs": [],
                }
                for token in tokens
            ]
        }
    return {
        "tokens": tokens,
        "token_logprobs": [value] * len(tokens),
        "top_logprobs": None,
        "text_offset": starts,
    }


def ananke_reply(
    model: str, answer: Answer, asked: Asked, settings: SimulatedEndpoint, latency_ms: float, key: str
) -> dict[str, Any]:
    """Reply of an ananke server, in the form that the client expects or in the one that the service sends.

    Args:
        model: name of the model that it claims.
        answer: the text.
        asked: the request.
        settings: of the endpoint.
        latency_ms: what it says it took.
        key: name of the request, for ``metadata.request_id``.
    """
    if settings.ananke_reply == "client":
        return {
            "generated_text": answer.text,
            "tokens_generated": answer.tokens,
            "model": model,
            "stats": {
                "total_time_ms": round(latency_ms),
                "time_per_token_us": round(settings.time_per_token_us),
                "constraint_checks": settings.constraint_checks,
                "avg_constraint_check_us": round(settings.avg_constraint_check_us),
            },
            "system_fingerprint": FINGERPRINT,
        }
    return _service_reply(
        model,
        answer,
        latency_ms,
        {
            "request_id": key,
            "prompt_tokens": count_tokens(asked.prompt, settings.chars_per_token),
            "tokens_per_sec": round(answer.tokens * 1000 / latency_ms, 3) if latency_ms else 0.0,
            "constraint_type": None,
            "simulated": True,
        },
    )


def ananke_error(model: str, finish_reason: str, latency_ms: float) -> dict[str, Any]:
    """An error as the ananke service disguises it: sent with HTTP 200."""
    reply = _service_reply(model, Answer("", 0), latency_ms, {"error": f"simulated {finish_reason}", "simulated": True})
    return reply | {"constraint_satisfied": False, "finish_reason": finish_reason}


def _service_reply(model: str, answer: Answer, latency_ms: float, metadata: dict[str, Any]) -> dict[str, Any]:
    return {
        "generated_text": answer.text,
        "tokens_generated": answer.tokens,
        "generation_time_ms": latency_ms,
        "constraint_satisfied": True,
        "model_name": model,
        "finish_reason": answer.finish_reason,
        "metadata": metadata,
    }


def error_body(status: int, message: str, form: ErrorBody) -> tuple[bytes, str]:
    """Body and content type of an error reply; servers differ (MEASURED, "How real servers answer").

    Args:
        status: HTTP status.
        message: what is wrong.
        form: which kind of server it looks like.
    """
    message = f"{message} (simulated)"
    if form == "text":
        return message.encode(), "text/plain"
    if form == "detail":
        return dump({"detail": message}), "application/json"
    try:
        code = HTTPStatus(status).name.lower()
    except ValueError:
        code = "unknown"
    error = {
        "message": message,
        "type": code,
        "param": None,
        "code": status if form == "integer_code" else code,
    }
    return dump({"error": error}), "application/json"


def dump(value: object) -> bytes:
    """JSON as bytes."""
    return json.dumps(value, separators=(",", ":")).encode()
