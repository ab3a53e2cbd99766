"""Whatever is handed in, there is a message and a named exit code: no traceback, no hang."""

from __future__ import annotations

import json
import string
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from maze_tasks.cli import COMMANDS, main
from maze_tasks.cli.output import ExitCode
from maze_tasks.endpoints import EndpointClient
from maze_tasks.errors import EndpointError
from maze_tasks.models import ModelEndpoint
from maze_tasks.models.calls import Call, Reply
from tests.endpoints.scripted import ScriptedServer, Wire, chat, http_bytes

NAMED = {int(code) for code in ExitCode}
EXAMPLES = 120
NOBODY = "redis://127.0.0.1:1/0"  # a port that nobody listens at
GOOD = """\
[[endpoints]]
name = "a"
endpoint_url = "http://127.0.0.1:1/v1"
capabilities = ["FastInference"]
"""
# Commands that end by themselves, whatever they are told: the others serve until somebody ends them.
ENDING = sorted(set(COMMANDS) - {"worker", "simulate", "watch"})
OPTIONS = (
    *("--json", "--config", "maze.toml", "--help", "--run", "--dry-run", "--status", "--models", "--concurrency"),
    *("--failed", "--error", "--best-of", "--detach", "--force", "--yes", "--output", "holes.jsonl", ".", "-", "--"),
    *("--budget", "--deadline"),
    *("-1", "0", "x" * 300, "ü", "a b", "--no-such", "/dev/null", "*", "\x1b[31m", "", "1e309", "NaN", "1e300"),
)  # fmt: skip

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
HOLE_FIELDS = st.sampled_from(
    [
        "hole_id",
        "id",
        "hole",
        "constraints",
        "prompt",
        "prefix",
        "suffix",
        "language",
        "path",
        "depends_on",
        "max_tokens",
        "fill_schema",
        "fill_grammar",
        "fill_constraints",
        "grammar_ref",
        "scale",
        "origin",
        "attempts",
        "status",
        "place",
    ]
)
HOLES = st.dictionaries(HOLE_FIELDS, ANYTHING | st.integers(0, 3) | st.just("h"), max_size=8)
LINES = st.lists(HOLES.map(json.dumps) | ANYTHING.map(json.dumps) | st.text(max_size=30), max_size=6)
WORDS = st.sampled_from(
    ["name", "endpoint_url", "model", "api_key", "api_key_env", "timeout_secs", "capabilities", "priority", "redis_url",
     "broker_url", "namespace", "lease_s", "max_retries", "verify", "refinement", "simulate", "endpoints", "prompts",
     "budget_usd", "deadline_s"]
)  # fmt: skip
VALUES = st.sampled_from(
    ['"x"', "1", "-1", "1e400", "true", "[]", "{}", '["FastInference"]', '"redis://"', "''", "nan"]
)
TOML = st.lists(
    st.builds("{} = {}".format, WORDS, VALUES)
    | st.builds("[{}]".format, WORDS)
    | st.builds("[[{}]]".format, WORDS)
    | st.just(GOOD)
    | st.text(alphabet=string.printable, max_size=20),
    max_size=6,
).map("\n".join)


def maze(folder: Path, *arguments: str, stdin: bytes | None = None) -> Result:
    """`maze ARGUMENTS` in a folder; what it says and how it ends."""
    runner = CliRunner()
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        for name in ("MAZE_CONFIG", "MAZE_BROKER_URL"):
            patched.delenv(name, raising=False)
        patched.setenv("MAZE_REDIS_URL", NOBODY)  # nothing is ever started
        return runner.invoke(main, arguments, input=stdin, prog_name="maze")


