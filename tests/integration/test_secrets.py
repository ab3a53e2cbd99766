"""Keys stay where they are used: a search of everything that a run writes or sends finds none of them."""

from __future__ import annotations

import base64
import itertools
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import redis

from maze_tasks.models import ModelEndpoint
from tests.endpoints.scripted import ScriptedServer, Wire, http_bytes
from tests.integration.stage import Stage, ended, endpoint, staged, until

# What every encoding leaves as it is stands in the middle of keys that have to be escaped at their ends.
CORES = ("KEYOFTHEECHO0123456789", "KEYOFTHEGOOD0123456789", "TENANTHEADER0123456789")
ECHO_KEY, GOOD_KEY, TENANT = (f'sk-/+"&%{core}"&%/+==' for core in CORES)
BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
HOLES = 14


def failures(said: str) -> list[bytes]:
    """Replies that fail, each in a way of its own, and say something that should not have been said."""
    return [
        http_bytes(json.dumps({"detail": [{"msg": "no", "input": said}]}).encode(), 422),
        http_bytes(f"<html>{said}</html>".encode(), 500, {"X-Echo": said, "WWW-Authenticate": said}),
        http_bytes(said.encode(), 503, {"Retry-After": "0"}),
        http_bytes(f'{{"choices": [{{"message": "{said}'.encode(), 200),
        http_bytes(b"", 302, {"Location": f"http://127.0.0.1/{said}"}),
        f"HTTP/1.1 999 {said}\r\nContent-Length: 0\r\n\r\n".encode(),
        # The last, for nobody is asked again who refuses a key.
        http_bytes(json.dumps({"error": {"message": f"Incorrect API key provided: {said}"}}).encode(), 401),
    ]


def echoing() -> ScriptedServer:
    """A server that fails in turn in each of these ways while it says the keys it was asked with."""
    server = ScriptedServer()
    turns = itertools.count()

    def echo(wire: Wire) -> None:
        replies = failures(" ".join(server.requests[-1].headers[name] for name in ("authorization", "x-tenant")))
        wire.send(replies[next(turns) % len(replies)])

    server.then(echo)
    return server


def echo_endpoint(server: ScriptedServer, **settings: Any) -> ModelEndpoint:
    """The endpoint of that server, always the first to be asked."""
    return endpoint(
        "echo", endpoint_url=f"{server.url}/v1", max_concurrency=1, extra_headers_env={"X-Tenant": "TENANT"}, **settings
    )


@contextmanager
def overheard(stage: Stage) -> Iterator[list[str]]:
    """Everything that is published on either server while the block lasts, such as Celery's events."""
    heard: list[str] = []
    with closing(stage.redis("broker_url")) as client, closing(client.pubsub()) as channel:
        channel.psubscribe("*")
        end = threading.Event()

        def listen() -> None:
            while not end.is_set():
                heard.append(repr(channel.get_message(timeout=0.1)))

        thread = threading.Thread(target=listen)
        thread.start()
        yield heard
        end.set()
        thread.join()


def everything_in(client: redis.Redis) -> Iterator[str]:
    """Every key and value of a database."""
    readers: dict[str, Callable[[str], Any]] = {
        "string": client.get,
        "list": lambda key: client.lrange(key, 0, -1),
        "hash": client.hgetall,
        "set": client.smembers,
        "zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        "stream": client.xrange,
    }
    for key in client.scan_iter():
        yield f"{key} = {readers[client.type(key)](key)!r}"


def assert_no_key(texts: Iterable[str]) -> None:
    """Search texts, and whatever in them is base64."""
    for text in texts:
        decoded = [text]
        for found in BASE64.findall(text):
            with suppress(ValueError):
                decoded.append(base64.b64decode(found + "=" * (-len(found) % 4), altchars=b"-_").decode("latin-1"))
                decoded.append(base64.b64decode(found + "=" * (-len(found) % 4)).decode("latin-1"))
        for one, core in itertools.product(decoded, CORES):
            assert core not in one, f"a key is in: {one[:2000]}"


def files_of(stage: Stage, *, without: Path | None = None) -> Iterator[str]:
    """Content of every file in the stage's folder."""
    for path in stage.folder.rglob("*"):
        if path.is_file() and path != without:
            yield f"{path}: {path.read_bytes().decode('latin-1')}"


