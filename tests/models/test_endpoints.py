from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from maze_tasks.models import EnsembleConfig, ModelCapability, ModelEndpoint, explain

URL = "http://localhost:8001/v1"
SECRET = "sk-do-not-tell"


def refused(field: str, value: object) -> str:
    with pytest.raises(ValidationError) as caught:
        ModelEndpoint.model_validate({"endpoint_url": URL, field: value})
    [(place, reason)] = explain(caught.value)
    assert place.split("[")[0].split(".")[0] == field
    return reason


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "https://api.example.com",
        "https://api.example.com/",
        "HTTP://EXAMPLE.COM:80/a/b",
        "http://127.0.0.1:65535",
        "http://[::1]:8000/v1",
        "https://bücher.example/v1",
        "https://example.com/a%20b/deployments/x:1",
    ],
)
def test_addresses_of_endpoints_stay_as_they_came(url: str) -> None:
    assert ModelEndpoint(endpoint_url=url).endpoint_url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8001",
        "/v1",
        "ftp://example.com",
        "http://",
        "http:///v1",
        "http://:8000",
        "http://example.com:0",
        "http://example.com:70000",
        "http://example.com:port",
        "http://[::1",
        "http://exa mple.com",
        "http://example.com/\n",
        "http://example.com\\@evil.example",
        "http://user@example.com",
        "http://user:password@example.com/v1",
        "http://:password@example.com/v1",
        "http://@example.com/v1",
        "http://example.com/v1?key=1",
        "http://example.com/v1?",
        "http://example.com/v1#part",
    ],
)
def test_what_is_no_address_of_an_endpoint_is_refused_and_not_repeated(url: str) -> None:
    reason = refused("endpoint_url", url)
    assert "password" not in reason.replace("user or password", "")
    assert "evil" not in reason


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 201),
        ("model", ""),
        ("protocol", "grpc"),
        ("timeout_secs", 0),
        ("timeout_secs", -1),
        ("timeout_secs", float("inf")),
        ("timeout_secs", float("nan")),
        ("priority", -1),
        ("priority", 2**32),
        ("priority", True),
        ("cost_per_1k_tokens", -0.001),
        ("cost_per_1k_tokens", float("nan")),
        ("input_cost_per_1k_tokens", -1),
        ("output_cost_per_1k_tokens", float("inf")),
        ("max_concurrency", 0),
        ("requests_per_minute", 0),
        ("tokens_per_minute", 0),
        ("context_tokens", 0),
        ("spill_after_s", -1),
        ("spill_after_s", 1e300),
        ("timeout_secs", 1e300),
        ("cost_per_1k_tokens", 1e300),
        ("max_wait_s", -1),
        ("constraint_dialect", "xgrammar"),
        ("json_schema_form", "schema"),
        ("supports_n", 1),
        ("send_temperature", "no"),
        ("max_tokens_field", ""),
        ("capabilities", "FastInference"),
        ("extra_body", {"a": float("nan")}),
        ("extra_headers_env", {"bad header": "NAME"}),
        ("extra_headers_env", {"X-Key": SECRET}),
        ("api_key_env", SECRET),
        ("api_key_env", ""),
    ],
)
def test_settings_out_of_range_are_refused_by_name(field: str, value: object) -> None:
    assert SECRET not in refused(field, value)


@pytest.mark.parametrize("capability", list(ModelCapability))
def test_each_capability_is_read_and_written_by_its_name(capability: ModelCapability) -> None:
    endpoint = ModelEndpoint.model_validate({"endpoint_url": URL, "capabilities": [capability.value]})
    assert endpoint.capabilities == (capability,)
    assert endpoint.model_dump(mode="json")["capabilities"] == [capability.value]


