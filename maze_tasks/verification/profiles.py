"""What a worker may run to verify a fill: the tables ``[verify.<name>]`` of its own ``maze.toml``."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from maze_tasks.errors import ConfigError
from maze_tasks.models import Shape, did_you_mean, explain
from maze_tasks.verification import placeholders
from maze_tasks.verification.placeholders import Value

COPY_ROOT = "/src"  # where a command in the sandbox finds the working copy

# What every command may ask for, and what it means. Profiles add names of their own in `defaults`.
PLACEHOLDERS = {
    "root": "folder of the working copy, absolute",
    "file": "file with the hole, relative to the root",
    "path": "the same, absolute",
    "hole": "id of the hole",
    "line": "line of the hole, from 1",
    "name": "the function, method or class that the hole is in, without what that is in",
    "scope": "the same with what it is in, joined by dots",
    "stem": "name of the file without folder and extension",
    "tests": "what the hole names as its tests, a list",
}
LISTS = frozenset({"tests"})

# Folders of the sandbox that are its own.
_RESERVED = ("/proc", "/dev", "/sys", COPY_ROOT)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PROFILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")

Positive = Annotated[int, Field(ge=1, strict=True)]


class VerifyProfile(Shape):
    r"""One command that judges fills, and what it is allowed.

    Args:
        command: program and arguments; a text is split as a shell would split it, once, and no shell ever sees it.
            ``{name}`` is filled in (`PLACEHOLDERS`), never in the program's name.
        defaults: placeholders of one's own, and values for those that a hole leaves out; a text or a list of texts.
        timeout_s: wall-clock limit in seconds; then everything the command started is killed.
        memory_mb: limit of the resident memory of all its processes together, in MiB.
        processes: processes and threads at a time.
        files_mb: largest file it may write, in MiB.
        disk_mb: most that the working copy may grow by, in MiB.
        tmp_mb: size of ``/tmp``, which is new for each command, in MiB.
        output_kb: most that it may print, in KiB; then it is killed.
        pass_env: variables of the worker's environment that it sees; of itself it sees none.
        set_env: variables and values that it sees besides.
        venv: a Python environment, absolute: readable, first on the PATH.
        read_only: more folders or files that it may read, absolute.
        workdir: folder it starts in, relative to the root of the copy.
        protect: files and folders of the copy that it cannot change, relative to the root; ``.`` is all of it. This
            needs the sandbox.
        pass_exit_codes: exit codes that mean the fill is good.
        pass_pattern: a regular expression that the end of the output must hold besides, such as ``^\d+ passed``: a
            fill that ends the process by itself has exit code 0 too.
    """

    model_config = ConfigDict(extra="forbid")

    command: tuple[str, ...]
    defaults: Mapping[str, str | tuple[str, ...]] = {}
    timeout_s: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] = 300.0
    memory_mb: Annotated[Positive, Field(ge=16)] = 2048
    processes: Annotated[Positive, Field(ge=2, le=30_000)] = 256
    files_mb: Positive = 256
    disk_mb: Positive = 2048
    tmp_mb: Positive = 512
    output_kb: Positive = 8192
    pass_env: tuple[str, ...] = ()
    set_env: Mapping[str, str] = {}
    venv: str | None = None
    read_only: tuple[str, ...] = ()
    workdir: str = "."
    protect: tuple[str, ...] = ()
    pass_exit_codes: tuple[Annotated[int, Field(ge=0, le=255, strict=True)], ...] = (0,)
    pass_pattern: str | None = None

    @field_validator("command", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        try:
            return shlex.split(value) if isinstance(value, str) else value
        except ValueError as error:
            raise ValueError(f"cannot be split into arguments: {error}") from None

    @field_validator("command")
    @classmethod
    def _has_a_program(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or not value[0]:
            raise ValueError("names no program")
        if placeholders.placeholders(value[0]):
            raise ValueError("the program itself cannot be a placeholder")
        if any("\0" in argument for argument in value):
            raise ValueError("must not hold NUL characters")
        return value

    @field_validator("pass_env")
    @classmethod
    def _variables(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            _check_variable(name)
        return value

    @field_validator("set_env")
    @classmethod
    def _settings(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name, text in value.items():
            _check_variable(name)
            if "\0" in text:
                raise ValueError(f"the value of {name} must not hold NUL characters")
        return value

    @field_validator("read_only")
    @classmethod
    def _folders(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_absolute(path) for path in value)

    @field_validator("venv")
    @classmethod
    def _environment(cls, value: str | None) -> str | None:
        return None if value is None else _absolute(value)

    @field_validator("pass_pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from None
        return value

    @field_validator("workdir")
    @classmethod
    def _below_the_root(cls, value: str) -> str:
        return _inside(value)

    @field_validator("protect")
    @classmethod
    def _all_below_the_root(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_inside(path) for path in value)

    @model_validator(mode="after")
    def _known_placeholders(self) -> VerifyProfile:
        known = {*PLACEHOLDERS, *self.defaults}
        for argument in self.command:
            for name in placeholders.placeholders(argument):
                if name not in known:
                    raise ValueError(_unknown(name, known))
                is_list = name in LISTS or isinstance(self.defaults.get(name), tuple)
                if is_list and not placeholders.stands_alone(argument):
                    raise ValueError(f"{{{name}}} is a list and must be an argument of its own, not in {argument!r}")
        return self

    def arguments(self, values: Mapping[str, Value]) -> list[str]:
        """Program and arguments for one hole.

        Args:
            values: what the hole gives; `defaults` stand in for what it leaves out.

        Raises:
            InputError: a value is missing or cannot be an argument.
        """
        return placeholders.fill(self.command, {**self.defaults, **values})

    def digest(self) -> str:
        """Fingerprint of all that decides a verdict: 64 hexadecimal digits."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def read_profiles(table: Mapping[str, Any], *, file: str | None = None) -> dict[str, VerifyProfile]:
    """The profiles of a ``verify`` table, by name.

    Args:
        table: name to settings, as TOML gives them.
        file: the configuration file, for messages.

    Raises:
        ConfigError: with the field that is wrong, such as ``verify.unit.command``.
    """
    profiles = {}
    for name, settings in table.items():
        if not _PROFILE_NAME.fullmatch(name):
            raise ConfigError("a profile's name has letters, digits and . _ -", file=file, field=f"verify.{name[:60]}")
        try:
            profiles[name] = VerifyProfile.model_validate(settings)
        except ValidationError as error:
            path, reason = explain(error)[0]
            field = f"verify.{name}.{path}" if path else f"verify.{name}"
            raise ConfigError(reason, file=file, field=field) from None
    return profiles


