"""Our own client against the simulator: each fault arrives as the error that it stands for."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from maze_tasks.endpoints.client import EndpointClient
from maze_tasks.errors import EndpointError, ThrottledError
from maze_tasks.models import ModelEndpoint
from maze_tasks.models.calls import Call, Reply
from maze_tasks.simulate.server import SimulatedServer
from maze_tasks.simulate.settings import SimulatedEndpoint

Protocol = Literal["openai", "ananke"]

CALL = Call(prompt="fill", key="run/h1/0/0/0", max_tokens=64, temperature=0.5)
KINDS = {
    "hang": "timeout",
    "trickle": "timeout",
    "trickle_headers": "timeout",
    "garbage": "unreadable",
    "truncated": "unreadable",
    "html": "unreadable",
    "cut": "connection",
    "closed": "connection",
    "reset": "connection",
    "empty": "empty",
    "disguised": "server_error",
    400: "bad_request",
    401: "unauthorized",
    404: "not_found",
    429: "rate_limited",
    500: "server_error",
    503: "unavailable",
}


def called(protocol: Protocol, timeout_s: float = 10.0, **settings: Any) -> Reply:
    endpoint = ModelEndpoint(
        name="fast",
        endpoint_url="http://localhost:8001/v1",
        protocol=protocol,
        timeout_secs=timeout_s,
        supports_logprobs=True,
    )
    simulated = SimulatedEndpoint.model_validate({"latency": 0, **settings})
    with SimulatedServer([endpoint], {"fast": simulated}) as server:
        client = EndpointClient(server.endpoint("fast"), api_key=None, pool_size=1)
        try:
            return client.call(CALL)
        finally:
            client.close()


@pytest.mark.parametrize("protocol", ["openai", "ananke"])
@pytest.mark.parametrize(("fault", "kind"), KINDS.items())
def test_a_fault_is_the_error_it_stands_for(protocol: Protocol, fault: str | int, kind: str) -> None:
    with pytest.raises(EndpointError) as caught:
        called(protocol, 0.3 if kind == "timeout" else 10.0, errors=[{"kind": fault, "every": 1}])
    assert caught.value.kind == kind


@pytest.mark.parametrize("form", ["decimal", "ms"])
def test_a_pause_arrives_as_it_was_set(form: str) -> None:
    fault = {"kind": 429, "every": 1, "retry_after_s": 1.5, "retry_after_form": form}
    with pytest.raises(ThrottledError) as caught:
        called("openai", errors=[fault])
    assert caught.value.retry_after_s == 1.5


@pytest.mark.parametrize("kind", ["close_after", "wrong_content_type"])
def test_a_good_reply_survives_what_does_not_touch_it(kind: str) -> None:
    reply = called("openai", errors=[{"kind": kind, "every": 1}])
    assert (reply.text, reply.simulated) == ("pass  # simulated", True)


def test_a_confidence_arrives_as_it_was_set() -> None:
    reply = called("openai", confidence=0.75)
    assert reply.confidence == pytest.approx(0.75)
    assert (reply.generated_tokens, reply.simulated) == (5, True)


@pytest.mark.parametrize("form", ["client", "service"])
def test_both_ananke_forms_are_read(form: str) -> None:
    reply = called("ananke", ananke_reply=form)
    assert (reply.text, reply.generated_tokens, reply.simulated) == ("pass  # simulated", 5, True)
