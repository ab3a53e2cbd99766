"""Bare Celery: a task that does nothing, and one that makes a call with requests and keeps nothing of it.

The settings are those that our own workers have; nothing is written but what Celery writes.
"""

from __future__ import annotations

import threading

import requests

from benchmarks.compare.calls import ask
from benchmarks.compare.job import given_job, prompt
from benchmarks.compare.tally import Tally
from maze_tasks.dispatch import make_celery

job = given_job()
app = make_celery(job.broker_url, events=job.events)
if job.samples > 1:
    app.conf.result_backend = job.broker_url  # a chord counts its members there
tally = Tally(job.redis_url)
_local = threading.local()


def session() -> requests.Session:
    """The connections of this thread; proxies are not looked for, which would cost as much again."""
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
        _local.session.trust_env = False
    return _local.session


@app.task(name="bench.noop", ignore_result=True)  # type: ignore[untyped-decorator]
def noop(number: int) -> None:  # noqa: ARG001 - every message names a hole
    """Do nothing."""
    tally.add()


@app.task(name="bench.call", ignore_result=True)  # type: ignore[untyped-decorator]
def call(number: int) -> None:
    """Ask the candidates in order, and look for text in the answer."""
    key = str(number) if job.keys else None
    tally.add(failed=int(ask(session(), job.candidates, prompt(number), key) is None))


@app.task(name="bench.sample", ignore_result=False)  # type: ignore[untyped-decorator]
def sample(number: int) -> str | None:
    """One of several answers, a member of a chord."""
    return ask(session(), job.candidates, prompt(number))


@app.task(name="bench.choose", ignore_result=True)  # type: ignore[untyped-decorator]
def choose(answers: list[str | None]) -> None:
    """The shortest of several answers."""
    found = [one for one in answers if one]
    tally.add(failed=int(not found or not min(found, key=len)))
