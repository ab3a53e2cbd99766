"""The run store: every change of a run is one script, under the run's own hash tag."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis

from maze_tasks.models.runs import Attempt, Plan, RunRules
from maze_tasks.names import FORMAT_VERSION, HoleId, encode_id, suspects_of
from maze_tasks.store.attempts import Began, Begun, Commit, Finished, Stored, Ticket
from maze_tasks.store.combining import Combiner
from maze_tasks.store.connection import server_facts, translated
from maze_tasks.store.keys import RunKeys, active_key, runs_key
from maze_tasks.store.repeating import Recent
from maze_tasks.store.scripts import Arg, ScriptCall, run_many, script
from maze_tasks.store.together import Step, run_beside, run_together

__all__ = [
    "SELECT_MEMBER",
    "Began",
    "Begun",
    "Commit",
    "Finished",
    "NewHole",
    "RunInfo",
    "RunStore",
    "Stored",
    "Ticket",
    "record_tail",
]

_OF_RUN = ("cached", "repeated_nano", "unsettled_nano")  # counts that a run has of its own, besides those of its models
SELECT_MEMBER = "select"  # stands for the sample in `due` where a selection is owed


@dataclass(frozen=True, slots=True)
class NewHole:
    """A hole on its way into the store.

    Args:
        hole_id: its id.
        text: the hole as JSON.
        plan_no: number of its plan in the run's table.
        plan: that plan.
        prompt_tokens: upper bound of the prompt's tokens.
        max_tokens: tokens that are asked for.
        depends_on: holes of the run that must have come to an end before.
    """

    hole_id: HoleId
    text: str
    plan_no: int
    plan: Plan
    prompt_tokens: int
    max_tokens: int
    depends_on: tuple[HoleId, ...] = ()


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What never changes in a run.

    Args:
        plans: plan table by number.
        rules: how its holes are tried.
        version: format version of its records.
    """

    plans: tuple[Plan, ...]
    rules: RunRules
    version: int


