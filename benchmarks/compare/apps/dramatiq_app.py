"""Dramatiq: an actor that makes a call with requests; its Redis broker with the middleware of its defaults."""

from __future__ import annotations

import threading

import dramatiq
import requests
from dramatiq.brokers.redis import RedisBroker

from benchmarks.compare.calls import ask
from benchmarks.compare.job import given_job, prompt
from benchmarks.compare.tally import Tally

job = given_job()
tally = Tally(job.redis_url)
broker = RedisBroker(url=job.redis_url)
_local = threading.local()


class Ready(dramatiq.Middleware):  # type: ignore[misc]
    """Says when a process takes messages."""

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:  # noqa: ARG002
        """Say so."""
        tally.ready()


broker.add_middleware(Ready())
dramatiq.set_broker(broker)


def session() -> requests.Session:
    """The connections of this thread; proxies are not looked for."""
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
        _local.session.trust_env = False
    return _local.session


@dramatiq.actor(queue_name="bench", max_retries=0)
def call(number: int) -> None:
    """Ask the candidates in order, and look for text in the answer."""
    tally.add(failed=int(ask(session(), job.candidates, prompt(number)) is None))
