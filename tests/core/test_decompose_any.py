"""Holes filled in parts, whatever fails and whoever dies in whatever order."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import fakeredis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maze_tasks import control
from maze_tasks.clients import ClientPool
from maze_tasks.config import Settings
from maze_tasks.fill import Filler
from maze_tasks.freeing import free_dependents
from maze_tasks.leases import LeaseKeeper
from maze_tasks.models import FailureStrategy, read_hole
from maze_tasks.models.runs import HoleResult, RunRules
from maze_tasks.overdue import see_to_overdue
from maze_tasks.parts import see_to
from maze_tasks.producer import Producer, RunOptions
from maze_tasks.store import RunStore, care
from tests.answering import Answering, Asked

from .conftest import RUN, Bench


class Died(BaseException):
    """A worker that is gone."""


@pytest.fixture(scope="module")
def server() -> Iterator[Answering]:
    with Answering(lambda _: 400) as opened:
        yield opened


@given(
    seed=st.integers(0, 2**32),
    fails=st.sampled_from([0.1, 0.4, 0.7]),
    dies=st.sampled_from([0.0, 0.3]),
    samples=st.sampled_from([1, 2]),
    pauses=st.sampled_from([0.0, 0.2]),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_every_hole_ends_and_a_whole_is_filled_just_where_all_its_parts_are(
    server: Answering, seed: int, fails: float, dies: float, samples: int, pauses: float
) -> None:
    dice = random.Random(seed)

    def answer(asked: Asked) -> str | int:
        return f"x = {asked.hole}" if random.Random(f"{seed}{asked.key}").random() >= fails else 400

    def dying(step: object) -> object:
        def stepped(*arguments: object) -> None:
            if dice.random() < dies:
                raise Died
            step(*arguments)  # type: ignore[operator]

        return stepped

    server.answer = answer
    asked_before = len(server.asked)
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patched:
        patched.setattr("maze_tasks.fill.see_to", dying(see_to))
        patched.setattr("maze_tasks.fill.free_dependents", dying(free_dependents))
        bench = _bench(stack, server)
        rules = RunRules(max_retries=0, failure_strategy=FailureStrategy.DECOMPOSE)
        options = RunOptions(rules=rules, best_of_n=samples)
        holes = [
            read_hole({"id": number, "scale": scale, "origin": "m.py:1:1", "status": "Pending", "depends_on": on})
            for number, (scale, on) in enumerate([("macro", []), ("meso", [0]), ("nano", [])])
        ]
        producer = Producer(bench.store, bench.sent.extend, bench.settings.endpoints, options)
        producer.submit(RUN, holes, input_digest="in", config_digest="c", ordered=True)
        for _ in range(500):
            if bench.status().ended:
                break
            _turn(bench, dice, pauses)
        found = {one.hole_id: one for one in bench.results()}
        status = bench.status()
    assert status.state == "done"
    assert status.closed == status.holes == len(found) == 3 + status.parts
    for one in found.values():
        _hangs_together(one, found)
    keys = Counter(asked.key for asked in server.asked[asked_before:])
    assert set(keys.values()) <= {1}, "no call is made twice"
    assert sum(keys.values()) == status.attempts


def _bench(stack: ExitStack, server: Answering) -> Bench:
    endpoints = (server.endpoint("a"),)
    store = RunStore(fakeredis.FakeRedis(decode_responses=True))
    bench = Bench(store, Settings(endpoints=endpoints, redis_url="redis://unused"), server)  # type: ignore[arg-type]
    clients, leases = ClientPool(bench.settings, pool_size=4), LeaseKeeper(store)
    for closing in (store.client.close, clients.close, leases.close):
        stack.callback(closing)
    bench.filler = Filler(store, leases, bench.sent.extend, {"a": endpoints[0]}, clients.get, draw=lambda: 0.5)
    return bench


def _turn(bench: Bench, dice: random.Random, pauses: float) -> None:
    """One message in any order; or, where there is none, what a sweeper does when all waits are over."""
    if bench.sent:
        message = bench.sent.pop(dice.randrange(len(bench.sent)))
        try:
            following = bench.run_link(message)
        except Died:
            return
        bench.sent += [following] if following else []
        return
    if dice.random() < pauses:
        control.pause(bench.store, RUN)
        control.resume(bench.store, bench.sent.extend, RUN)
    see_to_overdue(bench.store, bench.sent.extend, RUN, care.server_ms(bench.store) + 60_000)


def _hangs_together(one: HoleResult, found: dict[object, HoleResult]) -> None:
    parts = [found[part] for part in one.child_ids]
    assert all(part.parent_id == one.hole_id for part in parts)
    if not parts:
        assert one.status != "filled" or not one.attempts[-1].joined
        return
    if all(part.status == "filled" for part in parts):
        assert (one.status, one.code) == ("filled", "\n".join(part.code or "" for part in parts))
        return
    assert (one.status, one.error and one.error.kind) == ("failed", "part")
    statuses = [part.status for part in parts]
    first = next(number for number, status in enumerate(statuses) if status != "filled")
    assert statuses[first] == "failed"
    assert set(statuses[first + 1 :]) <= {"skipped"}
