from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maze_tasks.errors import ConfigError, InputError, Refused
from maze_tasks.verification import VerifyProfile, read_profiles
from maze_tasks.verification.placeholders import fill, placeholders
from maze_tasks.verification.profiles import profile_named

# What could be an argument: anything that is no option and has no NUL.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).filter(lambda t: t[:1] != "-")


def profile(command: object, **settings: object) -> VerifyProfile:
    return read_profiles({"unit": {"command": command, **settings}})["unit"]


@given(value=TEXTS, tests=st.lists(TEXTS))
def test_whatever_a_value_holds_it_stays_one_argument(value: str, tests: list[str]) -> None:
    arguments = profile("pytest -q --file={file} {tests} end").arguments({"file": value, "tests": tests})
    assert arguments == ["pytest", "-q", f"--file={value}", *tests, "end"]


@given(words=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0{}")), min_size=1))
def test_a_text_is_split_as_a_shell_would_and_a_list_is_taken_as_it_is(words: list[str]) -> None:
    words = ["program", *words]
    assert profile(shlex.join(words)).arguments({}) == words == profile(words).arguments({})


def test_doubled_braces_are_braces() -> None:
    assert profile(["awk", "{{print {line}}}", "{{file}}"]).arguments({"line": 3}) == ["awk", "{print 3}", "{file}"]


def test_a_filled_value_is_not_filled_again() -> None:
    assert fill(["p", "{file}"], {"file": "{line}", "line": 1}) == ["p", "{line}"]


@pytest.mark.parametrize("value", ["-rf", "--rootdir=/", "-"])
def test_a_value_cannot_become_an_option(value: str) -> None:
    with pytest.raises(InputError, match="option"):
        profile("pytest {file}").arguments({"file": value})
    with pytest.raises(InputError, match="option"):
        profile("pytest {tests}").arguments({"tests": ["ok", value]})
    assert profile("pytest --file={file}").arguments({"file": value})[1] == f"--file={value}"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, "gives none"),
        ({"file": "a\0b"}, "NUL"),
        ({"file": "x" * 100_001}, "more than"),
        ({"file": "\ud800"}, "Unicode"),
        ({"file": ["a", "b"]}, "argument of its own"),
    ],
)
def test_a_value_that_is_no_argument_is_refused_by_name(values: dict[str, str], reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        profile("cat ./{file}").arguments(values)
    assert caught.value.field == "file"


def test_a_command_longer_than_the_system_takes_is_refused() -> None:
    with pytest.raises(InputError, match="longer"):
        profile("pytest {tests}").arguments({"tests": ["x" * 90_000] * 20})


def test_what_a_hole_leaves_out_comes_from_the_profile() -> None:
    unit = profile("pytest {tests} {mark}", defaults={"tests": ["tests"], "mark": "fast"})
    assert unit.arguments({}) == ["pytest", "tests", "fast"]
    assert unit.arguments({"tests": ["a", "b"], "mark": "slow"}) == ["pytest", "a", "b", "slow"]


@pytest.mark.parametrize(
    ("settings", "field", "reason"),
    [
        ({"command": "pytest {test}"}, "verify.unit", r"unknown placeholder \{test\}; did you mean 'tests'"),
        ({"command": "awk {print}"}, "verify.unit", r"a brace is written \{\{"),
        ({"command": "awk }"}, "verify.unit", "single brace"),
        ({"command": "pytest --tests={tests}"}, "verify.unit", "argument of its own"),
        ({"command": "pytest --x={mine}", "defaults": {"mine": ["a"]}}, "verify.unit", "argument of its own"),
        ({"command": "{file}"}, "verify.unit.command", "program itself"),
        ({"command": ""}, "verify.unit.command", "no program"),
        ({"command": []}, "verify.unit.command", "no program"),
        ({"command": "echo 'open"}, "verify.unit.command", "quotation"),
        ({"command": 3}, "verify.unit.command", "list"),
        ({}, "verify.unit.command", "is required"),
        ({"command": "a", "timeout": 3}, "verify.unit.timeout", "not permitted"),
        ({"command": "a", "timeout_s": 0}, "verify.unit.timeout_s", "greater"),
        ({"command": "a", "memory_mb": 1}, "verify.unit.memory_mb", "greater"),
        ({"command": "a", "processes": True}, "verify.unit.processes", "integer"),
        ({"command": "a", "pass_env": ["A=B"]}, "verify.unit.pass_env", "no name of a variable"),
        ({"command": "a", "set_env": {"A": "x\0"}}, "verify.unit.set_env", "NUL"),
        ({"command": "a", "read_only": ["lib"]}, "verify.unit.read_only", "absolute"),
        ({"command": "a", "read_only": ["/opt/../etc"]}, "verify.unit.read_only", "absolute"),
        ({"command": "a", "read_only": ["/"]}, "verify.unit.read_only", "cannot be shown"),
        ({"command": "a", "venv": "/proc/1/root"}, "verify.unit.venv", "cannot be shown"),
        ({"command": "a", "workdir": "../x"}, "verify.unit.workdir", "below the root"),
        ({"command": "a", "workdir": "/x"}, "verify.unit.workdir", "below the root"),
        ({"command": "a", "pass_exit_codes": [256]}, "verify.unit.pass_exit_codes[0]", "less"),
        ({"command": "a", "pass_pattern": "("}, "verify.unit.pass_pattern", "regular expression"),
    ],
)
def test_a_profile_that_cannot_be_meant_is_refused_with_its_field(
    settings: dict[str, object], field: str, reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        read_profiles({"unit": settings}, file="maze.toml")
    assert caught.value.field == field
    assert caught.value.file == "maze.toml"


def test_a_profile_of_another_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ConfigError, match="configured: lint, unit"):
        profile_named(read_profiles({"unit": {"command": "a"}, "lint": {"command": "b"}}), "units")
    with pytest.raises(ConfigError, match="name"):
        read_profiles({"a/b": {"command": "a"}})


def test_the_digest_tells_profiles_apart_that_judge_differently() -> None:
    assert profile("pytest -q").digest() == profile(["pytest", "-q"]).digest()
    assert profile("pytest").digest() != profile("pytest", timeout_s=1).digest()


@given(st.text())
def test_any_argument_has_placeholders_or_a_reason(argument: str) -> None:
    try:
        names = placeholders(argument)
    except ValueError:
        return
    try:
        filled = fill(["p", argument], dict.fromkeys(names, "x"))
    except Refused:
        return
    assert len(filled) == 2
