"""What lies in the queues: chains that end early, and messages that nobody should have sent."""

from __future__ import annotations

import base64
import json
import pickle
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from celery import Celery

from maze_tasks.dispatch import make_celery
from maze_tasks.names import FILL_TASK
from tests.integration.batches import DEFAULT
from tests.integration.stage import Stage, until

# A message as it should be, for the hole of run `forged`.
GOOD: dict[str, Any] = {
    "model": "quick", "holes": ["h"], "run": "forged", "round": 0, "candidate": 0, "sample": 0, "send_no": 1, "v": 1,
}  # fmt: skip
FORGED: dict[str, dict[str, Any]] = {
    "newer": {"v": 2},
    "version as text": {"v": "1"},
    "unknown run": {"run": "nobody-made-it"},
    "run is a number": {"run": 7},
    "run without end": {"run": "x" * 100_000},
    "unknown model": {"model": "nobody-configured-it"},
    "model outside the plan": {"model": "strict"},
    "model of another plan": {"model": "general"},
    "unknown hole": {"holes": ["nobody-submitted-it"]},
    "no holes": {"holes": []},
    "holes are text": {"holes": "h"},
    "hole is a fraction": {"holes": [1.5]},
    "hole is a list": {"holes": [["h"]]},
    "hole is true": {"holes": [True]},
    "too many holes": {"holes": ["h"] * 1001},
    "candidate below": {"candidate": -1},
    "candidate beyond": {"candidate": 99},
    "candidate ahead": {"candidate": 1, "model": "general"},
    "round ahead": {"round": 3},
    "sample beyond": {"sample": 7},
    "sample is text": {"sample": "0"},
    "sent before": {"send_no": 0},
    "numbers missing": {"round": None, "candidate": None, "sample": None, "send_no": None},
}
LINKS: dict[str, Any] = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
JSON = ("application/json", "utf-8")
# Content type, encoding, body and headers of messages that end or stall a plain Celery worker, or might.
ODD: dict[str, tuple[str, str, Any, dict[str, Any]]] = {
    "pickle": ("application/x-python-serialize", "binary", pickle.dumps(([], GOOD, LINKS)), {}),
    "no JSON": (*JSON, b"{ no", {}),
    "bytes": ("application/data", "binary", b"\x00\x01", {}),
    "text": ("text/plain", "utf-8", b"hello", {}),
    "body is a number": (*JSON, 5, {}),
    "body is null": (*JSON, None, {}),
    "body is empty": (*JSON, [], {}),
    "body is three numbers": (*JSON, [1, 2, 3], {}),
    "named arguments are null": (*JSON, [[], None, {}], {}),
    "chain of numbers": (*JSON, [[], GOOD, {"chain": [1, 2]}], {}),
    "chain is a number": (*JSON, [[], GOOD, {"chain": 7}], {}),
    "no id": (*JSON, [[], GOOD, LINKS], {"id": None}),
    "id is a list": (*JSON, [[], GOOD, LINKS], {"id": [1]}),
    "task is a list": (*JSON, [[], GOOD, LINKS], {"task": ["x"]}),
    "time limit is a text": (*JSON, [[], GOOD, LINKS], {"timelimit": "a"}),
    "shown arguments are no text": (*JSON, [[], GOOD, LINKS], {"argsrepr": {"a": 1}}),
    "in the year 2999": (*JSON, [[], GOOD, LINKS], {"eta": "2999-01-01T00:00:00+00:00"}),
}
PROPERTIES: dict[str, Any] = {
    "body_encoding": "base64", "delivery_info": {"exchange": "", "routing_key": "fill.quick"}, "delivery_tag": "t",
}  # fmt: skip
ENVELOPE: dict[str, Any] = {
    "body": "", "content-type": "application/json", "content-encoding": "utf-8", "headers": {},
    "properties": PROPERTIES,
}  # fmt: skip
# What lies in a queue's list and is no message at all, as values that JSON can write ...
NO_MESSAGES: dict[str, Any] = {
    "null": None,
    "a number": 5,
    "a text": "x",
    "a list": [1, 2],
    "nothing": {},
    "a date that is none": {"__type__": "date", "__value__": "x"},
    "no properties": {name: value for name, value in ENVELOPE.items() if name != "properties"},
    "properties are null": ENVELOPE | {"properties": None},
    "properties are a list": ENVELOPE | {"properties": []},
    "no tag": ENVELOPE | {"properties": PROPERTIES | {"delivery_tag": None}},
    "tag is a list": ENVELOPE | {"properties": PROPERTIES | {"delivery_tag": []}},
    "tag is half a character": ENVELOPE | {"properties": PROPERTIES | {"delivery_tag": "\ud800"}},
    "nowhere to go": ENVELOPE | {"properties": PROPERTIES | {"delivery_info": None}},
    "goes to a number": ENVELOPE | {"properties": PROPERTIES | {"delivery_info": 7}},
    "without a way": ENVELOPE | {"properties": PROPERTIES | {"delivery_info": {}}},
    "body is no base64": ENVELOPE | {"body": "!"},
    "body is a list": ENVELOPE | {"body": [1]},
    "body is a map": ENVELOPE | {"body": {"a": 1}},
    "of an unknown encoding": ENVELOPE | {"body": "AAAA", "properties": PROPERTIES | {"body_encoding": "rot13"}},
    "encoding is a list": ENVELOPE | {"body": "AAAA", "properties": PROPERTIES | {"body_encoding": []}},
    "headers are a list": ENVELOPE | {"headers": [1]},
    "headers are null": ENVELOPE | {"headers": None},
    "type is a list": ENVELOPE | {"content-type": [1]},
    "encoded in a list": ENVELOPE | {"content-encoding": [1]},
    "compressed with nothing": ENVELOPE | {"body": "AAAA", "headers": {"compression": "none at all"}},
}
# ... and as bytes.
NO_JSON = (b"", b"\xff\xfe\x00", b"not JSON", b'{"body": ', b"[" * 100_000, b"1" * 5_000, b"NaN", b'"\\ud800"')


