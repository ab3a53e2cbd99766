"""Mistakes in configurations: each is told with file, line and field."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maze_tasks.config import load_settings
from maze_tasks.config.problems import ENDPOINT_KEYS, REFINEMENT_KEYS, TOP_KEYS
from maze_tasks.errors import ConfigError

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


TOP_MISTAKES = [
    ("namespase = 'x'\n", "namespase", "did you mean 'namespace'?"),
    ("budget_usd = -5\n", "budget_usd", "greater than or equal to 0"),
    ("deadline_s = 'soon'\n", "deadline_s", "number"),
    ("verify = false\n", "verify", "should be an object"),
    ("cache = 1\n", "cache", "should be a valid boolean"),
    ("cache_days = 0\n", "cache_days", "greater than 0"),
    ("config_path = 'x'\n", "config_path", "unknown key"),
    ("fallback_enabled = 1\n", "fallback_enabled", "should be a valid boolean"),
    ("max_fallback_attempts = 0\n", "max_fallback_attempts", "greater than or equal to 1"),
    ("best_of_n = 1.5\n", "best_of_n", "integer"),
    ("lease_s = 'long'\n", "lease_s", "number"),
    ("lease_s = inf\n", "lease_s", "finite"),
    ("budget_usd = 1e300\n", "budget_usd", "less than or equal to 1000000"),
    ("deadline_s = 1e300\n", "deadline_s", "less than or equal to"),
    ("namespace = 1979-05-27\n", "namespace", "string"),
    ("namespace = ''\n", "namespace", "at least 1 character"),
    ("scorer = 'luck'\n", "scorer", "'evidence', 'agreement', 'confidence', 'smallest' or 'speed'"),
    ("redis_url = 'http://h'\n", "redis_url", "expected redis://"),
    ("redis_url = 'redis://h'\nbroker_url = 'x'\n", "broker_url", "amqp://"),
    ("broker_url = 'redis://h'\n", "broker_url", "needs redis_url"),
]

ENDPOINT_MISTAKES = [
    ("capabilities = ['FastInferense']\n", "endpoints[1].capabilities[0]", "did you mean 'FastInference'?"),
    ("capabilities = 'FastInference'\n", "endpoints[1].capabilities", "list"),
    ("cost_per_1k_tokens = -1\n", "endpoints[1].cost_per_1k_tokens", "greater than or equal to 0"),
    ("priority = '1'\n", "endpoints[1].priority", "integer"),
    ("prioritty = 1\n", "endpoints[1].prioritty", "did you mean 'priority'?"),
    ("max_retries = 1\n", "endpoints[1].max_retries", "goes above the first [table]"),
    ("protocol = 'grpc'\n", "endpoints[1].protocol", "'openai' or 'ananke'"),
    ("api_key = 'sk-secret'\n", "endpoints[1].api_key", "api_key_env"),
    ("api_key_env = 'sk-secret'\n", "endpoints[1].api_key_env", "environment variable"),
    (
        "[endpoints.extra_headers_env]\nX-A = 'sk-secret'\n",
        "endpoints[1].extra_headers_env.X-A",
        "environment variable",
    ),
    ("[simulate.c]\n", "simulate.c", "no endpoint is named 'c'"),
    ("[simulate.b]\nsead = 1\n", "simulate.b.sead", "unknown key"),
    ("[refinement]\nmax_iterations = 0\n", "refinement.max_iterations", "greater than or equal to 1"),
    ("[refinement]\nrounds = 1\n", "refinement.rounds", "unknown key"),
]


class TestMistakes:
    @pytest.mark.parametrize(("lines", "field", "said"), TOP_MISTAKES)
    def test_one_at_the_top_is_told_with_line_and_field(
        self, tmp_path: Path, lines: str, field: str, said: str
    ) -> None:
        error = refusal(write(tmp_path, "# first line\n" + lines + ENDPOINT))
        assert (error.line, error.field) == (lines.count("\n") + 1, field)
        assert said in error.reason

    @pytest.mark.parametrize(("lines", "field", "said"), ENDPOINT_MISTAKES)
    def test_one_in_the_second_endpoint_is_told_with_line_and_field(
        self, tmp_path: Path, lines: str, field: str, said: str
    ) -> None:
        path = write(tmp_path, ENDPOINT + OTHER + lines)
        error = refusal(path)
        assert (error.file, error.line, error.field) == (str(path), 6 + lines.count("\n"), field)
        assert said in error.reason
        assert "sk-secret" not in str(error)

    def test_all_are_told_at_once_in_the_order_of_the_file(self, tmp_path: Path) -> None:
        error = refusal(write(tmp_path, "lease_s = 0\n" + ENDPOINT + "priority = -1\ntimeout_secs = 0\n"))
        assert [line.split(": ")[1] for line in str(error).splitlines()] == [
            "lease_s",
            "endpoints[0].priority",
            "endpoints[0].timeout_secs",
        ]

    @pytest.mark.parametrize(
        ("text", "line", "field", "said"),
        [
            ("", None, "endpoints", "no endpoint is configured"),
            ("endpoints = []\n", 1, "endpoints", "no endpoint is configured"),
            ("[endpoints]\nname = 'a'\n", 1, "endpoints", "[[endpoints]]"),
            ("[[endpoints]]\nname = 'a'\n", 1, "endpoints[0].endpoint_url", "is required"),
            (ENDPOINT.replace("http:", "ftp:"), 3, "endpoints[0].endpoint_url", "http or https"),
            (ENDPOINT.replace("//", "//u:sk-secret@"), 3, "endpoints[0].endpoint_url", "api_key_env"),
            (ENDPOINT + ENDPOINT, 5, "endpoints[1].name", "'a' is the name of endpoints[0] too"),
            (ENDPOINT.replace('"a"', '""'), 2, "endpoints[0].name", "at least 1 character"),
            (ENDPOINT.replace('"a"', '" a"'), 2, "endpoints[0].name", "blanks"),
            (ENDPOINT.replace('name = "a"\n', "") * 2, 3, "endpoints[1].name", "is missing"),
        ],
    )
    def test_endpoints_that_cannot_be_told_apart_or_reached(
        self, tmp_path: Path, text: str, line: int | None, field: str, said: str
    ) -> None:
        error = refusal(write(tmp_path, text))
        assert (error.line, error.field) == (line, field)
        assert said in error.reason
        assert "sk-secret" not in str(error)

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("a = 1\nb =\n", 2),
            ("a = 1\n[b\n", 2),
            ("a = 1\na = 2\n", 2),
            ('a = 1\n\nb = "open', 3),
            ("x = " + "[" * 5000, None),
            ("x = " + "9" * 5000, None),
        ],
    )
    def test_text_that_is_no_toml(self, tmp_path: Path, text: str, line: int | None) -> None:
        error = refusal(write(tmp_path, text))
        assert error.line == line
        assert error.reason.startswith("not TOML")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("{\n", "ends too early"),
            ('{"endpoints": [], "endpoints": []}', "twice"),
            ('{"lease_s": NaN}', "NaN"),
            ("[]", "must be an object, not a list"),
            ('{"endpoints": [{"name": "a"}]}', "is required"),
            ('{"endpoints": [{"endpoint_url": "http://h", "capabilities": ["Fast"]}]}', "unknown capability 'Fast'"),
        ],
    )
    def test_json_that_is_no_configuration(self, tmp_path: Path, text: str, said: str) -> None:
        assert said in refusal(write(tmp_path, text, "e.json")).reason

    @pytest.mark.parametrize(
        ("config", "line", "field"),
        [
            ('{"endpoints": [\n{"endpoint_url": "http://h",\n"timeout_secs": "x"}]}', 3, "endpoints[0].timeout_secs"),
            ('{"endpoints": [\n{"endpoint_url": "http://h"},\n{\n"name": "a"}]}', 3, "endpoints[1].endpoint_url"),
            ('{\n "endpoints":\n []\n}', 2, "endpoints"),
            ('{"endpoints": [{"name": "\\"b\\": [1",\n"priority": 1,\n\n"priority": 2}]}', 4, "endpoints[0].priority"),
            ('{\n"refinement": {\n "min_confidence": NaN}}', 3, "refinement.min_confidence"),
            ('{"lease_s":\n 1e999}', 1, "lease_s"),
            ('{"endpoints": [\n{"name":\n "\\ud800"}]}', 2, "endpoints[0].name"),
            ('{\n"endpoints": [}', 2, None),
            ('{\n\n"budget_usd": -1}', 3, "budget_usd"),
        ],
    )  # fmt: skip
    def test_a_mistake_in_json_has_its_line_and_field(
        self, tmp_path: Path, config: str, line: int, field: str | None
    ) -> None:
        error = refusal(write(tmp_path, config, "e.json"))
        assert (error.file, error.line, error.field) == (str(tmp_path / "e.json"), line, field)

    def test_a_key_of_json_that_nobody_reads_is_warned_of_with_its_line(self, tmp_path: Path) -> None:
        config = '{\n "endpoints": [{"endpoint_url": "http://h",\n  "colour": 1}]}'
        path = write(tmp_path, config, "e.json")
        assert load_settings(path, {}).warnings == (f"{path}:3: endpoints[0].colour: unknown key",)


class TestFiles:
    def test_one_that_is_not_there(self, tmp_path: Path) -> None:
        assert "no such file" in refusal(tmp_path / "none.toml").reason

    def test_a_folder(self, tmp_path: Path) -> None:
        assert "is a folder" in refusal(tmp_path).reason

    def test_a_name_that_no_file_can_have(self) -> None:
        assert "cannot be read" in refusal(Path("a\0b")).reason

    def test_one_whose_folder_is_a_file(self, tmp_path: Path) -> None:
        assert "cannot be read" in refusal(write(tmp_path, "") / "x").reason

    def test_one_that_is_not_utf8(self, tmp_path: Path) -> None:
        path = tmp_path / "maze.toml"
        path.write_bytes(b"# ok\n# caf\xe9\n")
        error = refusal(path)
        assert error.line == 2
        assert "0xe9" in error.reason

    def test_a_device_without_end(self) -> None:
        assert "larger than 4 MiB" in refusal(Path("/dev/zero")).reason


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(
    top=st.dictionaries(st.sampled_from(sorted(TOP_KEYS - {"endpoints"})), JSON, max_size=2),
    endpoint=st.dictionaries(st.sampled_from(sorted(ENDPOINT_KEYS)), JSON, max_size=2),
    refinement=st.dictionaries(st.sampled_from(sorted(REFINEMENT_KEYS)), JSON, max_size=2),
)
def test_any_value_of_any_key_is_taken_or_refused_with_its_field(
    tmp_path_factory: pytest.TempPathFactory,
    top: dict[str, object],
    endpoint: dict[str, object],
    refinement: dict[str, object],
) -> None:
    config = {"refinement": refinement, "endpoints": [{"endpoint_url": "http://h", **endpoint}], **top}
    path = write(tmp_path_factory.mktemp("any"), json.dumps(config), "e.json")
    try:
        loaded = load_settings(path, {})
    except ConfigError as refused:
        error = refused
    else:
        json.dumps(loaded.dump_public())
        assert len(loaded.digest()) == 64
        return
    assert error.field is not None
    assert error.field.partition(".")[0].partition("[")[0] in TOP_KEYS
    assert error.file == str(path)


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_taken_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "maze.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError):
        load_settings(path, {})


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[refinement]\nenable_diffusion = true\n", "refinement.enable_diffusion"),
        ("[refinement]\nparallel_fill = false\n", "refinement.parallel_fill"),
    ],
)
def test_a_setting_without_effect_yet_is_refused_by_name(tmp_path: Path, text: str, field: str) -> None:
    file = tmp_path / "maze.toml"
    file.write_text("[[endpoints]]\nname = 'a'\nendpoint_url = 'http://h/v1'\n" + text)
    with pytest.raises(ConfigError, match="not supported yet") as caught:
        load_settings(file, {})
    assert field in str(caught.value)