def ends_well(done: Result) -> None:
    """A named exit code, and nothing that only we could read."""
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code in NAMED, (done.exit_code, done.output)
    assert "Traceback" not in done.output
    assert done.exit_code == 0 or done.output.strip(), "a failure says what failed"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mz-") as name:
        made = Path(name)
        (made / "maze.toml").write_text(GOOD)
        (made / "holes.jsonl").write_text('{"hole_id": 1}\n')
        yield made


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.binary(max_size=200) | LINES.map(lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass")))
@example(b"\xef\xbb\xbf{}\n\x00")
@example(b"[" * 5_000)
@example(b'{"hole_id": 1e999}')
def test_hole_lines(folder: Path, lines: bytes) -> None:
    ends_well(maze(folder, "route", "-", "--json", stdin=lines))
    ends_well(maze(folder, "refine", "-", "--dry-run", "--json", stdin=lines))


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.binary(max_size=200) | TOML.map(str.encode))
@example(b"\xff\xfe")
@example(b"a = " + b"[" * 5_000)
def test_configurations(folder: Path, content: bytes) -> None:
    (folder / "odd.toml").write_bytes(content)
    ends_well(maze(folder, "route", "holes.jsonl", "--config", "odd.toml"))
    (folder / "odd.json").write_bytes(content)
    ends_well(maze(folder, "route", "holes.jsonl", "--config", "odd.json"))


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.sampled_from(ENDING), st.lists(st.sampled_from(OPTIONS) | st.text(max_size=8), max_size=5))
@example("check", ["x" * 300])
@example("scan", ["x" * 300])
@example("results", ["\ud800"])
@example("refine", ["holes.jsonl", "--dry-run", "--budget", "nan"])
@example("refine", ["holes.jsonl", "--dry-run", "--deadline", "1e300"])
def test_command_lines(folder: Path, command: str, arguments: list[str]) -> None:
    ends_well(maze(folder, command, *arguments, stdin=b""))


@pytest.fixture(scope="module")
def said() -> Iterator[tuple[EndpointClient, list[bytes]]]:
    """A client, and what its endpoint is going to say."""
    bytes_to_say: list[bytes] = []
    server = ScriptedServer()

    def say(wire: Wire) -> None:
        wire.send(bytes_to_say[-1])
        wire.over = True

    server.then(say)
    client = EndpointClient(ModelEndpoint(endpoint_url=f"{server.url}/v1", timeout_secs=2), api_key=None, pool_size=2)
    yield client, bytes_to_say
    client.close()
    server.close()


def changed(reply: dict[str, Any], place: str, value: Any) -> bytes:
    """A good reply with something else at one place."""
    choice = reply["choices"][0]
    at: dict[str, Any] = {"reply": reply, "choice": choice, "message": choice["message"]}[
        place.split(".", maxsplit=1)[0]
    ]
    at[place.split(".")[1]] = value
    return http_bytes(json.dumps(reply).encode("utf-8", "surrogatepass"))


PLACES = st.sampled_from(
    ["reply.choices", "reply.usage", "reply.model", "reply.error", "choice.message", "choice.finish_reason",
     "choice.logprobs", "choice.index", "message.content", "message.refusal", "message.role"]
)  # fmt: skip
REPLIES = (
    st.binary(max_size=300)
    | ANYTHING.map(lambda value: http_bytes(json.dumps(value).encode("utf-8", "surrogatepass")))
    | st.builds(lambda status, body: http_bytes(body, status), st.integers(100, 599), st.binary(max_size=100))
    | st.builds(lambda place, value: changed(chat("return 1"), place, value), PLACES, ANYTHING)
)


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(REPLIES)
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}")
@example(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n")
@example(http_bytes(b"[" * 100_000))
def test_replies_of_endpoints(said: tuple[EndpointClient, list[bytes]], content: bytes) -> None:
    client, to_say = said
    to_say.append(content)
    call = Call(prompt="x", key="r/1/0/0/0", max_tokens=8, temperature=0.0)
    outcome: Reply | EndpointError
    try:
        outcome = client.call(call, deadline_s=2.0)
    except EndpointError as error:
        outcome = error
    assert isinstance(outcome, Reply) or (outcome.kind and str(outcome).isprintable())
