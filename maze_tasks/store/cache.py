"""The fill cache: replies that were paid for, by what was asked, shared by all runs of a namespace.

Losing any of it costs money only: nothing else in the store rests on it. The keys of one request carry its digest as
hash tag, so that one script may touch them all on a cluster, and the cache spreads over it.

=============  ======  ==========================================================================================
key            type    holds
=============  ======  ==========================================================================================
``reply``      string  what came back (JSON); expires
``claim``      string  the attempt that is asking now, for the length of a lease; empty for a while after nothing came
                       of it that could be kept
``waiting``    list    holes that wait for the claim's end, as JSON: run, encoded id, sample
=============  ======  ==========================================================================================
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

import redis

from maze_tasks.names import DEFAULT_NAMESPACE, encode_id, escape
from maze_tasks.record import record
from maze_tasks.store.connection import translated
from maze_tasks.store.keys import RunKeys
from maze_tasks.store.runs import RunStore, Ticket
from maze_tasks.store.scripts import Arg, ScriptCall, run_many, script
from maze_tasks.store.together import Client, Step, run_together

MAX_REPLY_CHARS = 300_000  # of a reply as it is kept; a longer one is not
MAX_WAITING = 10_000  # holes that are named when a request is decided; more come by themselves
UNCLAIMED_MS = 30_000  # after nothing came of a request, those who ask it do so side by side for so long
_DAY_MS = 86_400_000

Waiter = str  # run, encoded hole id and sample, as JSON


@record
class Found:
    """Answer of `FillCache.ask`.

    Args:
        verdict: ``hit``; ``claimed``: nobody has asked this, ask it; ``free``: somebody has asked and got nothing that
            could be kept, ask it without a claim; ``busy``: somebody is asking.
        reply: what is kept, with ``hit``.
        wait_ms: with ``busy``, when the claim ends if nobody renews it, in milliseconds from now.
    """

    verdict: Literal["hit", "claimed", "free", "busy"]
    reply: str = ""
    wait_ms: int = 0


class FillCache:
    """Kept replies in Redis.

    Args:
        client: connection with decoded replies.
        namespace: prefix of every key.
        claim_ms: how long a claim lasts that nobody renews; as long as a lease.
        calls: what runs the scripts of attempts, by default the client.
    """

    def __init__(
        self,
        client: redis.Redis,
        *,
        namespace: str = DEFAULT_NAMESPACE,
        claim_ms: int = 15_000,
        calls: Client | None = None,
    ) -> None:
        self.client, self.namespace, self.claim_ms = client, namespace, claim_ms
        self._calls = calls if calls is not None else client

    @classmethod
    def beside(cls, store: RunStore) -> FillCache:
        """The cache on the server of a store."""
        return cls(store.client, namespace=store.namespace, claim_ms=store.lease_ms, calls=store.calls)

    def ask(self, digest: str, holder: str) -> Found:
        """Look for the reply to a request, or claim the request.

        Args:
            digest: of the request; hexadecimal.
            holder: the attempt that asks.

        Raises:
            ServiceUnavailable: Redis cannot be reached.
        """
        with translated():
            return self.read(run_together(self._calls, [self.ask_call(digest, holder)])[0])

    def ask_call(self, digest: str, holder: str) -> Step:
        """The call behind `ask`, for `run_each`; its answer is for `read`."""
        return Step(script("reply_ask"), self._keys(digest)[:2], [holder, self.claim_ms])

    @staticmethod
    def read(raw: Sequence[Any]) -> Found:
        """What an answer to `ask_call` says."""
        verdict, *rest = raw
        if verdict == "hit":
            return Found("hit", reply=str(rest[0]))
        return Found(verdict, wait_ms=int(rest[0]) if rest else 0)

    def decide_call(self, digest: str, holder: str, reply: str = "", *, days: float = 1.0, again: bool = False) -> Step:
        """Say what came of a request, for `run_together`; the answer is the list of those who waited for it.

        Args:
            digest: of the request.
            holder: the attempt that asked it.
            reply: what to keep, '' for nothing.
            days: how long it is kept.
            again: without a reply, whether the request was not decided: it may be claimed again at once.
        """
        kept = reply if len(reply) <= MAX_REPLY_CHARS else ""
        args: list[Arg] = [holder, kept, max(round(days * _DAY_MS), 1), 0 if again else UNCLAIMED_MS, 0]
        return Step(script("reply_decide"), self._keys(digest), args)

    def forget_call(self, digest: str, holder: str) -> Step:
        """Forget a reply, for `run_together`; the answer is a list as that of `decide_call`."""
        return Step(script("reply_decide"), self._keys(digest), [holder, "", 1, 0, 1])

    def give_back(self, digest: str, holder: str) -> list[list[Waiter]]:
        """Give a claim back without a call; those who waited for it.

        Raises:
            ServiceUnavailable: Redis cannot be reached.
        """
        with translated():
            return run_together(self.client, [self.decide_call(digest, holder, again=True)])

    def wait(self, digest: str, ticket: Ticket) -> bool:
        """Be named when a claimed request has been decided; False where it has been already.

        Raises:
            ServiceUnavailable: Redis cannot be reached.
        """
        with translated():
            args: list[Arg] = [self.waiter(ticket), self.claim_ms * 4, MAX_WAITING]
            return bool(script("reply_wait").run(self.client, self._keys(digest), args))

    @staticmethod
    def waiter(ticket: Ticket) -> Waiter:
        """A hole as it is named to `wake`."""
        return json.dumps([ticket.run, encode_id(ticket.hole_id), ticket.cursor.sample])

    def wake(self, waiters: Sequence[Waiter]) -> None:
        """Let those go on at once who waited for a request; a hole that waits no more is left alone.

        Raises:
            ServiceUnavailable: Redis cannot be reached; they come by themselves when their wait ends.
        """
        with translated():
            seconds, micros = self.client.time()
            now = int(seconds) * 1000 + int(micros) // 1000
            pipe = self.client.pipeline(transaction=False)
            for waiter in waiters:
                run, hid, sample = json.loads(waiter)
                pipe.zadd(RunKeys(self.namespace, run).due, {f"{hid}|{sample}": now}, xx=True, lt=True)
            pipe.execute()

    def drop(self, digest: str) -> None:
        """Forget a reply.

        Raises:
            ServiceUnavailable: Redis cannot be reached.
        """
        with translated():
            self.client.unlink(self._keys(digest)[0])

    def renew(self, held: Sequence[tuple[str, str]]) -> None:
        """Lengthen claims in one round trip: digest and holder of each.

        Raises:
            ServiceUnavailable: Redis cannot be reached.
        """
        calls: list[ScriptCall] = [([self._keys(digest)[1]], [holder, self.claim_ms]) for digest, holder in held]
        with translated():
            run_many(self.client, "reply_renew", calls)

    def _keys(self, digest: str) -> list[str]:
        prefix = f"{escape(self.namespace)}:{{c:{digest}}}:"
        return [prefix + name for name in ("reply", "claim", "waiting")]
