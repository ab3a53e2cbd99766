"""The fill cache in the life of an attempt: what a request is known by, what is kept of a reply, what comes back.

Source: PROTOCOL, "Best of N, cache, money, ids".
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from maze_tasks.endpoints import HttpRequest, build_request
from maze_tasks.errors import EndpointError, Failure, MazeError
from maze_tasks.models import ModelEndpoint
from maze_tasks.models.calls import Call, Reply
from maze_tasks.models.runs import Cursor, RunRules
from maze_tasks.record import record
from maze_tasks.store.cache import FillCache, Found
from maze_tasks.store.runs import Ticket
from maze_tasks.store.together import Step
from maze_tasks.validation import NORMALISER_VERSION

logger = logging.getLogger(__name__)

_FORMAT = 1  # of what is kept; what was kept in another is not found


@record
class Kept:
    """A reply in the cache.

    Args:
        reply: as it came.
        cost_nano: what it cost, in nano-USD.
    """

    reply: Reply
    cost_nano: int


@record
class Asking:
    """What the cache is asked.

    Args:
        digest: what the request is known by.
        request: the request as it is sent.
    """

    digest: str
    request: HttpRequest


@record
class Recalled:
    """What the cache says of a request.

    Args:
        digest: what the request is known by, '' where the cache is not used.
        request: the request as it is sent, where it was written to be looked for.
        kept: the reply, where it is kept.
        claimed: whether the request is this attempt's to make, and others wait for it.
        busy_ms: where somebody else is making it, how long their claim lasts from now; else None.
    """

    digest: str = ""
    request: HttpRequest | None = None
    kept: Kept | None = None
    claimed: bool = False
    busy_ms: int | None = None


_KEPT = TypeAdapter(Kept)


def request_digest(endpoint: ModelEndpoint, request: HttpRequest, cursor: Cursor) -> str:
    """What a request is known by: 64 hexadecimal digits.

    Equal are requests that send the same bytes to the same endpoint for the same round and sample, to be read by the
    same normaliser: several samples of one hole are several requests.
    """
    ahead = (_FORMAT, NORMALISER_VERSION, endpoint.protocol, endpoint.digest(), cursor.round_no, cursor.sample)
    digest = hashlib.sha256("|".join(map(str, ahead)).encode() + b"\n")
    digest.update(request.body)
    return digest.hexdigest()


def asking(
    cache: FillCache | None, rules: RunRules, endpoint: ModelEndpoint, call: Call, cursor: Cursor
) -> Asking | None:
    """What the cache is to be asked for a call, None where it is not.

    Args:
        cache: the cache, None where there is none.
        rules: of the run, which may do without.
        endpoint: who is asked.
        call: what is asked.
        cursor: round and sample that it is asked for.
    """
    if cache is None or not rules.cache:
        return None
    try:
        request = build_request(endpoint, call)
    except EndpointError:
        return None  # the call itself says what is wrong
    return Asking(request_digest(endpoint, request, cursor), request)


def recall(cache: FillCache | None, asked: Asking | None, holder: str) -> Recalled:
    """Look for the reply to a call; where there is none, claim the request.

    Args:
        cache: the cache.
        asked: what it is asked, None not to ask.
        holder: the attempt.
    """
    if cache is None or asked is None:
        return Recalled()
    try:
        return recalled(asked, cache.ask(asked.digest, holder))
    except MazeError as error:
        logger.warning("fill cache not asked: %s", error)
        return Recalled()


def recalled(asked: Asking, found: Found) -> Recalled:
    """What an answer of the cache means for the attempt that asked."""
    if found.verdict == "busy":
        return Recalled(asked.digest, asked.request, busy_ms=found.wait_ms)
    kept = _read(found.reply) if found.verdict == "hit" else None
    return Recalled(asked.digest, asked.request, kept, claimed=found.verdict == "claimed")


def _written(fresh: Kept) -> str:
    """A reply as it is kept, without what says nothing: it is most of what a short fill takes up in Redis."""
    return _KEPT.dump_json(_unwaited(fresh), exclude_defaults=True).decode()


def _read(text: str) -> Kept | None:
    try:
        return _unwaited(_KEPT.validate_json(text))
    except ValidationError:
        logger.warning("a reply in the fill cache cannot be read, and is asked for again")
        return None


def _unwaited(kept: Kept) -> Kept:
    """A reply to whoever has it from the cache: nobody waited for it, nothing was sent again."""
    return replace(kept, reply=replace(kept.reply, latency_ms=0.0, resent=0))


def decided(
    cache: FillCache | None,
    recalled: Recalled,
    holder: str,
    outcome: EndpointError | Failure | None,
    fresh: Kept | None,
    days: float,
) -> list[Step]:
    """What to tell the cache of an attempt, in the round trip that commits it.

    Args:
        cache: the cache.
        recalled: what it said of the request.
        holder: the attempt.
        outcome: the endpoint's error, why the fill cannot be accepted, or None where it can.
        fresh: the reply that the endpoint gave and what it cost; None where it gave none.
        days: how long a reply is kept.
    """
    if cache is None or not recalled.digest:
        return []
    if recalled.kept is not None:
        # A reply that no longer passes is not served again: who asks next pays afresh.
        return [cache.forget_call(recalled.digest, holder)] if outcome is not None else []
    if outcome is None and fresh is not None:
        return [cache.decide_call(recalled.digest, holder, _written(fresh), days=days)]
    # A call that was cut, or not made at all, decides nothing.
    again = isinstance(outcome, EndpointError) and (outcome.kind == "cancelled" or not outcome.sent)
    return [cache.decide_call(recalled.digest, holder, again=again)]


def give_back(cache: FillCache | None, recalled: Recalled, holder: str) -> None:
    """Give a claim back without a call; whoever waits for it may claim it."""
    if cache is None or not recalled.claimed:
        return
    try:
        wake(cache, cache.give_back(recalled.digest, holder))
    except MazeError as error:
        logger.warning("holes wait longer than they need to: %s", error)


def wait_for(cache: FillCache, digest: str, ticket: Ticket) -> None:
    """Have a hole that has just been deferred go on when the request it waits for has been decided."""
    try:
        if not cache.wait(digest, ticket):
            cache.wake([cache.waiter(ticket)])
    except MazeError as error:
        logger.warning("a hole waits longer than it needs to: %s", error)


def wake(cache: FillCache | None, answers: Sequence[list[str] | None]) -> None:
    """Let those go on who waited for a request, as the answers of `decided` name them."""
    waiters = [waiter for answer in answers for waiter in answer or ()]
    if cache is None or not waiters:
        return
    try:
        cache.wake(waiters)
    except MazeError as error:
        logger.warning("holes wait longer than they need to: %s", error)


def forget(cache: FillCache, digest: str | None) -> None:
    """Forget a reply whose fill turned out to be bad when it was run."""
    if digest is None:
        return
    try:
        cache.drop(digest)
    except MazeError as error:
        logger.warning("a bad fill stays in the cache: %s", error)
