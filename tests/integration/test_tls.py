"""Redis and the broker over TLS, as a user who may do no more than it must."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.integration.servers import OwnRedis, free_port, own_redis
from tests.integration.stage import Stage, endpoint, staged, until

HOLES = 12
PASSWORD = "pass#word/%@:"
QUOTED = "pass%23word%2F%25%40%3A"
# As docs/security.md says.
KEYS = ("maze*", "fill.*", "suspect.*", "verify*", "unacked*", "_kombu.*", "celeryev.*", "*.celery.pidbox*")
COMMANDS = ("+@all", "-@admin", "-@dangerous", "+info", "+client|setinfo", "+client|maint_notifications")
RULE = (*(f"~{pattern}" for pattern in KEYS), "&*", *COMMANDS)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1, signed by itself, with its key in the same file."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    (folder / "both.pem").write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return folder / "both.pem"


def test_the_page_on_security_has_the_rule_that_is_tested() -> None:
    page_of_security = Path(__file__).resolve().parents[2] / "docs" / "security.md"
    (told,) = [block for block in page_of_security.read_text().split("```") if "ACL SETUSER" in block]
    assert set(told.split()) - {"text"} == {"ACL", "SETUSER", "maze", "on", ">PASSWORD", *RULE}


class Wrapped:
    """Speaks TLS in front of a server that does not.

    Args:
        to: port of the server.
        certificate: file of the certificate and its key.
    """

    def __init__(self, to: int, certificate: Path) -> None:
        self._to = to
        self._near: set[asyncio.StreamWriter] = set()
        self._relays: set[asyncio.Task[None]] = set()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._context)
        return int(self._server.sockets[0].getsockname()[1])

    def _connected(self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        self._near.add(near_out)
        relay = self._loop.create_task(self._relay(near_in, near_out))
        self._relays.add(relay)
        relay.add_done_callback(self._relays.discard)

    async def _relay(self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            far_in, far_out = await asyncio.open_connection("127.0.0.1", self._to)
            await asyncio.gather(_pass_on(near_in, far_out), _pass_on(far_in, near_out))
        near_out.transport.abort()
        self._near.discard(near_out)

    def end(self) -> None:
        """Stop serving."""
        asyncio.run_coroutine_threadsafe(self._drop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _drop(self) -> None:
        """Close every connection and let its relay see that: one that is cancelled would leave its other end open."""
        self._server.close()
        await asyncio.sleep(0.01)  # who just connected is told to us
        while self._near or self._relays:
            for writer in self._near:
                writer.transport.abort()
            await asyncio.sleep(0.01)


async def _pass_on(read: asyncio.StreamReader, write: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await read.read(65_536):
            write.write(data)
            await write.drain()
    write.transport.abort()


@pytest.fixture
def server(certificate: Path) -> Iterator[tuple[OwnRedis, Wrapped]]:
    """A server with one user, and TLS in front of it."""
    with own_redis() as made:
        made.command("ACL", "SETUSER", "maze", "on", f">{PASSWORD}", *RULE)
        wrapped = Wrapped(made.port, certificate)
        yield made, wrapped
        wrapped.end()


@pytest.fixture
def stage(server: tuple[OwnRedis, Wrapped], certificate: Path) -> Iterator[Stage]:
    with staged([endpoint("a", max_concurrency=4)]) as made:
        address = f"rediss://maze:{QUOTED}@127.0.0.1:{server[1].port}"
        query = f"ssl_cert_reqs=required&ssl_ca_certs={certificate.parent / 'cert.pem'}"
        made.settings = {"redis_url": f"{address}/0?{query}", "broker_url": f"{address}/1?{query}"}
        made.configure(events=True)
        yield made


def test_a_run_over_tls_as_a_user_of_its_own(stage: Stage, server: tuple[OwnRedis, Wrapped]) -> None:
    redis, _ = server
    redis.command("ACL", "LOG", "RESET")
    worker = stage.worker("--events")
    path = stage.write("holes.jsonl", [{"hole_id": number} for number in range(HOLES)])
    refined = stage.maze("refine", path, "--run", "r", "--json")
    assert (refined.code, refined.json["filled"]) == (0, HOLES), refined.err
    for command in (("results", "r"), ("cancel", "r"), ("check",)):
        assert stage.maze(*command).code == 0, command
    assert worker.poll() is None
    assert redis.command("ACL", "LOG") == [], "nothing was tried that its user may not do"
    said = stage.said("worker") + refined.err
    assert PASSWORD not in said
    assert QUOTED not in said


def test_flower_reads_a_broker_over_tls(stage: Stage) -> None:
    worker = stage.worker("--events")
    port = free_port()
    command = [sys.executable, "-m", "celery", "-A", "workers.app", "flower", "--address=127.0.0.1", f"--port={port}"]
    with (stage.folder / "flower.log").open("w") as log:
        stage.run_process(command, output=log, FLOWER_UNAUTHENTICATED_API="true")

    def queue_is_shown() -> bool:
        page(port, "/workers?refresh=1")
        return b"fill.a" in page(port, "/broker")

    until(queue_is_shown, "the queue on Flower's page of the broker")
    assert worker.poll() is None
    assert PASSWORD not in stage.said("flower")
    assert QUOTED not in stage.said("flower")


def page(port: int, path: str) -> bytes:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    except OSError:
        return b""
    finally:
        connection.close()


def test_a_certificate_that_nobody_vouches_for_is_refused(stage: Stage) -> None:
    stage.settings = {name: url.partition("?")[0] for name, url in stage.settings.items()}
    stage.configure()
    refused = stage.maze("status")
    assert (refused.code, refused.out) == (3, "")
    assert "certificate" in refused.err.lower()
    assert PASSWORD not in refused.err


def test_a_wrong_password_is_refused_without_showing_it(stage: Stage) -> None:
    stage.settings = {name: url.replace(QUOTED, "guess-9") for name, url in stage.settings.items()}
    stage.configure()
    refused = stage.maze("status")
    assert refused.code == 3
    assert "password or user" in refused.err
    assert "guess-9" not in refused.err
