"""The ``openai`` protocol: any OpenAI-compatible server. Pure: building a request and reading a reply.

Source: CONTRACTS section 4; the oddities are those of MEASURED, "How real servers answer".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from maze_tasks.endpoints.dialects import Form, carries_schema, constraint_fields
from maze_tasks.endpoints.failures import failure_in_body, failure_of_reply
from maze_tasks.endpoints.redact import PLAIN, Redactor
from maze_tasks.endpoints.wire import (
    HttpReply,
    HttpRequest,
    count_of,
    encodable,
    join_url,
    name_of,
    number_of,
    parse_json,
    post,
)
from maze_tasks.errors import EndpointError, FinalError, PassingError
from maze_tasks.models.calls import Call, Reply
from maze_tasks.models.endpoints import ModelEndpoint
from maze_tasks.names import SIMULATED_HEADER

CHAT_PATH = "chat/completions"
COMPLETIONS_PATH = "completions"
HEALTH_PATH = MODELS_PATH = "models"
LEAST_LOGPROB = -1e6  # low enough to be no probability at all, high enough to be added up
REFUSALS = frozenset({"content_filter", "refusal"})  # finish reasons of a model that will not answer this prompt


def build(endpoint: ModelEndpoint, call: Call) -> HttpRequest:
    """The request that asks `endpoint` for a fill.

    Fill-in-the-middle goes to ``/completions`` where the endpoint supports it and the code before the hole is known;
    everything else, and a schema that the completions form could not carry, goes to ``/chat/completions``.

    Raises:
        FinalError: kind ``bad_request``, when the call cannot be written as JSON.
    """
    form = _form(endpoint, call)
    body: dict[str, Any] = {"model": endpoint.model}
    body.update(_completion_prompt(call) if form == "completions" else {"messages": _messages(call)})
    body[endpoint.max_tokens_field] = call.max_tokens
    if endpoint.send_temperature:
        body["temperature"] = call.temperature
    if endpoint.supports_logprobs:
        body["logprobs"] = (
            True if form == "chat" else 1
        )  # a switch in the one form, a number of candidates in the other
    body.update(constraint_fields(endpoint, call, form))
    body.update(endpoint.extra_body)
    path = COMPLETIONS_PATH if form == "completions" else CHAT_PATH
    return post(join_url(endpoint.endpoint_url, path), body, call.key)


def read(endpoint: ModelEndpoint, call: Call, reply: HttpReply, *, now: float, clean: Redactor = PLAIN) -> Reply:  # noqa: ARG001 - one signature for all protocols
    """What the endpoint answered.

    Args:
        endpoint: who was asked.
        call: what was asked.
        reply: the complete reply.
        now: when it came, in seconds since the epoch.
        clean: makes the server's text fit to be shown.

    Raises:
        EndpointError: whatever is not a usable fill.
    """
    if not reply.ok:
        raise failure_of_reply(reply, now=now, clean=clean)
    answer = parse_json(reply.body)
    if not isinstance(answer, dict):
        raise PassingError("unreadable", "the reply is not a JSON object", status=reply.status)
    if answer.get("error") or not isinstance(answer.get("choices"), list):
        raise _instead_of_choices(answer, reply, now=now, clean=clean)
    choice, text = _first_usable(answer["choices"], reply, now=now, clean=clean)
    usage = answer.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return Reply(
        text=text,
        model=name_of(answer.get("model"), clean.name),
        finish_reason=name_of(choice.get("finish_reason"), clean.name),
        prompt_tokens=count_of(usage.get("prompt_tokens")) or None,
        # A count of nothing for a text is invented; unknown is the honest value.
        generated_tokens=count_of(usage.get("completion_tokens")) or None,
        confidence=confidence_of(choice.get("logprobs")),
        simulated=SIMULATED_HEADER.lower() in reply.headers,
    )


def confidence_of(logprobs: object) -> float | None:
    """Mean probability of the tokens, exp(mean log-probability), from either form of ``logprobs``.

    Args:
        logprobs: ``{"content": [{"logprob": ...}]}`` of the chat form, ``{"token_logprobs": [...]}`` of the completions
            form; entries may be null, and servers may add or merge some.

    Returns:
        A value in 0..1; None where nothing was measured.
    """
    if not isinstance(logprobs, Mapping):
        return None
    content = logprobs.get("content")
    entries: Iterable[object] = ()
    if isinstance(content, list):
        entries = (item.get("logprob") for item in content if isinstance(item, Mapping))
    elif isinstance(logprobs.get("token_logprobs"), list):
        entries = logprobs["token_logprobs"]
    # A log-probability above zero is rounding, one far below is how a server writes minus infinity.
    measured = [max(min(number, 0.0), LEAST_LOGPROB) for number in map(number_of, entries) if number is not None]
    return math.exp(math.fsum(measured) / len(measured)) if measured else None


def _form(endpoint: ModelEndpoint, call: Call) -> Form:
    fits = call.schema is None or carries_schema(endpoint, "completions")
    return "completions" if endpoint.supports_fim and call.prefix and fits else "chat"


def _completion_prompt(call: Call) -> dict[str, Any]:
    prompt: dict[str, Any] = {"prompt": call.prefix}
    if call.suffix:
        prompt["suffix"] = call.suffix
    return prompt


def _messages(call: Call) -> list[dict[str, str]]:
    user = {"role": "user", "content": call.prompt}
    return [{"role": "system", "content": call.system}, user] if call.system else [user]


def _instead_of_choices(answer: Mapping[str, Any], reply: HttpReply, *, now: float, clean: Redactor) -> EndpointError:
    """What a 200 that is none means: an error object, a ``detail``, or something else entirely."""
    for name in ("error", "detail"):
        if answer.get(name):
            return failure_in_body(answer[name], reply, now=now, clean=clean)
    return PassingError("unreadable", "the reply has no list of choices", status=reply.status)


def _first_usable(
    choices: list[Any], reply: HttpReply, *, now: float, clean: Redactor
) -> tuple[Mapping[str, Any], str]:
    """The first choice with a text, and the text; the error of the first choice where none has one."""
    first: EndpointError | None = None
    for choice in choices:
        found = _usable_text(choice, reply, now=now, clean=clean)
        if isinstance(found, str):
            return choice, found
        first = first or found
    raise first or PassingError("empty", "the reply has no choices", status=reply.status)


def _usable_text(choice: object, reply: HttpReply, *, now: float, clean: Redactor) -> str | EndpointError:
    """The text of one choice, or why it is not usable."""
    if not isinstance(choice, dict):
        return PassingError("unreadable", "a choice of the reply is not an object", status=reply.status)
    if choice.get("error"):
        return failure_in_body(choice["error"], reply, now=now, clean=clean)
    reason = choice.get("finish_reason")
    if reason == "error":
        return PassingError("server_error", "generation ended with an error", status=reply.status)
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    text = _text_of(message.get("content"))
    if not text.strip():
        text = _text_of(choice.get("text"))
    if not text.strip():
        return _no_text(reason, message, reply, clean)
    if not encodable(text):
        return PassingError("unreadable", "the reply's text holds lone surrogates", status=reply.status)
    return text


def _no_text(reason: object, message: Mapping[str, Any], reply: HttpReply, clean: Redactor) -> EndpointError:
    """Why a choice has no text: the model refused, or it said nothing."""
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal:
        return FinalError("refused", clean(f"the model refused: {refusal}"), status=reply.status)
    if isinstance(reason, str) and reason in REFUSALS:
        return FinalError("refused", "the provider's content filter withheld the answer", status=reply.status)
    shown = clean(str(reason)) if isinstance(reason, str) and reason else "unknown"
    return PassingError("empty", f"the reply has no text (finish reason: {shown})", status=reply.status)


def _text_of(content: object) -> str:
    """Content as text: a string, or the text parts of a list; thoughts, images and tool calls are none."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "".join(filter(None, map(_part_text, content)))


def _part_text(part: object) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Mapping) and part.get("type", "text") in ("text", "output_text"):
        text = part.get("text")
        return text if isinstance(text, str) else ""
    return ""
