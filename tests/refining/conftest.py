"""Refiners whose endpoint answers in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from maze_tasks import EnsembleClient, EnsembleConfig, ProgressiveRefiner
from tests.answering import Answer, Answering

MakeRefiner = Callable[..., tuple[ProgressiveRefiner, Answering]]


@pytest.fixture
def refiner_of(redis_url: str) -> Iterator[MakeRefiner]:
    """Makes a refiner of an ensemble whose endpoints all answer as one function says."""
    with ExitStack() as stack:

        def make(
            answer: Answer, *names: str, config: Any = None, ensemble: dict[str, Any] | None = None, **settings: Any
        ) -> tuple[ProgressiveRefiner, Answering]:
            server = stack.enter_context(Answering(answer))
            endpoints = tuple(
                server.endpoint(name, priority=number, **settings) for number, name in enumerate(names or ("one",))
            )
            made = EnsembleConfig(endpoints=endpoints, **(ensemble or {}))
            client = stack.enter_context(EnsembleClient.from_config(made, redis_url=redis_url))
            return ProgressiveRefiner.with_ensemble(client, config), server

        yield make