class RunStore:
    """Runs in Redis.

    Args:
        client: connection with decoded replies.
        namespace: prefix of every key.
        lease_ms: length of a lease in milliseconds of Redis's clock.
        worker: name of this process in the records of leases that it takes; by default host and process id.
    """

    def __init__(
        self, client: redis.Redis, *, namespace: str = "maze", lease_ms: int = 15_000, worker: str | None = None
    ) -> None:
        self.client, self.namespace, self.lease_ms = client, namespace, lease_ms
        self.recent = Recent()
        self.worker = worker or f"{socket.gethostname()}:{os.getpid()}"
        self.calls = Combiner(client)  # of attempts, which threads make at the same time

    def keys(self, run: str) -> RunKeys:
        """Keys of a run."""
        return RunKeys(self.namespace, run)

    def create(self, run: str, plans: Sequence[Plan], *, input_digest: str, config_digest: str, rules: RunRules) -> str:
        """Create a run, or recognise it.

        Args:
            run: its name.
            plans: the plan table, by number.
            input_digest: digest of the holes.
            config_digest: digest of the configuration.
            rules: how its holes are tried.

        Returns:
            ``created``, ``same`` (a run of this name with this input and configuration) or ``other``.
        """
        keys = self.keys(run)
        args: list[Arg] = [
            input_digest,
            config_digest,
            FORMAT_VERSION,
            rules.model_dump_json(),
            int(rules.ordered),
            "" if rules.budget_nano is None else rules.budget_nano,
            "" if rules.deadline_s is None else round(rules.deadline_s * 1000),
            *(_plan_text(plan) for plan in plans),
        ]
        with translated():
            # Named before it is made: a run that nobody lists could never be found again.
            self.client.sadd(active_key(self.namespace), run)
            verdict = str(script("create").run(self.client, [keys.meta, keys.plans], args))
            created = float(self.client.hget(keys.meta, "created_ms") or 0) / 1000
            self.client.zadd(runs_key(self.namespace), {run: created}, nx=True)
        return verdict

    def add_plan(self, run: str, number: int, plan: Plan) -> None:
        """Add a plan to a run's table under the next number."""
        with translated():
            self.client.hset(self.keys(run).plans, str(number), _plan_text(plan))

    def submit(self, run: str, holes: Sequence[NewHole]) -> list[HoleId]:
        """Add holes as sent with send number 1; holes that are there already are left alone.

        Args:
            run: name of the run.
            holes: at most a few hundred.

        Returns:
            Ids of those that were added, in order.

        Raises:
            Refused: the run does not exist or has ended.
        """
        keys = self.keys(run)
        asked = {hole.plan: hole.plan.models_at(0) for hole in holes}
        models = list(dict.fromkeys(model for first in asked.values() for model in first))
        places = {plan: ",".join(str(models.index(model) + 1) for model in first) for plan, first in asked.items()}
        names = [keys.meta, keys.ids, *(keys.queued(model) for model in models)]
        args: list[Arg] = [len(models)]
        by_id = {}
        for hole in holes:
            hid = encode_id(hole.hole_id)
            by_id[hid] = hole.hole_id
            names += [keys.hole(hid), keys.text(hid)]
            args += [hid, hole.text, hole.plan_no, hole.plan.samples, places[hole.plan]]
            args += [hole.prompt_tokens, hole.max_tokens, int(bool(hole.depends_on))]
        with translated():
            self._link(keys, holes)
            added = script("submit").run(self.client, names, args)
        return [by_id[hid] for hid in added[1:]]

    def _link(self, keys: RunKeys, holes: Sequence[NewHole]) -> None:
        """Say who waits for whom, before the holes can be seen; sets bear repeating."""
        pipe = self.client.pipeline(transaction=False)
        for hole in holes:
            hid = encode_id(hole.hole_id)
            for other in map(encode_id, hole.depends_on):
                pipe.sadd(keys.parents(hid), other)
                pipe.sadd(keys.children(other), hid)
        if len(pipe):
            pipe.execute()

    def seal(self, run: str) -> None:
        """Say that no more holes come."""
        keys = self.keys(run)
        with translated():
            script("seal").run(self.client, [keys.meta, keys.events], [])

    def begin(
        self,
        ticket: Ticket,
        attempt_id: str,
        lost: Attempt,
        prices_nano: tuple[int, int],
        plans: Sequence[int] = (0,),
        most_nano: int | None = None,
    ) -> Begun:
        """Ask for a lease on one sample of a hole.

        Args:
            ticket: what the message asks for.
            attempt_id: drawn by the worker, compared for equality only.
            lost: the record to keep of the lease's last holder, should it have gone without finishing.
            prices_nano: nano-USD of a prompt token and of a generated token: by them and the bound of its tokens the
                call is charged that a lost worker may have made, as long as nobody knows better.
            plans: numbers of the plans that have this model at this candidate: a hole of another is left alone.
            most_nano: what this call may cost at most, in nano-USD, where its prompt is known already.
        """
        step = self.begin_call(ticket, attempt_id, lost, prices_nano, plans, most_nano)
        with translated():
            return read_begun(run_together(self.calls, [step])[0])

    def begin_call(
        self,
        ticket: Ticket,
        attempt_id: str,
        lost: Attempt,
        prices_nano: tuple[int, int],
        plans: Sequence[int] = (0,),
        most_nano: int | None = None,
    ) -> Step:
        """The call behind `begin`, for `run_each`; its answer is for `read_begun`."""
        keys, hid = self.keys(ticket.run), encode_id(ticket.hole_id)
        cursor = ticket.cursor
        names = [
            keys.meta, keys.hole(hid), keys.text(hid), keys.attempts(hid), keys.accounts, keys.leases,
            keys.queued(ticket.model), keys.queued(suspects_of(ticket.model)),
        ]  # fmt: skip
        args: list[Arg] = [
            hid, cursor.round_no, cursor.candidate, cursor.sample, ticket.send_no, attempt_id, self.lease_ms,
            ticket.model, FORMAT_VERSION, record_tail(lost), *prices_nano,
            f",{','.join(map(str, plans))},", json.dumps(self.worker),
            "" if most_nano is None else most_nano,
        ]  # fmt: skip
        return Step(script("begin"), names, args)

    def finish(
        self,
        ticket: Ticket,
        attempt_id: str,
        commit: Commit,
        *,
        next_model: str | None,
        beside: Sequence[Step] = (),
    ) -> Finished:
        """Commit an attempt, once, however often it is called.

        Args:
            ticket: what the attempt was for.
            attempt_id: the holder of the lease.
            commit: the attempt and what follows.
            next_model: the candidate that follows: after this one, or the first with ``round``.
            beside: steps that go in the same round trip, each of which bears repeating and may fail.
        """
        keys, hid = self.keys(ticket.run), encode_id(ticket.hole_id)
        attempt = commit.attempt
        names = [
            keys.meta, keys.hole(hid), keys.attempts(hid), keys.accounts, keys.leases, keys.events, keys.due,
            keys.queued(next_model or ticket.model),
        ]  # fmt: skip
        args: list[Arg] = [
            hid, ticket.cursor.sample, attempt_id, attempt.outcome, record_tail(attempt), ticket.model,
            attempt.cost_nano, ticket.cursor.candidate, int(attempt.simulated), int(attempt.repeated), commit.step,
            commit.wait_ms, commit.error_kind, commit.error_message, commit.status, ticket.cursor.round_no,
            commit.retries, *_counted(commit.counts, ticket.model),
        ]  # fmt: skip
        step = Step(script("finish"), names, args)
        with translated():
            (what, *rest), answers = run_beside(self.calls, step, beside)
        self.recent.add(step)
        if what == "ok":
            return Finished(rest[0], beside=tuple(answers), records=tuple(rest[1]) if len(rest) > 1 else ())
        return Finished(what, on=bool(rest and rest[0]), beside=tuple(answers))

    def repeat_recent(self) -> int:
        """Make the commits of the last seconds again if the server was started or replaced since; how many that were.

        Raises:
            ServiceUnavailable: the server cannot be reached; they are made again when this is called again.
        """
        return self.recent.repeat(self.calls, server_facts(self.client).run_id)

    def renew(self, held: Sequence[tuple[Ticket, str]], began: Sequence[Began | None] = ()) -> list[bool]:
        """Lengthen leases in one round trip.

        Args:
            held: ticket and attempt id of each.
            began: what each began with, None for one that is not given back where the server has forgotten it.

        Returns:
            Of each, whether it is still held, or held again.
        """
        pairs = zip(held, began or [None] * len(held), strict=True)
        calls = [self._renewal(ticket, attempt_id, one) for (ticket, attempt_id), one in pairs]
        with translated():
            return [bool(kept) for kept in run_many(self.client, "renew", calls)]

    def renew_call(self, ticket: Ticket, attempt_id: str, most_nano: int) -> Step:
        """Lengthens one lease and says what its call may cost at most, in nano-USD; for `run_each`."""
        # It was granted a moment ago: a server that has forgotten it by now need not give it back.
        return Step(script("renew"), *self._renewal(ticket, attempt_id, Began(-1, repeated=False, most_nano=most_nano)))

    def _renewal(self, ticket: Ticket, attempt_id: str, began: Began | None) -> ScriptCall:
        keys, hid, at = self.keys(ticket.run), encode_id(ticket.hole_id), ticket.cursor
        args: list[Arg] = [hid, at.sample, attempt_id, self.lease_ms, at.round_no, at.candidate]
        args += [-1, 0] if began is None else [began.retries, int(began.repeated)]
        args += [json.dumps(self.worker), "" if began is None else began.most_nano]
        return [keys.hole(hid), keys.leases, keys.meta], args

    def info(self, run: str) -> RunInfo | None:
        """What never changes in a run, or None where there is none of that name."""
        keys = self.keys(run)
        with translated():
            pipe = self.client.pipeline(transaction=False)
            pipe.hmget(keys.meta, ["version", "rules"])
            pipe.hgetall(keys.plans)
            (version, rules), table = pipe.execute()
        if version is None:
            return None
        plans = tuple(_plan(table[str(number)]) for number in range(len(table)))
        return RunInfo(plans, RunRules.model_validate_json(rules), int(version))

    def stored(self, run: str, hole_ids: Sequence[HoleId], *, tried: bool) -> list[Stored | None]:
        """Some holes as they are stored, in one round trip; None for one that is not there.

        Args:
            run: name of the run.
            hole_ids: their ids.
            tried: whether their last attempts are wanted too.
        """
        keys, hids = self.keys(run), [encode_id(hole_id) for hole_id in hole_ids]
        with translated():
            if not tried:
                found = [(text, ()) for text in self.client.mget([keys.text(hid) for hid in hids])]
            else:
                pipe = self.client.pipeline(transaction=False)
                for hid in hids:
                    pipe.get(keys.text(hid))
                    pipe.lrange(keys.attempts(hid), -3, -1)  # as many as `begin` tells of
                flat = pipe.execute()
                found = list(zip(flat[0::2], flat[1::2], strict=True))
        return [None if text is None else Stored(str(text), _attempts(last)) for text, last in found]

    def note(self, run: str, text: str) -> bool:
        """Keep what a worker has to say about a run; True the first time it is said."""
        with translated():
            return bool(self.client.sadd(self.keys(run).notes, text[:500]))


