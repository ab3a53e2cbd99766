"""`EnsembleClient`: calls in the caller's own process, against simulated endpoints and a private Redis."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from maze_tasks import (
    AllCandidatesFailed,
    ConfigError,
    ConstraintIR,
    EnsembleClient,
    EnsembleConfig,
    HoleSpec,
    InferenceRequest,
    InputError,
    ModelCapability,
    ModelEndpoint,
    RoutingDecision,
)
from maze_tasks.config import Settings
from maze_tasks.simulate.server import SimulatedServer
from maze_tasks.simulate.settings import SimulatedEndpoint

ASK = InferenceRequest(prompt="fill this")


@pytest.fixture
def server() -> Iterator[SimulatedServer]:
    endpoints = [
        ModelEndpoint(name="fast", endpoint_url="http://127.0.0.1:1/f", capabilities=(ModelCapability.FAST_INFERENCE,)),
        ModelEndpoint(
            name="safe",
            endpoint_url="http://127.0.0.1:1/s",
            capabilities=(ModelCapability.SECURITY_AWARE,),
            protocol="ananke",
            priority=1,
        ),
        ModelEndpoint(name="down", endpoint_url="http://127.0.0.1:1/d", priority=9),
    ]
    plays = {
        "fast": {"latency": 0, "errors": [{"kind": 500, "first": 1}]},
        "safe": {"latency": 0, "time_per_token_us": 2500, "avg_constraint_check_us": 125},
        "down": {"latency": 0, "errors": [{"kind": 400, "every": 1}]},
    }
    simulated = {name: SimulatedEndpoint.model_validate(how) for name, how in plays.items()}
    with SimulatedServer(endpoints, simulated) as running:
        yield running


@pytest.fixture
def client(server: SimulatedServer, redis_url: str) -> Iterator[EnsembleClient]:
    with EnsembleClient.from_config(EnsembleConfig(endpoints=tuple(server.endpoints)), redis_url=redis_url) as opened:
        yield opened


def test_a_routed_hole_falls_back_and_all_of_it_is_counted(client: EnsembleClient, server: SimulatedServer) -> None:
    spec = HoleSpec(hole_id=1)
    assert client.router.route(spec, ()).primary_model == "fast"
    response = client.generate_routed(ASK, spec, [])
    assert response.model == "safe"
    assert response.generated_text
    metrics = client.metrics()
    assert (metrics.total_requests, metrics.total_fallbacks) == (2, 1)
    assert metrics.per_model["fast"].failures == server.stats()["endpoints"]["fast"]["errors"]["500"] == 1
    assert client.generate_routed(ASK, {"hole_id": 2}).model == "fast"


def test_constraints_route_and_server_statistics_give_a_confidence(client: EnsembleClient) -> None:
    response = client.generate_routed(ASK, HoleSpec(hole_id=1), ConstraintIR.model_validate({"token_masks": {}}))
    assert response.model == "safe"
    assert response.confidence() == pytest.approx(0.8)


def test_a_decision_is_followed_in_its_order(client: EnsembleClient) -> None:
    decision = RoutingDecision(primary_model="down", fallback_models=("safe",), reason="told so")
    assert client.generate_with_fallback(ASK, decision).model == "safe"


def test_best_of_n_asks_n_times_and_keeps_every_attempt(client: EnsembleClient, server: SimulatedServer) -> None:
    assert client.generate_best_of_n(ASK, 5, "safe").model == "safe"
    assert server.stats()["endpoints"]["safe"]["requests"] == 5
    assert client.metrics().per_model["safe"].accepted == 1


def test_when_no_candidate_gives_a_fill_the_last_reason_is_raised(client: EnsembleClient) -> None:
    with pytest.raises(AllCandidatesFailed, match="bad_request"):
        client.generate_with_fallback(ASK, RoutingDecision(primary_model="down", reason=""))


@pytest.mark.parametrize("n", [0, -1])
def test_asking_less_than_once_is_refused(client: EnsembleClient, n: int) -> None:
    with pytest.raises(ConfigError):
        client.generate_best_of_n(ASK, n, "safe")


def test_an_unknown_model_is_refused_by_name(client: EnsembleClient) -> None:
    with pytest.raises(ConfigError, match="nobody"):
        client.generate_best_of_n(ASK, 2, "nobody")
    with pytest.raises(ConfigError, match="nobody"):
        client.generate_with_fallback(ASK, RoutingDecision(primary_model="nobody", reason=""))


def test_two_holes_of_one_id_are_refused(client: EnsembleClient) -> None:
    with pytest.raises(InputError, match="too"):
        client.submit([{"hole_id": 1}, {"hole_id": "1"}])


def test_what_a_client_asks_for_stays_within_its_budget(server: SimulatedServer, redis_url: str) -> None:
    priced = tuple(one.model_copy(update={"cost_per_1k_tokens": 0.001}) for one in server.endpoints)
    settings = Settings(endpoints=priced, redis_url=redis_url, budget_usd=0.0, deadline_s=0.0, cache=False)
    with EnsembleClient.from_config(settings) as client:
        with pytest.raises(AllCandidatesFailed, match="more than is left of the budget"):
            client.generate_best_of_n(ASK, 2, "safe")
        with pytest.raises(AllCandidatesFailed, match="budget"):
            client.generate_best_of_n(ASK, 1, "safe")
        free = client.from_config(settings.model_copy(update={"endpoints": tuple(server.endpoints)}))
        with free:
            assert free.generate_best_of_n(ASK, 2, "safe").model == "safe", "what costs nothing needs none"
    assert server.stats()["endpoints"]["safe"]["requests"] == 2


def test_without_a_server_a_private_one_lives_as_long_as_the_client(server: SimulatedServer, tmp_path: Path) -> None:
    config = EnsembleConfig(endpoints=tuple(server.endpoints))
    with EnsembleClient.from_config(config, state_dir=tmp_path / "state") as client:
        assert client.generate_best_of_n(ASK, 1, "safe").model == "safe"
    with EnsembleClient.from_config(config, state_dir=tmp_path / "state") as again:
        assert again.metrics().per_model["safe"].requests == 1


def test_many_threads_may_ask_one_client_at_once(client: EnsembleClient) -> None:
    chosen = ["safe", "fast"] * 8
    with ThreadPoolExecutor(len(chosen)) as threads:
        found = list(
            threads.map(lambda one: client.generate_best_of_n(ASK, 1 + one[0] % 3, one[1]).model, enumerate(chosen))
        )
    assert found == chosen
