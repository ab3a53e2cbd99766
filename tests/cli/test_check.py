"""`maze check`."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from maze_tasks.services import ping_services

Maze = Callable[..., Result]
Serve = Callable[[dict[str, tuple[int, str]]], Any]  # the server of conftest

MODEL = "some/model"
WELL = {"/v1/models": (200, json.dumps({"data": [{"id": MODEL}]}))}


def closed_port() -> int:
    """A port where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def configure(folder: Path, *urls: str, top: str = "", more: str = "") -> None:
    tables = [
        f'[[endpoints]]\nname = "e{number}"\nendpoint_url = "{url}"\nmodel = "{MODEL}"\n{more}'
        for number, url in enumerate(urls)
    ]
    (folder / "maze.toml").write_text(top + "".join(tables))


def report(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_an_embedded_project_whose_endpoints_are_well(maze: Maze, folder: Path, serve: Serve) -> None:
    configure(folder, serve(WELL).url, serve(WELL).url)
    result = maze("check", "--json")
    assert result.exit_code == 0
    found = report(result)
    assert (found["ok"], found["mode"], found["services"], found["problems"]) == (True, "embedded", [], [])
    assert [one["name"] for one in found["endpoints"]] == ["e0", "e1"]
    assert all(one["ok"] and one["model_listed"] is True for one in found["endpoints"])
    assert [entry.name for entry in folder.iterdir()] == ["maze.toml"]


def test_people_are_told_that_it_is_embedded(maze: Maze, folder: Path, serve: Serve) -> None:
    configure(folder, serve(WELL).url)
    result = maze("check")
    assert result.exit_code == 0
    assert "maze.toml: valid" in result.stdout
    assert "embedded" in result.stdout
    assert "some/model (listed)" in result.stdout


def test_an_endpoint_that_cannot_be_reached_is_exit_3(maze: Maze, folder: Path, serve: Serve) -> None:
    configure(folder, serve(WELL).url, f"http://127.0.0.1:{closed_port()}")
    result = maze("check", "--json")
    assert result.exit_code == 3
    found = report(result)
    assert [one["ok"] for one in found["endpoints"]] == [True, False]
    assert found["endpoints"][1]["status"] is None
    assert found["endpoints"][1]["detail"]
    assert maze("check").exit_code == 3


def test_an_endpoint_that_is_not_well_is_exit_3(maze: Maze, folder: Path, serve: Serve) -> None:
    configure(folder, serve({"/v1/models": (503, "{}")}).url)
    result = maze("check", "--json")
    assert result.exit_code == 3
    assert report(result)["endpoints"][0]["status"] == 503


def test_a_model_that_is_not_listed_is_a_warning(maze: Maze, folder: Path, serve: Serve) -> None:
    configure(folder, serve({"/v1/models": (200, '{"data": [{"id": "other"}]}')}).url)
    result = maze("check", "--json")
    assert result.exit_code == 0
    assert report(result)["endpoints"][0]["model_listed"] is False
    assert "warning: endpoint 'e0' does not list the model 'some/model'" in result.stderr


@pytest.mark.parametrize("listed", [(200, '{"data": []}'), (404, "{}")])
def test_an_endpoint_that_lists_no_models_is_well(
    maze: Maze, folder: Path, serve: Serve, listed: tuple[int, str]
) -> None:
    server = serve({"/v1/health": (200, '{"status": "ok"}'), "/v1/models": listed})
    configure(folder, server.url, more='protocol = "ananke"\n')
    result = maze("check", "--json")
    assert result.exit_code == 0
    assert report(result)["endpoints"][0]["model_listed"] is None


def test_keys_and_headers_are_sent_and_never_shown(
    maze: Maze, folder: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("E_KEY", "sk-secret")
    monkeypatch.setenv("TEAM", "blue-secret")
    server = serve(WELL)
    configure(folder, server.url, more='api_key_env = "E_KEY"\nextra_headers_env = { X-Team = "TEAM" }\n')
    result = maze("check", "--json")
    assert result.exit_code == 0
    assert all(headers["authorization"] == "Bearer sk-secret" for _, headers in server.seen)
    assert all(headers["x-team"] == "blue-secret" for _, headers in server.seen)
    assert "secret" not in result.output


def test_keys_that_are_not_set_are_exit_2_and_the_endpoint_is_asked_without(
    maze: Maze, folder: Path, serve: Serve
) -> None:
    server = serve(WELL)
    configure(folder, server.url, more='api_key_env = "E_KEY"\nextra_headers_env = { X-Team = "TEAM" }\n')
    result = maze("check", "--json")
    assert result.exit_code == 2
    assert "maze.toml:5: endpoints[0].api_key_env: the environment variable E_KEY is not set" in result.stderr
    assert "maze.toml:6: endpoints[0].extra_headers_env.X-Team: the environment variable TEAM is not" in result.stderr
    assert report(result)["endpoints"][0]["ok"]
    assert len(report(result)["problems"]) == 2
    assert all("authorization" not in headers for _, headers in server.seen)


def test_a_wrong_configuration_is_exit_2_and_nothing_is_asked(maze: Maze, folder: Path, serve: Serve) -> None:
    server = serve(WELL)
    configure(folder, server.url, top="bogus = 1\n")
    result = maze("check", "--json")
    assert (result.exit_code, result.stdout, server.seen) == (2, "", [])
    assert "maze.toml:1: bogus: unknown key" in result.stderr


def test_store_and_broker_that_are_well(
    maze: Maze, folder: Path, serve: Serve, redis_url: str, broker_url: str
) -> None:
    configure(folder, serve(WELL).url, top=f'redis_url = "{redis_url}"\nbroker_url = "{broker_url}"\n')
    result = maze("check", "--json")
    assert result.exit_code == 0
    found = report(result)
    assert found["mode"] == "cluster"
    assert [(one["service"], one["ok"], one["detail"]) for one in found["services"]] == [
        ("Redis", True, ""),
        ("broker", True, ""),
    ]
    assert "Redis" in maze("check").stdout


def test_a_store_that_cannot_be_reached_is_exit_3(maze: Maze, folder: Path, serve: Serve, redis_url: str) -> None:
    port = closed_port()
    configure(folder, serve(WELL).url, top=f'redis_url = "redis://:secret@127.0.0.1:{port}/0"\n')
    result = maze("check", "--json")
    assert result.exit_code == 3
    assert [(one["ok"], one["reached"]) for one in report(result)["services"]] == [(False, False)] * 2
    assert "secret" not in result.output


def test_a_literal_key_is_refused_where_workers_are_elsewhere(
    maze: Maze, folder: Path, serve: Serve, redis_url: str
) -> None:
    endpoint = {"name": "e0", "endpoint_url": serve(WELL).url, "model": MODEL, "api_key": "sk-secret"}
    config = folder / "e.json"
    config.write_text(json.dumps({"endpoints": [endpoint]}))
    assert maze("check", "--config", str(config)).exit_code == 0
    config.write_text(json.dumps({"endpoints": [endpoint], "redis_url": redis_url}))
    result = maze("check", "--config", str(config))
    assert result.exit_code == 2
    assert "api_key_env" in result.stderr
    assert "secret" not in result.output


def test_a_store_that_may_throw_results_away_is_a_problem_not_an_absence(
    redis_url: str, maze: Maze, folder: Path, serve: Serve
) -> None:
    from maze_tasks.config import load_settings
    from maze_tasks.store import connect

    configure(folder, serve(WELL).url, top=f'redis_url = "{redis_url}"\n')
    client = connect(redis_url)
    client.config_set("maxmemory", "100mb")
    client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        redis, _ = ping_services(load_settings(folder / "maze.toml", {}))
        assert (redis.ok, redis.reached) == (False, True)
        assert maze("check").exit_code == 2
    finally:
        client.config_set("maxmemory", "0")
        client.config_set("maxmemory-policy", "noeviction")
        client.close()


@pytest.mark.parametrize(
    ("broker", "setting"),
    [
        ("amqp://user:secret@127.0.0.1:{port}//", "broker_url"),
        ("redis://:secret@127.0.0.1:{port}/1", "broker_url"),
        ("", "redis_url"),
    ],
)
def test_a_service_that_cannot_be_reached_is_named_by_its_address_with_what_to_do(
    maze: Maze, folder: Path, serve: Serve, broker: str, setting: str
) -> None:
    port = closed_port()
    top = f'redis_url = "redis://:secret@127.0.0.1:{port}/0"\n'
    if broker:
        top += f'broker_url = "{broker.format(port=port)}"\n'
    configure(folder, serve(WELL).url, top=top)
    result = maze("check")
    assert result.exit_code == 3
    assert "secret" not in result.stdout + result.stderr
    told = result.stderr.splitlines()
    assert told[0].startswith(f"error: Redis at redis://:***@127.0.0.1:{port}/0 cannot be reached: ")
    assert f"127.0.0.1:{port}" in told[1]
    assert "***@" in told[1]
    assert "efused" in told[1], "why"
    assert told[1].endswith(f"start it there, or name another address in {setting} or MAZE_{setting.upper()}")
    (redis, broker_found) = report(maze("check", "--json"))["services"]
    assert (redis["setting"], broker_found["setting"]) == ("redis_url", setting)