@pytest.mark.parametrize(
    ("given_name", "hint"),
    [
        ("FastInferense", "; did you mean 'FastInference'? "),
        ("fast_inference", "; did you mean 'FastInference'? "),
        ("HIGHQUALITY", "; did you mean 'HighQuality'? "),
        ("Telepathy", "; "),
    ],
)
def test_an_unknown_capability_is_an_error_with_a_suggestion_where_one_is_near(given_name: str, hint: str) -> None:
    reason = refused("capabilities", [given_name])
    assert reason.startswith(f"unknown capability {given_name!r}{hint}known: CodeCompletion, LongContext, ")


def test_a_price_for_all_tokens_stands_in_for_the_prices_that_are_not_set() -> None:
    one = ModelEndpoint(endpoint_url=URL, cost_per_1k_tokens=0.5)
    assert (one.input_price, one.output_price) == (0.5, 0.5)
    two = ModelEndpoint(
        endpoint_url=URL, cost_per_1k_tokens=0.5, input_cost_per_1k_tokens=0, output_cost_per_1k_tokens=2
    )
    assert (two.input_price, two.output_price) == (0.0, 2.0)


# --- secrets ---


def test_a_key_is_kept_in_memory_and_written_nowhere() -> None:
    endpoint = ModelEndpoint.model_validate({"endpoint_url": URL, "api_key": SECRET})
    config = EnsembleConfig(endpoints=(endpoint,))
    assert endpoint.api_key is not None
    assert endpoint.api_key.get_secret_value() == SECRET
    for written in (
        repr(endpoint),
        str(endpoint),
        str(endpoint.model_dump()),
        endpoint.model_dump_json(),
        str(dict(endpoint)),
        repr(config),
        str(config.model_dump()),
        config.model_dump_json(),
        f"{endpoint.api_key}",
    ):
        assert SECRET not in written
    assert "api_key" not in endpoint.model_dump()


@pytest.mark.parametrize("none", [None, "", SecretStr("")])
def test_an_empty_key_is_no_key(none: object) -> None:
    assert ModelEndpoint.model_validate({"endpoint_url": URL, "api_key": none}).api_key is None


def test_a_key_survives_copies_in_memory() -> None:
    endpoint = ModelEndpoint(endpoint_url=URL, api_key=SecretStr(SECRET))
    assert endpoint.model_copy(update={"priority": 1}).api_key == SecretStr(SECRET)
    assert EnsembleConfig(endpoints=(endpoint,)).endpoints[0].api_key == SecretStr(SECRET)


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint_url": URL, "api_key": [SECRET]},
        {"endpoint_url": URL, "api_key": f"{SECRET}\n"},
        {"endpoint_url": URL, "api_key": f"{SECRET} x"},
        {"endpoint_url": URL, "api_key": f"{SECRET}é"},
        {"endpoint_url": f"http://user:{SECRET}@host"},
        {"endpoint_url": f"http://host?key={SECRET}"},
        {"endpoint_url": URL, "api_key_env": SECRET},
        {"api_key": SECRET},
        {"endpoint_url": URL, "api_key": SECRET, "priority": -1},
        SECRET,
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "read",
    [
        ModelEndpoint.model_validate,
        lambda wrong: EnsembleConfig.model_validate({"endpoints": [wrong]}),
        lambda wrong: EnsembleConfig.model_validate({"endpoints": wrong}),
        lambda wrong: EnsembleConfig.model_validate_json(json.dumps({"endpoints": [wrong]})),
    ],
    ids=["endpoint", "config", "not a list", "text"],
)
def test_no_refusal_carries_a_secret_however_it_is_printed(wrong: Any, read: Callable[[Any], object]) -> None:
    with pytest.raises(ValidationError) as caught:
        read(wrong)
    error = caught.value
    for printed in (str(error), repr(error), str(error.errors()), error.json(), str(explain(error))):
        assert SECRET not in printed


# --- digest ---


