"""Which ports are opened for which endpoints."""

from __future__ import annotations

import pytest

from maze_tasks.errors import ConfigError
from maze_tasks.models import ModelEndpoint
from maze_tasks.simulate.addresses import Listener, listeners


def endpoint(name: str, url: str, model: str = "m") -> ModelEndpoint:
    return ModelEndpoint(name=name, endpoint_url=url, model=model)


def test_endpoints_of_one_port_share_a_listener() -> None:
    opened = listeners(
        [
            endpoint("a", "http://localhost:8001/v1/"),
            endpoint("b", "http://localhost:8001/other"),
            endpoint("c", "http://127.0.0.2:8002"),
        ]
    )
    assert opened == (
        Listener("127.0.0.1", 8001, (("a", "/v1"), ("b", "/other"))),
        Listener("127.0.0.2", 8002, (("c", ""),)),
    )


def test_urls_name_the_port_really_listened_at() -> None:
    assert Listener("::1", 0, (("a", "/v1"),)).urls(81) == {"a": "http://[::1]:81/v1"}
    assert Listener("127.0.0.1", 0, (("a", ""),)).urls(81) == {"a": "http://127.0.0.1:81"}


def test_endpoints_that_cannot_be_told_apart_are_refused() -> None:
    two = [endpoint("a", "http://localhost:8001/v1"), endpoint("b", "http://localhost:8001/v1/")]
    with pytest.raises(ConfigError, match="told apart"):
        listeners(two)
    assert len(listeners([two[0], endpoint("b", "http://localhost:8001/v1", "other")])) == 1


@pytest.mark.parametrize("url", ["http://example.com/v1", "http://10.0.0.1:8000", "https://localhost:8001"])
def test_what_is_not_a_plain_url_of_this_machine_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"endpoints\.a\.endpoint_url"):
        listeners([endpoint("a", url)])


def test_a_host_stands_in_for_that_of_the_urls() -> None:
    assert listeners([endpoint("a", "http://fast:8001/v1")], host="0.0.0.0")[0].host == "0.0.0.0"


def test_free_ports_keep_together_what_shares_one() -> None:
    urls = ["https://api.example.com/v1", "https://api.example.com/v2", "http://localhost:8001/v1"]
    opened = listeners([endpoint(str(index), url) for index, url in enumerate(urls)], free_ports=True)
    assert [(one.host, one.port, len(one.members)) for one in opened] == [("127.0.0.1", 0, 2), ("127.0.0.1", 0, 1)]
