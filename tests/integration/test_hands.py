"""A worker takes no more messages than it has call slots for their holes: what it holds, no other can fill."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.stage import endpoint, staged, until

pytestmark = pytest.mark.integration

SLOTS, HOLES, PARCEL = 10, 400, 10


@pytest.mark.parametrize("pool", ["threads", "gevent"])
def test_a_worker_leaves_to_others_what_it_cannot_begin(addresses: Callable[[], dict[str, str]], pool: str) -> None:
    with staged([endpoint("a", max_concurrency=SLOTS)], {"a": {"latency": 3_000}}) as stage:
        stage.settings = addresses()
        stage.configure()
        path = stage.write("holes.jsonl", [{"hole_id": number, "prompt": f"hole {number}"} for number in range(HOLES)])
        assert stage.maze("refine", path, "--run", "r", "--detach").code == 0
        assert stage.waiting("a") == HOLES // PARCEL
        stage.celery(["a"], concurrency=SLOTS, pool=pool)
        until(lambda: stage.status("r").in_progress >= SLOTS, "as many calls as there are slots")
        assert stage.waiting("a") >= HOLES // PARCEL - 3, "in hand: what fills its slots once, and a reserve"
        # As calls end, others are begun, and messages taken.
        until(lambda: stage.status("r").filled >= 2 * SLOTS, "calls that end")
        until(lambda: stage.waiting("a") <= HOLES // PARCEL - 3, "more messages taken")