def profile_named(profiles: Mapping[str, VerifyProfile], name: str) -> VerifyProfile:
    """The profile of that name.

    Raises:
        ConfigError: the worker has none.
    """
    if name not in profiles:
        known = ", ".join(sorted(profiles)) or "none"
        raise ConfigError(f"this worker has no such profile; configured: {known}", field=f"verify.{name[:100]}")
    return profiles[name]


def _check_variable(name: str) -> None:
    if not _VARIABLE.fullmatch(name):
        raise ValueError(f"{name[:60]!r} is no name of a variable")


def _inside(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or "\0" in text:
        raise ValueError(f"{text[:60]!r} should be a path below the root of the copy, without '..'")
    return str(path)


def _absolute(text: str) -> str:
    path = PurePosixPath(text)
    if not path.is_absolute() or ".." in path.parts or "\0" in text:
        raise ValueError(f"{text[:60]!r} should be an absolute path without '..'")
    if len(path.parts) == 1 or any(path.is_relative_to(reserved) for reserved in _RESERVED):
        raise ValueError(f"{text[:60]!r} cannot be shown in the sandbox")
    return str(path)


def _unknown(name: str, known: Sequence[str] | set[str]) -> str:
    listed = ", ".join(sorted(known))
    return f"unknown placeholder {{{name}}}{did_you_mean(name, known)}; known: {listed}; a brace is written {{{{"