@pytest.fixture(scope="module")
def app(cluster: Stage) -> Iterator[Celery]:
    """A Celery app of somebody who can write to the broker."""
    made = make_celery(cluster.settings["broker_url"])
    yield made
    made.close()


def all_taken(cluster: Stage, model: str) -> bool:
    """Whether a queue is empty and nothing of it is in a worker's hands."""
    with closing(cluster.redis("broker_url")) as client:
        return not cluster.waiting(model) and not client.hlen("unacked")


def test_a_hole_accepted_by_the_first_candidate_leaves_no_message_anywhere(cluster: Stage) -> None:
    # The second candidate's queue has no consumer: whatever came to it would lie there.
    config = cluster.configure("early.toml", only=["quick", "idle"])
    path = cluster.write("early.jsonl", [{"hole_id": number} for number in range(30)])
    before = cluster.waiting("idle")
    assert cluster.maze("refine", path, "--run", "early", "--json", config=config).code == 0
    until(lambda: all_taken(cluster, "quick"), "acknowledgement of every message")
    assert cluster.waiting("idle") == before
    assert cluster.status("early").attempts == 30
    assert cluster.status("early").late == 0


def test_a_hole_that_fails_takes_one_message_to_the_next_candidate(cluster: Stage) -> None:
    config = cluster.configure("goes-on.toml", only=["bad", "idle"])
    path = cluster.write("goes-on.jsonl", [{"hole_id": number} for number in range(5)])
    before = cluster.waiting("idle")
    assert cluster.maze("refine", path, "--run", "goes-on", "--detach", config=config).code == 0
    until(lambda: cluster.waiting("idle") == before + 5, "a message a hole at the next candidate")
    status = cluster.status("goes-on")
    assert (status.attempts, status.pending) == (5, 5)
    assert cluster.maze("cancel", "goes-on", config=config).code == 0


def test_messages_name_runs_and_holes_and_nothing_else(cluster: Stage) -> None:
    config = cluster.configure("ids.toml", only=["idle", "quick"])
    hole = {"hole_id": "h-1", "prompt": "SECRET PROMPT", "prefix": "SECRET PREFIX", "max_tokens": 77}
    path = cluster.write("ids.jsonl", [hole])
    config_of_idle_first = cluster.configure("ids.toml", only=["idle", "general"])
    assert cluster.maze("refine", path, "--run", "ids", "--detach", config=config_of_idle_first).code == 0
    with closing(cluster.redis("broker_url")) as client:
        message = json.loads(client.lindex("fill.idle", 0))
    _, kwargs, embed = json.loads(base64.b64decode(message["body"]))
    link = {"run": "ids", "holes": ["h-1"], "round": 0, "sample": 0, "send_no": 1, "v": 1}
    assert kwargs == {**link, "model": "idle", "candidate": 0}
    assert [one["kwargs"] for one in embed["chain"]] == [{**link, "model": "general", "candidate": 1}]
    assert "SECRET" not in json.dumps(message) + json.dumps(embed)
    assert cluster.maze("cancel", "ids", config=config).code == 0


