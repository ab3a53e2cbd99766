"""Names of queues, tasks and identifiers, each built in one place.

Names are percent-encoded wherever they become part of a key or a queue, so that no separator inside a name can be
mistaken for one of ours.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote, unquote

HoleId = int | str

DEFAULT_NAMESPACE = "maze"
FILL_TASK = "maze.fill"
VERIFY_TASK = "maze.verify"
VERIFIERS = "\x00verify"  # where a model's name would stand; no endpoint can be called that
_SUSPECTS = "\x00suspect "  # ahead of the name of a model, or of the verifiers
FORMAT_VERSION = 1  # of records and messages; a worker leaves what is newer

_PLAIN = re.compile(r"[A-Za-z0-9_.~-]+").fullmatch

# Headers of the simulator and of our calls.
IDEMPOTENCY_HEADER = "Idempotency-Key"
SIMULATED_HEADER = "X-Maze-Simulated"


@lru_cache(maxsize=4096)  # several times an attempt, mostly of the same few names
def escape(name: str) -> str:
    """Percent-encode everything but letters, digits and ``_.-~``."""
    return name if _PLAIN(name) else quote(name, safe="")


def suspects_of(model: str) -> str:
    """What stands for a model where holes are meant whose workers died: they have a queue of their own."""
    return _SUSPECTS + model


def queue_name(model: str, namespace: str = DEFAULT_NAMESPACE) -> str:
    """Queue of a model, ``fill.<model>``, or of the `VERIFIERS`, behind ``suspect.`` for its suspects.

    Args:
        model: name of an endpoint, `VERIFIERS`, or `suspects_of` one of these.
        namespace: stands ahead of the queue if it is not the default.
    """
    plain = model.removeprefix(_SUSPECTS)
    queue = "verify" if plain == VERIFIERS else f"fill.{escape(plain)}"
    queue = queue if plain == model else f"suspect.{queue}"
    return queue if namespace == DEFAULT_NAMESPACE else f"{escape(namespace)}.{queue}"


def encode_id(hole_id: HoleId) -> str:
    """A hole id as text that keeps its type: ``i5`` for 5, ``s5`` for "5"."""
    return f"i{hole_id}" if isinstance(hole_id, int) else f"s{escape(hole_id)}"


def decode_id(text: str) -> HoleId:
    """The inverse of `encode_id`."""
    return int(text[1:]) if text[0] == "i" else unquote(text[1:])


def idempotency_key(run: str, hole_id: HoleId, round_no: int, candidate: int, sample: int, retry: int = 0) -> str:
    """``{run}/{hole}/{round}/{candidate}/{sample}``, with ``r<retry>`` behind a sample that is asked again on purpose.

    Source: ARCHITECTURE, "The way of a hole"; parts percent-encoded, counted from 0.
    """
    suffix = f"r{retry}" if retry else ""
    return f"{escape(run)}/{escape(str(hole_id))}/{round_no}/{candidate}/{sample}{suffix}"


def parse_idempotency_key(key: str) -> tuple[str, str, int, int, int] | None:
    """Run, hole, round, candidate and sample of a key, or None where it is not one of ours."""
    parts = key.split("/")
    if len(parts) != 5:  # noqa: PLR2004 - the five parts above
        return None
    run, hole, *numbers = parts
    try:
        round_no, candidate, sample = int(numbers[0]), int(numbers[1]), int(numbers[2].split("r")[0])
    except ValueError:
        return None
    return unquote(run), unquote(hole), round_no, candidate, sample
