"""`EnsembleClient`, the library's front door, against simulated endpoints."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from maze_tasks import EnsembleClient, HoleSpec, InferenceRequest, RoutingDecision
from maze_tasks.config import Settings
from maze_tasks.errors import AllCandidatesFailed, ConfigError, InputError
from maze_tasks.models import EnsembleConfig, ModelEndpoint, read_hole
from tests.integration.batches import SECURE
from tests.integration.stage import Stage, endpoint, staged

ASKED = InferenceRequest(prompt="Fill it.", max_tokens=64)


def client_of(cluster: Stage, *names: str, **settings: object) -> EnsembleClient:
    """A client of some of the cluster's endpoints and of its store."""
    by_name = {one.name: one for one in cluster.endpoints}
    known = {"cache": False, **cluster.settings, **settings}  # tests that count calls mean calls
    made = {"endpoints": tuple(by_name[name] for name in names), **known}
    return EnsembleClient.from_config(Settings.model_validate(made))


@pytest.fixture
def client(cluster: Stage) -> Iterator[EnsembleClient]:
    with client_of(cluster, "general", "quick", "secure", "bad", "sampler") as made:
        yield made


def test_a_routed_request_is_answered_by_the_model_that_its_hole_asks_for(client: EnsembleClient) -> None:
    trivial = client.generate_routed(ASKED, HoleSpec(hole_id=1))
    secure = client.generate_routed(ASKED, {"hole_id": 2, **SECURE})
    assert (trivial.model, secure.model) == ("quick", "secure")
    assert trivial.generated_text.startswith("pass  #")
    assert secure.tokens_generated > 0
    assert secure.stats.total_time_ms > 0


def test_the_next_candidate_answers_where_the_first_fails(client: EnsembleClient) -> None:
    before = client.metrics()
    answer = client.generate_with_fallback(
        ASKED, RoutingDecision(primary_model="bad", fallback_models=("general", "quick"), reason="mine")
    )
    after = client.metrics()
    assert answer.model == "general"
    assert after.total_requests - before.total_requests == 2
    assert after.total_fallbacks - before.total_fallbacks == 1
    assert after.per_model["bad"].failures - before.per_model.get("bad", type(after.per_model["bad"])()).failures == 1


def test_the_best_of_n_is_the_first_of_equals_and_all_are_counted(cluster: Stage) -> None:
    with client_of(cluster, "sampler") as client:
        before = client.metrics().per_model.get("sampler")
        answer = client.generate_best_of_n(ASKED, 5, "sampler")
        after = client.metrics().per_model["sampler"]
    assert answer.generated_text.endswith(" 0 0 sampler-model")
    assert after.requests - (before.requests if before else 0) == 5
    assert after.accepted - (before.accepted if before else 0) == 1
    assert answer.confidence() == pytest.approx(0.4), "from the server's own statistics"


def test_all_candidates_failing_is_an_error_that_says_why(cluster: Stage) -> None:
    with client_of(cluster, "bad") as client:
        with pytest.raises(AllCandidatesFailed, match="bad_request") as failed:
            client.generate_routed(ASKED, HoleSpec(hole_id=1))
        assert failed.value.kind == "bad_request"
        with pytest.raises(AllCandidatesFailed, match="bad_request"):
            client.generate_best_of_n(ASKED, 3, "bad")
        with pytest.raises(ConfigError, match="nobody"):
            client.generate_best_of_n(ASKED, 3, "nobody")


def test_many_threads_share_a_client(client: EnsembleClient) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: client.generate_routed(ASKED, HoleSpec(hole_id=number)), range(40)))
    assert {answer.model for answer in answers} == {"quick"}
    assert len({answer.generated_text for answer in answers}) == 40, "an answer of its own for each"


def test_threads_that_ask_the_same_pay_once(cluster: Stage) -> None:
    asked = InferenceRequest(prompt="Fill this, all of you.", max_tokens=64)
    with client_of(cluster, "steady", cache=True) as client:
        before = cluster.stats()["steady"]["requests"]
        with ThreadPoolExecutor(8) as threads:
            answers = list(
                threads.map(lambda number: client.generate_routed(asked, HoleSpec(hole_id=number)), range(8))
            )
        assert len({answer.generated_text for answer in answers}) == 1
        assert cluster.stats()["steady"]["requests"] - before == 1