def test_forged_messages_are_dropped_without_harm_and_the_worker_goes_on(cluster: Stage, app: Celery) -> None:
    config = cluster.configure("forged.toml", only=["idle", "quick", "general"])
    # The hole waits at `idle`, which nobody serves; the plan of trivial holes begins with `quick`.
    path = cluster.write("forged.jsonl", [{"hole_id": "h", **DEFAULT}])
    assert cluster.maze("refine", path, "--run", "forged", "--detach", config=config).code == 0
    before, refused = cluster.status("forged"), kinds_dropped(cluster)
    for changes in FORGED.values():
        kwargs = {name: value for name, value in (GOOD | changes).items() if value is not None}
        app.send_task(FILL_TASK, kwargs=kwargs, queue="fill.quick")
    app.send_task(FILL_TASK, kwargs=GOOD, queue="fill.quick")  # fits its cursor, but not its plan
    app.send_task(FILL_TASK, args=[1, 2], kwargs=GOOD, queue="fill.quick")
    app.send_task(FILL_TASK, kwargs=GOOD | {"endpoint_url": "http://evil.example", "url": "x"}, queue="fill.quick")
    app.send_task("maze.no_such_task", kwargs=GOOD, queue="fill.quick")
    until(lambda: all_taken(cluster, "quick"), "the end of the forged messages")
    assert cluster.status("forged") == before.model_copy(update={"notes": cluster.status("forged").notes})
    assert cluster.log.entries("forged") == []
    until(lambda: sum((kinds_dropped(cluster) - refused).values()) >= len(FORGED), "their count")
    counts = kinds_dropped(cluster) - refused
    assert counts["newer"] == 1
    assert counts["gone"] >= 2, "unknown run, unknown hole"
    assert counts["ahead"] >= 1
    assert counts["unfit"] >= 3
    assert counts["malformed"] >= 10
    assert cluster.maze("cancel", "forged", config=config).code == 0
    still_works(cluster, "after-forged")


def test_what_is_no_task_at_all_is_dropped_and_the_worker_goes_on(cluster: Stage) -> None:
    with closing(cluster.redis("broker_url")) as client:
        for kind, encoding, body, headers in ODD.values():
            client.lpush("fill.quick", raw_message(kind, encoding, body, headers))
    until(lambda: all_taken(cluster, "quick"), "the end of the odd messages")
    still_works(cluster, "after-odd")


def test_entries_that_are_no_message_are_dropped_and_counted(cluster: Stage) -> None:
    entries = [*NO_JSON, *(json.dumps(value).encode() for value in NO_MESSAGES.values())]
    before = dropped(cluster)
    with closing(cluster.redis("broker_url")) as client:
        client.lpush("fill.quick", *entries)
        # What a worker seems to have left unacknowledged long ago is given back to its queue, or is of no use.
        client.hset("unacked", mapping={"no message": "null", "no JSON": "[", "no list": "7"})
        client.zadd("unacked_index", dict.fromkeys(("no message", "no JSON", "no list"), 1))
    until(lambda: all_taken(cluster, "quick"), "the end of the entries")
    until(lambda: dropped(cluster) >= before + len(entries) + 3, "their count")
    assert dropped(cluster) == before + len(entries) + 3
    still_works(cluster, "after-entries")
    assert f"{dropped(cluster)} malformed" in cluster.maze("status").err
    assert cluster.maze("metrics", "--json").json["dropped_messages"] == kinds_dropped(cluster)


def kinds_dropped(cluster: Stage) -> Counter[str]:
    """Messages dropped, by kind."""
    with closing(cluster.redis()) as client:
        return Counter({kind: int(count) for kind, count in client.hgetall("maze:dropped").items()})


def dropped(cluster: Stage) -> int:
    """Messages dropped because they were none."""
    return kinds_dropped(cluster)["malformed"]


def raw_message(kind: str, encoding: str, body: Any, headers: dict[str, Any]) -> str:
    """A message as kombu lays it into Redis."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    known = {"lang": "py", "task": FILL_TASK, "id": str(uuid.uuid4())}
    return json.dumps(
        {
            "body": base64.b64encode(raw).decode(),
            "content-type": kind,
            "content-encoding": encoding,
            "headers": {name: value for name, value in (known | headers).items() if value is not None},
            "properties": {
                "body_encoding": "base64",
                "delivery_info": {"exchange": "", "routing_key": "fill.quick"},
                "delivery_tag": str(uuid.uuid4()),
            },
        }
    )


def test_a_message_sent_twice_is_run_once(cluster: Stage, app: Celery) -> None:
    config = cluster.configure("twice.toml", only=["steady", "general"])
    path = cluster.write("twice.jsonl", [{"hole_id": number} for number in range(8)])
    copies = [GOOD | {"run": "twice", "model": "steady", "holes": [number]} for number in range(8)] * 3
    assert cluster.maze("refine", path, "--run", "twice", "--detach", config=config).code == 0
    for kwargs in copies:
        app.send_task(FILL_TASK, kwargs=kwargs, queue="fill.steady")
    assert cluster.maze("watch", "twice", config=config).code == 0
    for kwargs in copies:
        app.send_task(FILL_TASK, kwargs=kwargs, queue="fill.steady")
    until(lambda: all_taken(cluster, "steady"), "the end of the copies")
    assert set(cluster.log.places("twice").values()) == {1}
    status = cluster.status("twice")
    assert (status.filled, status.attempts, status.repeated, status.late) == (8, 8, 0, 0)


def still_works(cluster: Stage, run: str) -> None:
    """The worker that met the messages is the one that fills this."""
    (worker,) = [process for process in cluster.started if "main@%h" in process.args]
    assert worker.poll() is None
    config = cluster.configure("still.toml", only=["quick"])
    path = cluster.write("still.jsonl", [{"hole_id": run}])
    assert cluster.maze("refine", path, "--run", run, "--json", config=config).code == 0
