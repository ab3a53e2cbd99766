"""Whether an endpoint answers, and which models it serves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from maze_tasks.endpoints import EndpointClient
from maze_tasks.errors import EndpointError
from tests.endpoints.conftest import KEY
from tests.endpoints.scripted import ScriptedServer, hang_up, reply

Serve = Callable[..., ScriptedServer]
ClientOf = Callable[..., EndpointClient]


def test_health_and_models_of_both_protocols(serve: Serve, client_of: ClientOf) -> None:
    server = serve(reply({"data": [{"id": "a"}, {"id": "b"}, {}]}))
    client = client_of(server)
    health = client.health()
    assert (health.ok, health.status) == (True, 200)
    assert client.models() == ["a", "b"]
    assert {request.target for request in server.requests} == {"/v1/models"}
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    server = serve(reply({"status": "healthy"}), reply(["a", "b"]))
    client = client_of(server, protocol="ananke")
    health = client.health()
    assert (health.ok, health.detail) == (True, "healthy")
    assert client.models() == ["a", "b"]
    assert [request.target for request in server.requests] == ["/v1/health", "/v1/models"]


def test_an_unhealthy_endpoint_says_why(serve: Serve, client_of: ClientOf) -> None:
    assert client_of(serve(reply(b"OK"))).health().detail == "HTTP 200"
    assert client_of(serve(reply([]))).health().detail == "HTTP 200"
    refused = client_of(serve(reply({"error": {"message": f"wrong key {KEY}"}}, 401))).health()
    assert (refused.ok, refused.status) == (False, 401)
    assert "wrong key [redacted]" in refused.detail
    server = serve(hang_up)
    server.close()
    gone = client_of(server).health()
    assert (gone.ok, gone.status) == (False, None)
    assert "refused" in gone.detail


def test_a_list_of_models_that_is_none_is_a_failure(serve: Serve, client_of: ClientOf) -> None:
    for value, status in (({"error": "x"}, 200), ({"data": 3}, 200), (["a"], 500)):
        with pytest.raises(EndpointError):
            client_of(serve(reply(value, status))).models()