def test_no_key_of_the_environment_leaves_the_worker(addresses: Callable[[], dict[str, str]]) -> None:
    keys = {"ECHO_KEY": ECHO_KEY, "GOOD_KEY": GOOD_KEY, "TENANT": TENANT}
    with closing(echoing()) as server, staged([endpoint("good", api_key_env="GOOD_KEY")], **keys) as stage:
        stage.endpoints = (echo_endpoint(server, api_key_env="ECHO_KEY"), *stage.endpoints)
        stage.settings = addresses() | {"events": True}
        stage.configure()
        stage.write("holes.jsonl", [{"hole_id": number} for number in range(HOLES)])
        said = [stage.maze(*command.split()) for command in ("check", "check --json", "route holes.jsonl")]
        with overheard(stage) as heard:
            said.append(stage.maze("refine", "holes.jsonl", "--run", "r", "--detach"))
            with closing(stage.redis("broker_url")) as broker:
                queued = list(everything_in(broker))
                assert 0 < broker.llen("fill.echo") <= HOLES
            stage.worker("--loglevel", "DEBUG")
            watched = stage.maze("watch", "r", "--json")
            lines = {path.name: (path / "cmdline").read_text() for path in map(Path, _proc(stage))}
        said += [watched, *(stage.maze(*line.split()) for line in ("status r", "results r", "metrics", "cancel r"))]
        results = stage.maze("results", "r", "--json")
        with closing(stage.redis()) as store, closing(stage.redis("broker_url")) as broker:
            stored = [*everything_in(store), *everything_in(broker)]
        log = stage.said("worker")
        assert_no_key([*queued, *stored, *heard, *lines.values(), *files_of(stage), results.out, results.err])
        assert_no_key([text for one in said for text in (one.out, one.err)])

    # What was searched is what it should be: keys were sent, echoed, and reported as errors.
    assert (watched.code, watched.json["filled"], watched.json["fallbacks"]) == (0, HOLES, HOLES)
    posted = [request for request in server.requests if request.method == "POST"]
    assert {request.headers["authorization"] for request in posted} == {f"Bearer {ECHO_KEY}"}
    assert {request.headers["x-tenant"] for request in posted} == {TENANT}
    errors = {one["error"]["kind"] for row in results.lines for one in row["attempts"] if one["error"]}
    assert {"unauthorized", "bad_request", "server_error", "unavailable", "unreadable"} & errors
    assert len(errors) >= 4
    assert "Incorrect API key provided" in results.out
    assert len(stored) > 3 * HOLES
    assert any("celeryev" in one for one in heard)
    assert "DEBUG" in log


def test_no_literal_key_of_an_ensemble_leaves_its_file() -> None:
    with closing(echoing()) as server, staged([endpoint("good")], {"good": {"latency": 50}}, TENANT=TENANT) as stage:
        ensemble = [
            one.model_dump(mode="json") | {"api_key": key}
            for one, key in ((echo_endpoint(server), ECHO_KEY), (stage.endpoints[0], GOOD_KEY))
        ]
        config = stage.folder / "ensemble.json"
        config.write_text(json.dumps({"endpoints": ensemble}))
        stage.write("holes.jsonl", [{"hole_id": number} for number in range(HOLES)])
        refining = stage.start("refine", "holes.jsonl", "--run", "r", config=config)
        until(lambda: stage.stats()["good"]["in_flight"], "a run in the middle")
        processes = [(path / name).read_text() for path in map(Path, _proc(stage)) for name in ("cmdline", "environ")]
        refined = ended(refining)
        others = [stage.maze(*line.split(), config=config) for line in ("status r --json", "results r --json", "check")]
        assert refined.code == 0, refined
        written = list(files_of(stage, without=config))
        assert any("appendonly" in one for one in written)
        assert any("worker.log" in one for one in written)
        # The variable that an endpoint names is the user's own, and is inherited; a key in the file is not.
        assert_no_key([one.replace(TENANT, "") for one in processes])
        assert_no_key([*written, *(text for one in (refined, *others) for text in (one.out, one.err))])
    posted = [request for request in server.requests if request.method == "POST"]
    assert {request.headers["authorization"] for request in posted} == {f"Bearer {ECHO_KEY}"}


def _proc(stage: Stage) -> list[str]:
    return [f"/proc/{pid}" for pid in stage.processes()]
