"""Addresses: what is accepted, what is shown."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from maze_tasks.config import redact_url
from maze_tasks.config.urls import broker_address, broker_url_problem, redis_url_problem


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost:6379/0",
        "redis://localhost",
        "redis://:secret@[::1]:6379/15",
        "rediss://user:secret@host:6380/0?ssl_cert_reqs=none",
        "unix:///tmp/redis.sock?db=0",
        "sentinel://:secret@a:26379;sentinel://b:26379/0?master_name=m",
    ],
)
def test_addresses_of_redis_that_are_accepted(url: str) -> None:
    assert redis_url_problem(url) is None
    assert broker_url_problem(url) is None


def test_a_password_in_the_place_of_an_address_is_not_shown() -> None:
    for problem in (redis_url_problem("s3cret-of-redis"), broker_url_problem("s3cret-of-redis")):
        assert problem is not None
        assert "no address" in problem
        assert "s3cret" not in problem


@pytest.mark.parametrize(
    "url",
    [
        "amqp://guest:guest@localhost:5672//",
        "amqps://host/vhost",
        "redis+socket:///tmp/redis.sock?virtual_host=1",
    ],
)
def test_addresses_of_brokers_that_are_no_store(url: str) -> None:
    assert broker_url_problem(url) is None
    assert redis_url_problem(url) is not None


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "empty"),
        ("localhost:6379", "expected redis://"),
        ("sentinel://a:26379;sentinel://b:26379/0", "name of the master is missing"),
        ("sentinel://a/x?master_name=m", "must be a number"),
        ("sentinel://a?master_name=m&sentinel_kwargs=x", "no option of sentinels"),
        ("sentinel://a;redis://b?master_name=m", "no address that is known"),
        ("http://localhost", "expected redis://"),
        ("redis:localhost", "expected redis://"),
        ("redis://localhost:99999", "bad port"),
        ("redis://localhost:port/0", "bad port"),
        ("redis://local host/0", "blank"),
        ("redis://localhost/0\n", "control character"),
        ("redis://localhost/first", "number"),
        ("redis://localhost/1/2", "number"),
        ("redis://localhost/²", "number"),
        ("unix://", "no socket"),
        ("unix:///", "no socket"),
    ],
)
def test_addresses_that_are_refused_with_what_would_be_right(url: str, said: str) -> None:
    assert said in (redis_url_problem(url) or "")


def test_each_alternative_of_a_failover_list_is_checked() -> None:
    assert broker_url_problem("amqp://a;http://b") is not None


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("redis://user:secret@localhost:6379/0", "redis://user:***@localhost:6379/0"),
        ("redis://:secret@localhost", "redis://:***@localhost"),
        ("redis://secret@localhost", "redis://***@localhost"),
        ("redis://:se/cr@et?#@localhost", "redis://:***@localhost"),
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("unix:///tmp/r.sock?password=secret&db=0", "unix:///tmp/r.sock?password=***&db=0"),
        ("sentinel://:a@x;sentinel://:b@y", "sentinel://:***@x;sentinel://:***@y"),
        ("user:secret@localhost", "user:***@localhost"),
        ("no url at all", "no url at all"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, public: str) -> None:
    assert redact_url(url) == public


@settings(deadline=None)
@given(
    scheme=st.sampled_from(["redis", "rediss", "unix", "amqp", "http"]),
    password=st.text(st.characters(codec="utf-8"), min_size=8),
    is_quoted=st.booleans(),
)
def test_no_password_is_shown_or_named_in_a_complaint(*, scheme: str, password: str, is_quoted: bool) -> None:
    secret = quote(password, safe="") if is_quoted else password

    def told(word: str) -> str:
        url = f"{scheme}://user:{word}@host:99999/x"
        return redact_url(url) + (redis_url_problem(url) or "") + (broker_url_problem(url) or "")

    assume(secret not in told("another one"))  # a password may be a word of the complaint itself, such as `sentinel`
    assert secret not in told(secret)


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("redis://h:1/2", "redis://h:1/2"),
        ("unix:///tmp/r.sock?db=3", "redis+socket:///tmp/r.sock?virtual_host=3"),
        ("unix:///tmp/r.sock", "redis+socket:///tmp/r.sock"),
        ("unix://u:p@/tmp/r.sock?db=1&timeout=5", "redis+socket://u:p@/tmp/r.sock?virtual_host=1&timeout=5"),
    ],
)
def test_the_broker_is_spelt_as_kombu_wants_it(url: str, broker: str) -> None:
    assert broker_address(url) == broker
    assert broker_url_problem(broker) is None