def test_a_batch_is_handed_to_workers_and_its_results_come_as_they_are_made(client: EnsembleClient) -> None:
    holes = [{"hole_id": number} for number in range(10)] + [read_hole({"hole_id": "x", **SECURE})]
    run = client.submit(holes)
    found = {result.hole_id: result for result in run}
    assert set(found) == {*range(10), "x"}
    assert {result.status for result in found.values()} == {"filled"}
    assert found["x"].model == "secure"
    status = run.wait(timeout_s=30)
    assert (status.state, status.filled) == ("done", 11)
    assert [result.hole_id for result in run.results()] == [*range(10), "x"]
    # By its name it is the same run.
    assert client.submit(holes, run=run.run).status() == status
    with pytest.raises(InputError):
        client.submit([{"hole_id": 5}, {"hole_id": "5"}])


def test_waiting_ends_in_time_and_cancel_ends_the_run(cluster: Stage) -> None:
    with client_of(cluster, "idle") as client:
        run = client.submit([{"hole_id": number} for number in range(4)])
        with pytest.raises(TimeoutError, match="0 of 4"):
            run.wait(timeout_s=0.1)
        assert run.cancel().state == "cancelled"
        assert [result.status for result in run] == ["skipped"] * 4


def test_a_batch_may_have_a_budget_and_a_deadline_of_its_own(cluster: Stage) -> None:
    holes = [{"hole_id": number} for number in range(4)]
    with client_of(cluster, "secure") as client:
        broke = client.submit(holes, budget_usd=0).wait(timeout_s=60)
        assert (broke.state, broke.stopped_by, broke.skipped, broke.cost_nano) == ("exhausted", "budget", 4, 0)
        rich = client.submit(holes, budget_usd=10, deadline_s=3600).wait(timeout_s=60)
        assert (rich.state, rich.filled, rich.budget_nano) == ("done", 4, 10 * 10**9)
        assert rich.deadline_at == pytest.approx(rich.created_at + 3600, abs=1)
        assert client.settings.budget_usd is client.settings.deadline_s is None
        for wrong in (-1, float("nan"), float("inf")):
            with pytest.raises(ConfigError, match="budget_usd"):
                client.submit(holes, budget_usd=wrong)
    with client_of(cluster, "idle") as client:
        late = client.submit(holes, deadline_s=0.2).wait(timeout_s=60)
        assert (late.state, late.stopped_by, late.skipped) == ("exhausted", "deadline", 4)


def test_without_a_redis_url_everything_is_private_and_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with staged([endpoint("a", "FastInference"), endpoint("b")]) as stage:
        for name, value in stage.env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("tempfile.tempdir", None)  # TMPDIR is read anew
        config = EnsembleConfig(endpoints=stage.endpoints)
        with EnsembleClient.from_config(config, cache=False) as client:
            assert client.generate_routed(ASKED, HoleSpec(hole_id=1)).model == "a"
            results = list(client.submit([{"hole_id": number} for number in range(6)]))
            assert [result.status for result in results] == ["filled"] * 6
            metrics = client.metrics()
            assert len(stage.alive("redis-server unixsocket")) == 1
        served = stage.stats()
        stage.nothing_runs()
    assert metrics.per_model["a"].requests == metrics.total_requests == served["a"]["requests"] == 7
    monkeypatch.setattr("tempfile.tempdir", None)
    assert [thread.name for thread in threading.enumerate() if thread.name in ("lease-keeper", "supervisor")] == []


def test_a_key_in_the_configuration_is_sent_to_its_endpoint_and_nowhere_else(cluster: Stage) -> None:
    keyed = ModelEndpoint.model_validate(
        {**cluster.endpoints[1].model_dump(mode="json"), "api_key": "sk-literal-0123456789"}
    )
    with EnsembleClient.from_config(EnsembleConfig(endpoints=(keyed,)), **cluster.settings) as client:
        assert client.generate_routed(ASKED, HoleSpec(hole_id=1)).model == "quick"
        with pytest.raises(ConfigError, match="api_key_env"):
            client.submit([{"hole_id": 1}])
