"""Configurations: what is read, from where, and how each mistake is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from maze_tasks.config import Settings, load_settings
from maze_tasks.errors import ConfigError
from maze_tasks.models import EnsembleConfig, ModelEndpoint

ENDPOINT = '[[endpoints]]\nname = "a"\nendpoint_url = "http://localhost:8001/v1"\n'
OTHER = '[[endpoints]]\nname = "b"\nendpoint_url = "http://localhost:8002/v1"\n'


def write(folder: Path, text: str, name: str = "maze.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path, env: dict[str, str] | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_settings(path, env or {})
    return caught.value


def load(folder: Path, text: str = ENDPOINT, *, env: dict[str, str] | None = None) -> Settings:
    return load_settings(write(folder, text), env or {})


class TestWhatIsRead:
    def test_an_endpoint_is_enough_and_the_rest_has_defaults(self, tmp_path: Path) -> None:
        settings = load(tmp_path)
        assert settings.ensemble == EnsembleConfig(
            endpoints=(ModelEndpoint(name="a", endpoint_url="http://localhost:8001/v1"),)
        )
        assert (settings.embedded, settings.namespace, settings.scorer) == (True, "maze", "evidence")
        assert (settings.max_retries, settings.lease_s, settings.expire_days) == (2, 15.0, 7.0)

    def test_every_key_of_the_documentation_arrives(self, tmp_path: Path) -> None:
        text = (
            'redis_url = "redis://localhost:6379/0"\nbroker_url = "amqp://localhost"\nfallback_enabled = false\n'
            'max_fallback_attempts = 2\nbest_of_n = 4\nnamespace = "n"\nexpire_days = 1\nscorer = "speed"\n'
            "max_retries = 0\nlease_s = 5\nevents = true\n[refinement]\nmin_confidence = 0.5\n"
            + ENDPOINT
            + "[simulate.a]\nseed = 7\n"
        )
        settings = load(tmp_path, text)
        assert (settings.redis_url, settings.broker_url) == ("redis://localhost:6379/0", "amqp://localhost")
        assert (settings.fallback_enabled, settings.max_fallback_attempts, settings.best_of_n) == (False, 2, 4)
        assert (settings.namespace, settings.expire_days, settings.scorer) == ("n", 1.0, "speed")
        assert (settings.max_retries, settings.lease_s, settings.events) == (0, 5.0, True)
        assert settings.refinement.min_confidence == 0.5
        assert settings.simulate["a"].seed == 7

    @pytest.mark.parametrize(
        ("table", "rounds"), [("", 1), ("[refinement]\n", 1), ("[refinement]\nmax_iterations = 3\n", 3)]
    )
    def test_more_rounds_than_one_are_asked_for_not_assumed(self, tmp_path: Path, table: str, rounds: int) -> None:
        assert load(tmp_path, ENDPOINT + table).refinement.max_iterations == rounds

    def test_line_endings_and_a_byte_order_mark_do_not_matter(self, tmp_path: Path) -> None:
        path = tmp_path / "maze.toml"
        path.write_bytes(b"\xef\xbb\xbf" + ENDPOINT.replace("\n", "\r\n").encode())
        assert load_settings(path, {}).endpoints[0].name == "a"

    def test_a_single_endpoint_may_go_without_a_name(self, tmp_path: Path) -> None:
        assert load(tmp_path, ENDPOINT.replace('name = "a"\n', "")).endpoint("default").priority == 0

    @pytest.mark.parametrize("name", ["ensemble.json", "ensemble.conf"])
    def test_json_is_known_by_its_name_or_its_first_character(self, tmp_path: Path, name: str) -> None:
        ensemble = {"endpoints": [{"name": "a", "endpoint_url": "http://h", "api_key": "sk-1", "timeout_secs": None}]}
        settings = load_settings(write(tmp_path, "\n " + json.dumps(ensemble), name), {})
        assert settings.endpoints[0].timeout_secs == 300
        assert settings.api_key(settings.endpoints[0], {}) == "sk-1"

    def test_unknown_keys_of_json_are_warnings(self, tmp_path: Path) -> None:
        ensemble = {
            "endpoints": [{"name": "a", "endpoint_url": "http://h", "tier": 1}],
            "bets_of_n": 2,
            "refinement": {"x": 1},
        }
        settings = load_settings(write(tmp_path, json.dumps(ensemble), "e.json"), {})
        told = "\n".join(settings.warnings)
        assert "bets_of_n: unknown key; did you mean 'best_of_n'?" in told
        assert "endpoints[0].tier: unknown key" in told
        assert "refinement.x: unknown key" in told
        assert settings.best_of_n is None


class TestWhereItIsFound:
    @pytest.fixture(autouse=True)
    def _inside(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "in" / "deeper").mkdir(parents=True)
        monkeypatch.chdir(tmp_path / "in" / "deeper")

    def test_the_nearest_file_above_is_taken(self, tmp_path: Path) -> None:
        write(tmp_path, ENDPOINT)
        near = write(tmp_path / "in", ENDPOINT)
        assert load_settings(None, {}).config_path == near

    def test_the_variable_goes_before_the_folder_and_the_argument_before_both(self, tmp_path: Path) -> None:
        write(tmp_path, ENDPOINT)
        named = write(tmp_path, ENDPOINT, "named.toml")
        given = write(tmp_path, ENDPOINT, "given.toml")
        env = {"MAZE_CONFIG": str(named)}
        assert load_settings(None, env).config_path == named
        assert load_settings(given, env).config_path == given

    def test_without_any_file_the_message_says_how_to_get_one(self) -> None:
        with pytest.raises(ConfigError, match="maze init"):
            load_settings(None, {})

    def test_a_dangling_link_is_not_passed_over_in_silence(self, tmp_path: Path) -> None:
        write(tmp_path, ENDPOINT)
        (tmp_path / "in" / "maze.toml").symlink_to(tmp_path / "gone.toml")
        with pytest.raises(ConfigError, match="no such file"):
            load_settings(None, {})

    def test_a_folder_that_is_gone_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "in" / "deeper").rmdir()
        with pytest.raises(ConfigError, match="--config"):
            load_settings(None, {})


class TestTheEnvironment:
    def test_addresses_go_before_those_of_the_file(self, tmp_path: Path) -> None:
        env = {"MAZE_REDIS_URL": "redis://env/1", "MAZE_BROKER_URL": "redis://env/2"}
        settings = load(tmp_path, 'redis_url = "redis://file"\n' + ENDPOINT, env=env)
        assert (settings.redis_url, settings.broker_url) == ("redis://env/1", "redis://env/2")

    def test_an_empty_variable_counts_as_not_set(self, tmp_path: Path) -> None:
        assert load(tmp_path, env={"MAZE_REDIS_URL": "", "MAZE_CONFIG": ""}).embedded

    def test_a_bad_address_from_a_variable_is_the_fault_of_the_variable(self, tmp_path: Path) -> None:
        error = refusal(write(tmp_path, ENDPOINT), {"MAZE_REDIS_URL": "http://u:secret@h"})
        assert (error.field, error.file) == ("MAZE_REDIS_URL", None)
        assert "secret" not in str(error)


class TestSecrets:
    CONFIG = ENDPOINT + 'api_key_env = "A_KEY"\nextra_headers_env = { X-Team = "TEAM" }\n'

    def test_a_key_is_read_from_its_variable_when_it_is_needed(self, tmp_path: Path) -> None:
        settings = load(tmp_path, self.CONFIG)
        env = {"A_KEY": " sk-1\n", "TEAM": "blue"}
        assert settings.api_key(settings.endpoints[0], env) == "sk-1"
        assert settings.extra_headers(settings.endpoints[0], env) == {"X-Team": "blue"}

    def test_the_environment_of_the_process_is_the_default(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("A_KEY", "sk-2")
        settings = load(tmp_path, self.CONFIG)
        assert settings.api_key(settings.endpoints[0]) == "sk-2"

    def test_an_endpoint_without_a_key_has_none(self, tmp_path: Path) -> None:
        settings = load(tmp_path)
        assert settings.api_key(settings.endpoints[0], {}) is None
        assert settings.extra_headers(settings.endpoints[0], {}) == {}

    @pytest.mark.parametrize("env", [{}, {"A_KEY": ""}, {"A_KEY": "  "}])
    def test_a_variable_that_is_not_set_is_told_with_its_place(self, tmp_path: Path, env: dict[str, str]) -> None:
        settings = load(tmp_path, OTHER + self.CONFIG)
        with pytest.raises(ConfigError, match="A_KEY is not set") as caught:
            settings.api_key(settings.endpoints[1], env)
        assert (caught.value.line, caught.value.field) == (7, "endpoints[1].api_key_env")
        assert caught.value.file == str(tmp_path / "maze.toml")

    def test_a_header_that_is_not_set_is_told_with_its_place(self, tmp_path: Path) -> None:
        settings = load(tmp_path, self.CONFIG)
        with pytest.raises(ConfigError, match="TEAM is not set") as caught:
            settings.extra_headers(settings.endpoints[0], {})
        assert (caught.value.line, caught.value.field) == (5, "endpoints[0].extra_headers_env.X-Team")

    @pytest.mark.parametrize("value", ["sk\r\nHost: x", "schlüssel", "a\0b"])
    def test_a_key_that_no_header_can_carry_is_refused_unseen(self, tmp_path: Path, value: str) -> None:
        settings = load(tmp_path, self.CONFIG)
        with pytest.raises(ConfigError, match="HTTP header") as caught:
            settings.api_key(settings.endpoints[0], {"A_KEY": value})
        assert value not in str(caught.value)

    def test_nothing_that_may_be_shown_holds_one(self, tmp_path: Path) -> None:
        config = {
            "redis_url": "redis://:sk-redis@h/0",
            "broker_url": "amqp://u:sk-broker@h",
            "endpoints": [{"name": "a", "endpoint_url": "http://h", "api_key": "sk-literal"}],
        }
        settings = load_settings(write(tmp_path, json.dumps(config), "e.json"), {})
        assert settings.literal_key_names == ("a",)
        public = json.dumps(settings.dump_public())
        assert "sk-" not in public + repr(settings) + str(settings) + settings.digest()
        assert "sk-literal" not in settings.model_dump_json()
        assert json.loads(public)["redis_url"] == "redis://:***@h/0"


class TestAddresses:
    def test_an_embedded_project_has_none(self, tmp_path: Path) -> None:
        settings = load(tmp_path)
        for require in (settings.require_redis_url, settings.require_broker_url):
            with pytest.raises(ConfigError, match="redis_url"):
                require()

    def test_the_broker_is_the_store_unless_another_is_named(self) -> None:
        assert Settings(redis_url="unix:///r.sock?db=1").require_broker_url() == "redis+socket:///r.sock?virtual_host=1"
        both = Settings(redis_url="redis://a", broker_url="amqp://b")
        assert (both.require_redis_url(), both.require_broker_url()) == ("redis://a", "amqp://b")

    def test_an_unknown_endpoint_is_told_with_those_there_are(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="no endpoint is named 'c'; configured: a, b"):
            load(tmp_path, ENDPOINT + OTHER).endpoint("c")

    @pytest.mark.parametrize(("name", "state"), [("maze.toml", ".maze"), ("other.toml", ".maze/other")])
    def test_the_state_lies_beside_the_configuration(self, tmp_path: Path, name: str, state: str) -> None:
        assert load_settings(write(tmp_path, ENDPOINT, name), {}).state_dir == tmp_path / state

    def test_settings_without_a_file_keep_their_state_here(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert Settings().state_dir == tmp_path / ".maze"


class TestDigest:
    def test_it_does_not_change_with_what_decides_nothing(self, tmp_path: Path) -> None:
        plain = load(tmp_path, ENDPOINT)
        text = 'redis_url = "redis://:pw@h"\nnamespace = "n"\nbest_of_n = 1\nlease_s = 3\n# comment\n' + ENDPOINT
        assert load_settings(write(tmp_path, text, "x.toml"), {}).digest() == plain.digest()

    @pytest.mark.parametrize(
        "text",
        [
            "best_of_n = 2\n" + ENDPOINT,
            "fallback_enabled = false\n" + ENDPOINT,
            "max_fallback_attempts = 1\n" + ENDPOINT,
            "max_retries = 1\n" + ENDPOINT,
            'scorer = "speed"\n' + ENDPOINT,
            ENDPOINT + "priority = 1\n",
            ENDPOINT + "[refinement]\nmax_iterations = 2\n",
            ENDPOINT + OTHER,
        ],
    )
    def test_it_changes_with_what_decides_something(self, tmp_path: Path, text: str) -> None:
        plain = load(tmp_path, ENDPOINT)
        assert load_settings(write(tmp_path, text, "x.toml"), {}).digest() != plain.digest()

    def test_the_order_of_endpoints_counts_for_the_first_is_the_default(self, tmp_path: Path) -> None:
        one, other = load(tmp_path, ENDPOINT + OTHER), load(tmp_path, OTHER + ENDPOINT)
        assert one.digest() != other.digest()
