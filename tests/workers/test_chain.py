"""Ending a chain early, also where it stands in a chord's header."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from celery.app.task import Context

from workers.tasks import end_chain, narrow_chain


def task(chain: list[dict[str, Any]] | None) -> SimpleNamespace:
    return SimpleNamespace(request=Context(chain=chain, chord=None, group=None, group_index=None))


def test_the_links_that_follow_are_dropped() -> None:
    running = task([{"options": {"queue": "fill.c"}}, {"options": {"queue": "fill.b"}}])
    end_chain(running)
    assert running.request.chain is None
    assert running.request.chord is None


def test_a_task_without_a_chain_is_left_as_it_is() -> None:
    running = task(None)
    end_chain(running)
    assert running.request.chain is None


def test_the_chord_that_waits_for_the_last_link_is_handed_over() -> None:
    body = {"task": "after", "options": {}}
    last = {"options": {"queue": "fill.c", "chord": body, "group_id": "g", "group_index": 3}}
    running = task([last, {"options": {"queue": "fill.b"}}])
    end_chain(running)
    assert running.request.chain is None
    assert (running.request.chord, running.request.group, running.request.group_index) == (body, "g", 3)


def test_what_goes_on_by_the_chain_is_all_that_its_links_carry() -> None:
    links = [{"kwargs": {"model": name, "holes": [1, 2, 3]}, "options": {}} for name in "cb"]
    running = task(links)
    narrow_chain(running, [2, "x"])
    assert [link["kwargs"]["holes"] for link in running.request.chain] == [[2, "x"], [2, "x"]]
