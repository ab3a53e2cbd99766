"""Calls made by the process that has the holes, so many at a time, with asyncio: nothing is durable."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from benchmarks.compare.job import Job, prompt
from benchmarks.compare.steps import drive, share

Ask = Callable[[str], Awaitable[str | None]]
Open = Callable[[Job], Awaitable[Ask]]


async def filled(ask: Ask, numbers: Iterable[int], slots: int, samples: int) -> int:
    """How many holes got an answer; of several for each the shortest counts.

    Args:
        ask: gives the text of an answer to a prompt.
        numbers: of the holes.
        slots: calls at once.
        samples: answers to ask for a hole, all at once.
    """
    todo = iter(numbers)
    found = 0

    async def work() -> None:
        nonlocal found
        for number in todo:
            answers = await asyncio.gather(*(ask(prompt(number)) for _ in range(samples)))
            found += bool(min(filter(None, answers), key=len, default=None))

    await asyncio.gather(*(work() for _ in range(max(1, slots // samples))))
    return found


def run(job: Job, opened: Open) -> None:
    """Warm up, then do this process's share.

    Args:
        job: what to do.
        opened: makes what asks, inside the loop that it is used in.
    """
    loop = asyncio.new_event_loop()
    ask = loop.run_until_complete(opened(job))

    def fill(numbers: Iterable[int]) -> int:
        return loop.run_until_complete(filled(ask, numbers, job.slots, job.samples))

    def work() -> dict[str, int]:
        mine = share(job.count, job.processes)
        found = fill(mine)
        if found != len(mine):
            raise SystemExit(f"{found} of {len(mine)} were filled")
        return {"filled": found}

    fill(share(job.warm, job.processes))
    drive(work)
