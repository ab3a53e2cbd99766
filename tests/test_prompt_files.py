"""Texts of prompts in files of the user's own: they are read and checked with the configuration that names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from maze_tasks.config import Settings, load_settings
from maze_tasks.config.prompt_files import MAX_TEMPLATE_BYTES
from maze_tasks.errors import ConfigError
from maze_tasks.models import default_templates

ENDPOINT = '[[endpoints]]\nname = "a"\nendpoint_url = "http://localhost:8001/v1"\n'


def write(folder: Path, table: str = "", **texts: str | bytes) -> Path:
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    path = folder / "maze.toml"
    path.write_text(f"# mine\n[prompt]\n{table}\n{ENDPOINT}", encoding="utf-8")
    return path


def refusal(path: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_settings(path, {})
    return caught.value


def test_without_files_the_package_s_own_texts_are_used(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path), {}).templates == default_templates()
    assert Settings().templates == default_templates()


def test_files_are_found_beside_the_configuration_whatever_folder_the_command_runs_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(
        tmp_path,
        'system_file = "system"\ntemplate_file = "prompt"',
        system=b"\xef\xbb\xbfFill $language.\r\n",
        prompt="\n$facts\n\n$code\n\n",
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    texts = load_settings(path, {}).templates
    assert (texts.system, texts.prompt) == ("Fill $language.", "$facts\n\n$code")


def test_one_file_leaves_the_other_text_as_it_is(tmp_path: Path) -> None:
    texts = load_settings(write(tmp_path, 'system_file = "s"', s=""), {}).templates
    assert (texts.system, texts.prompt) == ("", default_templates().prompt)


def test_a_file_may_be_named_with_its_whole_path(tmp_path: Path) -> None:
    text = tmp_path / "system"
    text.write_text("Fill it.")
    assert load_settings(write(tmp_path, f"system_file = '{text}'"), {}).templates.system == "Fill it."


def test_texts_of_one_s_own_count_in_the_fingerprint_and_reach_workers_but_are_not_shown(tmp_path: Path) -> None:
    plain = load_settings(write(tmp_path), {})
    own = load_settings(write(tmp_path, 'system_file = "s"', s="Fill it."), {})
    assert plain.digest() != own.digest()
    assert Settings.model_validate(own.model_dump(mode="json", exclude={"warnings"})).templates == own.templates
    assert own.dump_public()["templates"] == own.templates.digest
    assert "Fill it." not in repr(own)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "does not exist"),
        (b"\n\xff", "is not UTF-8: byte 0xff in line 2"),
        (b"x" * (MAX_TEMPLATE_BYTES + 1), "is larger than 64 KiB"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_at_the_setting_that_names_it(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    texts = {} if content is None else {"prompt": content}
    error = refusal(write(tmp_path, 'template_file = "prompt"', **texts))
    assert (error.file, error.line, error.field) == (str(tmp_path / "maze.toml"), 3, "prompt.template_file")
    assert error.reason == f"{tmp_path / 'prompt'} {said}"


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "at least 1 character"), (".", "is no file"), ("a\\u0000", "does not exist"), ("a" * 300, "cannot be read")],
)
def test_a_name_that_names_no_file_is_refused(tmp_path: Path, name: str, said: str) -> None:
    assert said in str(refusal(write(tmp_path, f'system_file = "{name}"')))


def test_what_a_text_says_wrong_is_told_with_its_file_and_line(tmp_path: Path) -> None:
    error = refusal(write(tmp_path, 'template_file = "p"', p="$task\n$langage\n\n$code costs 5$\n"))
    assert (error.file, error.line) == (str(tmp_path / "p"), 2)
    assert error.reason.splitlines()[0] == "unknown placeholder $langage; did you mean 'language'?"
    assert ":4:" in error.reason.splitlines()[1]


def test_a_system_text_knows_fewer_facts_than_a_prompt(tmp_path: Path) -> None:
    error = refusal(write(tmp_path, 'system_file = "s"', s="$path $code"))
    assert error.reason == "unknown placeholder $code; known: $language, $path"


def test_a_key_that_is_none_is_refused(tmp_path: Path) -> None:
    error = refusal(write(tmp_path, 'system_fiel = "s"'))
    assert (error.line, error.field) == (3, "prompt.system_fiel")
    assert "did you mean 'system_file'?" in error.reason