def test_the_digest_tells_settings_apart_but_not_keys() -> None:
    plain = ModelEndpoint(endpoint_url=URL)
    assert plain.digest() == ModelEndpoint(endpoint_url=URL, api_key=SecretStr(SECRET)).digest()
    assert plain.digest() == ModelEndpoint.model_validate({"endpoint_url": URL, "timeout_secs": 300}).digest()
    others = [
        ModelEndpoint(endpoint_url=URL + "/"),
        ModelEndpoint(endpoint_url=URL, name="other"),
        ModelEndpoint(endpoint_url=URL, cost_per_1k_tokens=0.1),
        ModelEndpoint(endpoint_url=URL, api_key_env="KEY"),
        ModelEndpoint(endpoint_url=URL, extra_body={"a": 1}),
        ModelEndpoint(endpoint_url=URL, extra_body={"a": 2}),
        ModelEndpoint(endpoint_url=URL, verify_tls=False),
    ]
    assert len({each.digest() for each in [plain, *others]}) == len(others) + 1


def test_a_copy_has_a_digest_of_its_own() -> None:
    one = ModelEndpoint(endpoint_url=URL)
    known = one.digest()
    assert one.model_copy(update={"priority": 3}).digest() == ModelEndpoint(endpoint_url=URL, priority=3).digest()
    assert (one.model_copy().digest(), one.model_copy(deep=True).digest()) == (known, known)
    assert one == ModelEndpoint(endpoint_url=URL)
    assert "digest" not in one.model_dump_json()


def test_the_digest_does_not_depend_on_the_order_of_keys() -> None:
    one = ModelEndpoint(endpoint_url=URL, extra_body={"a": 1, "b": {"c": 2, "d": 3}})
    two = ModelEndpoint(endpoint_url=URL, extra_body={"b": {"d": 3, "c": 2}, "a": 1})
    assert one.digest() == two.digest()


# --- ensembles ---


def test_an_ensemble_as_its_tools_write_it_is_read() -> None:
    text = json.dumps(
        {
            "endpoints": [
                {"name": "a", "endpoint_url": URL, "api_key": None, "capabilities": None, "timeout_secs": 60}
            ],
            "fallback_enabled": False,
            "best_of_n": 3,
            "max_fallback_attempts": 1,
        }
    )
    config = EnsembleConfig.model_validate_json(text)
    assert [endpoint.name for endpoint in config.endpoints] == ["a"]
    assert config.endpoints[0].capabilities == (ModelCapability.CODE_COMPLETION,)
    assert (config.fallback_enabled, config.best_of_n, config.max_fallback_attempts) == (False, 3, 1)


@pytest.mark.parametrize("off", [0, 1, None])
def test_best_of_n_may_be_off_in_any_way(off: int | None) -> None:
    assert EnsembleConfig(best_of_n=off).best_of_n == off


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"best_of_n": -1}, "best_of_n"),
        ({"best_of_n": True}, "best_of_n"),
        ({"max_fallback_attempts": 0}, "max_fallback_attempts"),
        ({"fallback_enabled": "yes"}, "fallback_enabled"),
        ({"endpoints": [{"endpoint_url": URL}, {"endpoint_url": URL, "priority": -1}]}, "endpoints[1].priority"),
        ({"endpoints": [{"endpoint_url": URL, "capabilities": ["Fast"]}]}, "endpoints[0].capabilities[0]"),
        ({"endpoints": [{}]}, "endpoints[0].endpoint_url"),
    ],
)
def test_a_wrong_ensemble_is_refused_by_its_place(wrong: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError) as caught:
        EnsembleConfig.model_validate(wrong)
    assert [each for each, _ in explain(caught.value)] == [place]


@given(
    st.builds(
        ModelEndpoint,
        name=st.text(min_size=1, max_size=20),
        endpoint_url=st.just(URL),
        timeout_secs=st.floats(0.001, 1e6),
        capabilities=st.lists(st.sampled_from(ModelCapability), max_size=3).map(tuple),
        priority=st.integers(0, 2**32 - 1),
        cost_per_1k_tokens=st.floats(0, 1e3),
        extra_body=st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
    )
)
def test_an_endpoint_reads_back_what_it_wrote(endpoint: ModelEndpoint) -> None:
    again = ModelEndpoint.model_validate_json(endpoint.model_dump_json())
    assert again == endpoint
    assert again.digest() == endpoint.digest()