def read_begun(raw: Sequence[Any]) -> Begun:
    """What an answer to `RunStore.begin_call` says."""
    verdict, *rest = raw
    if verdict != "go":
        return Begun(verdict, on=verdict == "behind" and bool(rest[0]))
    text, plan_no, repeated, retries, suspect, left, budget, records = rest
    return Begun(
        "go",
        text,
        int(plan_no),
        bool(repeated),
        int(retries),
        bool(suspect),
        _attempts(records),
        left_ms=int(left) if int(left) >= 0 else None,
        budgeted=bool(budget),
    )


def _attempts(records: Sequence[Any]) -> tuple[Attempt, ...]:
    return tuple(Attempt.model_validate_json(record) for record in records)


def record_tail(attempt: Attempt) -> str:
    """An attempt's JSON behind its outcome, which the script that stores it puts in front."""
    return attempt.model_dump_json(exclude={"outcome"}, exclude_none=True, exclude_defaults=True)[1:]


def _counted(counts: Mapping[str, int], model: str) -> list[Arg]:
    """Changes of counts as the script wants them: how many of the run follow, these, the model's, accepted ahead."""
    of_run = [(name, counts[name]) for name in _OF_RUN if counts.get(name)]
    of_model = [(f"{name}|{model}", counts[name]) for name in sorted(counts, key="accepted".__ne__) if counts[name]]
    return [len(of_run), *(part for pair in (*of_run, *of_model) for part in pair)]


def _plan_text(plan: Plan) -> str:
    return json.dumps({"candidates": plan.candidates, "samples": plan.samples, "spread": plan.spread})


def _plan(text: str) -> Plan:
    loaded = json.loads(text)
    return Plan(tuple(loaded["candidates"]), int(loaded["samples"]), bool(loaded.get("spread")))
