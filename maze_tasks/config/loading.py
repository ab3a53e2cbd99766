"""From a file and the environment to `Settings`: finding, reading, parsing, and naming the place of each problem."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from maze_tasks.config import problems as check
from maze_tasks.config.json_lines import json_lines, spot_of
from maze_tasks.config.problems import Problem
from maze_tasks.config.prompt_files import UnreadableTemplate, read_templates
from maze_tasks.config.settings import DEFAULT_FILE, Settings
from maze_tasks.config.toml_lines import KeyPath, line_of, toml_lines
from maze_tasks.errors import ConfigError
from maze_tasks.models.reading import field_path
from maze_tasks.strict_json import JsonProblem, kind_of, parse_json

CONFIG_VARIABLE: Final = "MAZE_CONFIG"
URL_VARIABLES: Final = {"redis_url": "MAZE_REDIS_URL", "broker_url": "MAZE_BROKER_URL"}
MAX_FILE_BYTES: Final = 4 * 1024 * 1024  # no configuration is larger; what is, is another file or a device

_TOML_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


@dataclass(frozen=True, slots=True)
class _Document:
    """A parsed file: its values, how it was written, and the lines of its keys."""

    values: dict[str, Any]
    file: str
    is_toml: bool
    lines: Mapping[KeyPath, int] = field(default_factory=dict)

    def error(self, problem: Problem) -> ConfigError:
        """The problem with its place."""
        line = line_of(self.lines, problem.path)
        return ConfigError(problem.message, file=self.file, line=line, field=field_path(problem.path))


def load_settings(path: Path | None = None, env: Mapping[str, str] = os.environ) -> Settings:
    """The settings from a file and the environment.

    Args:
        path: the file; None means ``MAZE_CONFIG``, else ``maze.toml`` in this folder or the nearest one above. A file
            that ends in ``.json`` or begins with ``{`` is an EnsembleConfig, all others are TOML.
        env: the environment; ``MAZE_REDIS_URL`` and ``MAZE_BROKER_URL`` go before the file.

    Raises:
        ConfigError: there is no file, it cannot be read, or something in it or in a file that it names is wrong; with
            file, line and field. If several things are wrong the message lists them all.
    """
    found = path if path is not None else _find(env)
    document = _parse(_read(found), found)
    warnings = _refuse_bad_keys(document)
    values = _complete(document.values, env)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise _combined(document, check.type_problems(error, values)) from None
    settings = settings.model_copy(
        update={"config_path": found.absolute(), "warnings": warnings, "lines": document.lines}
    )
    _refuse(document, check.semantic_problems(settings))
    try:
        return settings.model_copy(update={"templates": read_templates(settings.prompt, found.absolute().parent)})
    except UnreadableTemplate as error:
        raise document.error(error.problem) from None


def _find(env: Mapping[str, str]) -> Path:
    if named := env.get(CONFIG_VARIABLE):
        return Path(named)
    try:
        here = Path.cwd()
    except OSError as error:
        raise ConfigError(f"this folder cannot be read ({error.strerror}); name a file with --config") from None
    for folder in (here, *here.parents):
        candidate = folder / DEFAULT_FILE
        if os.path.lexists(candidate):
            return candidate
    raise ConfigError(
        f"no {DEFAULT_FILE} in {here} or above; `maze init` writes one, --config or {CONFIG_VARIABLE} names another"
    )


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError("there is no such file; `maze init` writes one", file=str(path)) from None
    except IsADirectoryError:
        raise ConfigError(f"is a folder; name the file in it, such as {path / DEFAULT_FILE}", file=str(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot be read: {reason}", file=str(path)) from None
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(f"is larger than {MAX_FILE_BYTES >> 20} MiB: not a configuration", file=str(path))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"byte {content[error.start]:#04x} is not UTF-8", file=str(path), line=line) from None


def _parse(text: str, path: Path) -> _Document:
    if path.suffix.lower() == ".json" or text.lstrip().startswith("{"):
        return _parse_json(text, str(path))
    return _parse_toml(text, str(path))


def _parse_json(text: str, file: str) -> _Document:
    try:
        values = parse_json(text)
    except JsonProblem as problem:
        line, field = problem.line, problem.field
        if line is None and (spot := spot_of(text, problem)) is not None:
            line, field = spot.line, field_path(spot.path)
        raise ConfigError(problem.reason, file=file, line=line, field=field) from None
    if not isinstance(values, dict):
        raise ConfigError(f"must be an object, not {kind_of(values)}", file=file)
    return _Document(values, file, is_toml=False, lines=json_lines(text))


def _parse_toml(text: str, file: str) -> _Document:
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _TOML_PLACE.search(str(error))
        line = int(place[1]) if place and place[1] else text.count("\n") + 1
        message = _TOML_PLACE.sub("", str(error))
        raise ConfigError(f"not TOML: {message[:1].lower()}{message[1:]}", file=file, line=line) from None
    except RecursionError:
        raise ConfigError("not TOML that can be read: nested too deeply", file=file) from None
    except ValueError:  # Python's own limit on the digits of an integer
        raise ConfigError("not TOML that can be read: a number has too many digits", file=file) from None
    return _Document(values, file, is_toml=True, lines=toml_lines(text))


def _refuse_bad_keys(document: _Document) -> tuple[str, ...]:
    """Refuse keys that must not be there; what is merely unknown in a JSON file is taken out and warned of."""
    found: list[Problem] = []
    unknown = list(check.unknown_keys(document.values))
    if document.is_toml:
        found += [*check.literal_keys(document.values), *unknown]
        unknown = []
    _refuse(document, found)
    for problem in unknown:
        _remove(document.values, problem.path)
    return tuple(str(document.error(problem)) for problem in unknown)


def _remove(values: Any, path: KeyPath) -> None:
    for part in path[:-1]:
        values = values[part]
    del values[path[-1]]


def _complete(values: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    """The document with the environment laid over it; null means left out (CONTRACTS section 1)."""
    complete = _without_nulls(values)
    if isinstance(endpoints := complete.get("endpoints"), list):
        complete["endpoints"] = [_without_nulls(item) if isinstance(item, dict) else item for item in endpoints]
    if isinstance(refinement := complete.get("refinement"), dict):
        complete["refinement"] = {"max_iterations": 1, **_without_nulls(refinement)}
    for key, variable in URL_VARIABLES.items():
        if value := env.get(variable):
            complete[key] = value
    _refuse_bad_variables(complete, env)
    return complete


def _refuse_bad_variables(values: Mapping[str, Any], env: Mapping[str, str]) -> None:
    """A bad address from the environment is the fault of no file: name the variable."""
    urls = [values.get(key) for key in URL_VARIABLES]
    for problem in check.server_problems(*(url if isinstance(url, str) else None for url in urls)):
        variable = URL_VARIABLES[str(problem.path[0])]
        if env.get(variable):
            raise ConfigError(problem.message, field=variable)


def _without_nulls(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if value is not None}


def _refuse(document: _Document, problems: Iterable[Problem]) -> None:
    found = list(problems)
    if found:
        raise _combined(document, found)


def _combined(document: _Document, problems: Iterable[Problem]) -> ConfigError:
    """The first problem of the file as an error, with the others on lines of their own."""
    errors = sorted((document.error(problem) for problem in problems), key=lambda error: error.line or 0)
    first, *others = errors
    message = "\n".join([first.reason, *map(str, others)])
    return ConfigError(message, file=first.file, line=first.line, field=first.field)
