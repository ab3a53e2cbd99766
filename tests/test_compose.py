"""What must hold of docker-compose.yml, as far as it can be told without Docker."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from maze_tasks.cli import main
from maze_tasks.config import Settings, load_settings
from maze_tasks.embedded_keeper import server_command

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
VARIABLE = re.compile(r"\$\{(\w+)(?:(:[-?])([^}]*))?\}")
# What a container starts, and so what would be looked for in its image.
PROGRAMS = {"maze", "celery", "sh", "python"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file, its anchors and merges resolved."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


@pytest.fixture(scope="module")
def settings() -> Settings:
    """The configuration that the containers share."""
    addresses = {"MAZE_REDIS_URL": "redis://redis/0", "MAZE_BROKER_URL": "redis://redis/1"}
    return load_settings(DEPLOY / "maze.toml", addresses)


def workers(services: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: one for name, one in services.items() if name.startswith("worker-")}


def variables(value: object) -> set[tuple[str, str]]:
    """Names of the variables in a value, with what follows where one is not set (`:-`, `:?` or nothing)."""
    if isinstance(value, dict):
        return {found for one in value.values() for found in variables(one)}
    if isinstance(value, list):
        return {found for one in value for found in variables(one)}
    return {(found[1], found[2] or "") for found in VARIABLE.finditer(str(value))}


def test_the_file_keeps_to_the_schema_of_the_compose_specification(compose: dict[str, Any]) -> None:
    schema = json.loads((DEPLOY / "compose-spec" / "compose-spec.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    errors = jsonschema.Draft202012Validator(schema).iter_errors(compose)
    assert [f"{list(error.path)}: {error.message}" for error in errors] == []


def test_the_schema_refuses_what_the_specification_does_not_know(compose: dict[str, Any]) -> None:
    schema = json.loads((DEPLOY / "compose-spec" / "compose-spec.json").read_text())
    wrong = {**compose, "services": {"redis": {**compose["services"]["redis"], "helthcheck": {}}}}
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(wrong))


def test_every_endpoint_has_a_worker_service_of_its_own(
    services: dict[str, dict[str, Any]], settings: Settings
) -> None:
    served = [one["command"][one["command"].index("--models") + 1] for one in workers(services).values()]
    assert sorted(served) == sorted(endpoint.name for endpoint in settings.endpoints)


def test_worker_services_can_be_scaled(services: dict[str, dict[str, Any]]) -> None:
    for name, worker in workers(services).items():
        assert "container_name" not in worker, name
        assert "hostname" not in worker, name
        assert "ports" not in worker, name


def test_all_containers_but_redis_run_one_image(services: dict[str, dict[str, Any]]) -> None:
    images = {name: one["image"] for name, one in services.items()}
    assert images.pop("redis").startswith("redis:")
    assert len(set(images.values())) == 1


def test_every_service_says_how_to_tell_whether_it_is_well(services: dict[str, dict[str, Any]]) -> None:
    without = {name for name, one in services.items() if one["healthcheck"].get("disable")}
    assert without == {"maze"}, "only the command that ends by itself needs none"
    assert all("test" in one["healthcheck"] for name, one in services.items() if name not in without)


def test_nothing_but_flower_is_published(services: dict[str, dict[str, Any]]) -> None:
    assert [name for name, one in services.items() if one.get("ports")] == ["flower"]
    assert not [name for name, one in services.items() if one.get("network_mode")]


def test_redis_is_reached_only_from_inside(compose: dict[str, Any], services: dict[str, dict[str, Any]]) -> None:
    assert services["redis"]["networks"] == ["backend"]
    assert compose["networks"]["backend"]["internal"] is True


def test_no_password_and_no_key_stands_in_the_file(compose: dict[str, Any]) -> None:
    environments = [one.get("environment", {}) for one in compose["services"].values()]
    secret = [
        (name, str(value))
        for environment in environments
        for name, value in environment.items()
        if re.search(r"PASSWORD|KEY|AUTH|_URL", name)
    ]
    assert secret
    assert not [name for name, value in secret if not VARIABLE.search(value)]


def test_a_start_without_passwords_is_refused(compose: dict[str, Any]) -> None:
    demanded = {name for name, otherwise in variables(compose) if otherwise == ":?"}
    assert {"REDIS_PASSWORD", "FLOWER_USER", "FLOWER_PASSWORD"} <= demanded
    assert not [name for name, otherwise in variables(compose) if "PASSWORD" in name and otherwise != ":?"]


def test_each_worker_gets_its_own_key_alone(services: dict[str, dict[str, Any]]) -> None:
    keys = {name: {k for k in one["environment"] if k.endswith("_API_KEY")} for name, one in services.items()}
    assert {name for name, found in keys.items() if found} == set(workers(services))
    assert all(len(keys[name]) == 1 for name in workers(services))


def test_the_example_environment_names_every_variable(compose: dict[str, Any]) -> None:
    lines = (DEPLOY / ".env.example").read_text().splitlines()
    named = {line.partition("=")[0] for line in lines if line and not line.startswith("#")}
    asked = {name for name, _ in variables(compose)}
    assert named <= asked
    assert asked - named == {"MAZE_IMAGE"}


def test_files_that_are_mounted_exist(services: dict[str, dict[str, Any]]) -> None:
    sources = {volume.rsplit(":", 2)[0] for one in services.values() for volume in one.get("volumes", ())}
    paths = [VARIABLE.sub(lambda found: found[3], source) for source in sources]
    assert [path for path in paths if path.startswith(".") and not (ROOT / path).exists()] == []


def test_containers_start_only_programs_that_their_image_has(services: dict[str, dict[str, Any]]) -> None:
    commands = [one.get("entrypoint") or one["command"] for one in services.values()]
    assert {command[0] for command in commands} <= PROGRAMS


def test_options_of_maze_commands_exist(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        if service["command"][0] != "maze":
            continue
        _, command, *given = service["command"]
        shown = CliRunner().invoke(main, [command, "--help"])
        assert shown.exit_code == 0, name
        assert not [option for option in given if option.startswith("--") and option not in shown.output], name


def test_workers_send_the_events_that_flower_needs(services: dict[str, dict[str, Any]], settings: Settings) -> None:
    assert settings.events, "the producer announces what it sends"
    assert all("--events" in worker["command"] for worker in workers(services).values())


def test_flower_shows_arguments_and_queues_to_its_user_alone(services: dict[str, dict[str, Any]]) -> None:
    environment = services["flower"]["environment"]
    assert {"name", "kwargs", "routing_key"} <= set(environment["FLOWER_TASKS_COLUMNS"].split(","))
    assert environment["FLOWER_BASIC_AUTH"].count("${") == 2
    assert environment["FLOWER_READ_ONLY"] == "true"


def test_a_worker_may_finish_its_calls_when_it_is_stopped(
    services: dict[str, dict[str, Any]], settings: Settings
) -> None:
    longest = max(endpoint.timeout_secs for endpoint in settings.endpoints)
    for name, worker in workers(services).items():
        assert float(worker["stop_grace_period"].removesuffix("s")) > longest, name


def test_containers_run_without_rights_they_do_not_need(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name
    assert re.search(r"^USER maze$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)


def test_the_image_holds_what_the_health_checks_run(services: dict[str, dict[str, Any]]) -> None:
    copied = (DEPLOY / "Dockerfile").read_text()
    for service in services.values():
        for part in service["healthcheck"].get("test", ()):
            if part.startswith("/opt/maze/"):
                name = part.removeprefix("/opt/maze/")
                assert f"deploy/{name}" in copied
                assert (DEPLOY / name).is_file()


def test_redis_writes_everything_down_and_evicts_nothing() -> None:
    lines = (DEPLOY / "redis.conf").read_text().splitlines()
    given = dict(line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    assert given["appendonly"] == "yes"
    assert given["appendfsync"] in ("everysec", "always")
    assert given["maxmemory-policy"] == "noeviction"


@pytest.mark.parametrize("name", ["auto-aof-rewrite-percentage", "auto-aof-rewrite-min-size"])
def test_redis_writes_its_file_anew_as_seldom_as_that_of_a_project(name: str) -> None:
    command = server_command("redis-server", Path("/data"), "/redis.sock")
    line = f"{name} {command[command.index(f'--{name}') + 1]}"
    assert line in (DEPLOY / "redis.conf").read_text().splitlines()
    assert line in (ROOT / "docs" / "how-to" / "cluster.md").read_text().splitlines()


def test_redis_is_started_with_the_password_but_not_as_an_argument(tmp_path: Path) -> None:
    (tmp_path / "redis-server").write_text('#!/bin/sh\necho "arguments: $*"\ncat\n')
    (tmp_path / "redis-server").chmod(0o755)
    done = subprocess.run(
        ["sh", DEPLOY / "redis.sh"],
        env={
            "PATH": f"{tmp_path}:/usr/bin:/bin",
            "REDIS_PASSWORD": "hunter2",
            "REDIS_CONF": str(DEPLOY / "redis.conf"),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    first, *rest = done.stdout.splitlines()
    assert first == "arguments: -"
    assert "requirepass hunter2" in rest
    assert "appendonly yes" in rest


def test_redis_does_not_start_without_a_password() -> None:
    done = subprocess.run(
        ["sh", DEPLOY / "redis.sh"],
        env={"PATH": "/usr/bin:/bin", "REDIS_CONF": str(DEPLOY / "redis.conf")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert done.returncode != 0


def test_the_health_check_of_flower_fails_where_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWER_BASIC_AUTH", "user:password")
    check = runpy.run_path(str(DEPLOY / "flower_health.py"))
    check["main"].__globals__["PORT"] = 9
    assert check["main"]() == 1


def test_the_configuration_is_that_of_the_example_but_for_addresses_and_events(settings: Settings) -> None:
    example = load_settings(ROOT / "examples" / "humaneval" / "maze.toml", {})
    assert settings.simulate == example.simulate
    ours = [one.model_copy(update={"endpoint_url": ""}) for one in settings.endpoints]
    assert ours == [one.model_copy(update={"endpoint_url": ""}) for one in example.endpoints]
