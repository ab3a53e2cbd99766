"""What can be wrong with a configuration, as values: each check takes a document and yields problems.

Nothing here reads a file or raises; `loading` puts the file and the line to each problem. No message repeats a value
that may be a secret.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from maze_tasks.config.settings import PromptFiles, Settings
from maze_tasks.config.toml_lines import KeyPath
from maze_tasks.config.urls import broker_url_problem, redis_url_problem
from maze_tasks.models import ModelEndpoint, RefinementConfig, did_you_mean, explain, known_fields

_OF_THE_READER = frozenset({"config_path", "warnings", "lines", "templates"})  # fields of Settings that no file may set
TOP_KEYS: Final = known_fields(Settings) - _OF_THE_READER
ENDPOINT_KEYS: Final = known_fields(ModelEndpoint)
REFINEMENT_KEYS: Final = known_fields(RefinementConfig)
PROMPT_KEYS: Final = known_fields(PromptFiles)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong at one place.

    Args:
        path: where, such as ``("endpoints", 1, "priority")``.
        message: what is wrong and what would be right.
    """

    path: KeyPath
    message: str


def unknown_keys(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Keys that nothing here reads; those of ``[simulate]`` are checked with their types."""
    yield from _unknown(document, (), TOP_KEYS)
    for path, endpoint in _endpoint_tables(document):
        yield from _unknown(endpoint, path, ENDPOINT_KEYS)
    for name, known in (("refinement", REFINEMENT_KEYS), ("prompt", PROMPT_KEYS)):
        if isinstance(table := document.get(name), Mapping):
            yield from _unknown(table, (name,), known)


def literal_keys(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Keys of endpoints written into a file that is likely to be shared."""
    for path, endpoint in _endpoint_tables(document):
        if endpoint.get("api_key") is not None:
            yield Problem(
                (*path, "api_key"),
                'a key does not belong in this file; set a variable to it and name that one: api_key_env = "NAME"',
            )


def type_problems(error: ValidationError, document: Mapping[str, Any]) -> Iterator[Problem]:
    """What pydantic found, one problem a place.

    Args:
        error: of `Settings`.
        document: what was validated.
    """
    found: dict[KeyPath, Problem] = {}
    items = error.errors(include_url=False, include_context=False, include_input=False)
    for item, (_, reason) in zip(items, explain(error), strict=True):
        path = _known_part(item["loc"], document)
        found[path] = Problem(path, _REWORDED.get((path, item["type"])) or _REWORDED.get(item["type"]) or reason)
    yield from found.values()


_REWORDED: Final[Mapping[object, str]] = {
    "extra_forbidden": "unknown key",
    (("endpoints",), "tuple_type"): "should be a list of tables, each under its own [[endpoints]]",
}


def semantic_problems(settings: Settings) -> Iterator[Problem]:
    """What the types alone do not tell."""
    if not settings.endpoints:
        yield Problem(("endpoints",), "no endpoint is configured; at least one is needed")
    yield from _name_problems(settings)
    if settings.verify_with is not None and settings.verify_with not in settings.verify:
        known = did_you_mean(settings.verify_with, list(settings.verify))
        yield Problem(("verify_with",), f"no profile is named {settings.verify_with!r}{known}")
    yield from _not_built(settings)
    yield from server_problems(settings.redis_url, settings.broker_url)
    names = [endpoint.name for endpoint in settings.endpoints]
    for name in settings.simulate:
        if name not in names:
            yield Problem(("simulate", name), f"no endpoint is named {name!r}{did_you_mean(name, names)}")


def _not_built(settings: Settings) -> Iterator[Problem]:
    """What is a valid setting but would have no effect yet: money or a limit that somebody relies on."""
    refinement = settings.refinement
    if refinement.enable_diffusion:
        yield Problem(("refinement", "enable_diffusion"), "is not supported yet")
    if not refinement.parallel_fill:
        yield Problem(("refinement", "parallel_fill"), "false is not supported yet: holes are filled side by side")


def server_problems(redis_url: str | None, broker_url: str | None) -> Iterator[Problem]:
    """What is wrong with the addresses of the store and the broker."""
    if redis_url is not None and (problem := redis_url_problem(redis_url)):
        yield Problem(("redis_url",), problem)
    if broker_url is None:
        return
    if problem := broker_url_problem(broker_url):
        yield Problem(("broker_url",), problem)
    elif redis_url is None:
        yield Problem(("broker_url",), "needs redis_url beside it: without one the run has a private server")


def _name_problems(settings: Settings) -> Iterator[Problem]:
    first_at: dict[str, int] = {}
    for index, endpoint in enumerate(settings.endpoints):
        name, path = endpoint.name, ("endpoints", index, "name")
        earlier = first_at.setdefault(name, index)
        if not name.isprintable() or name != name.strip():
            yield Problem(path, "should have printable characters only, and no blanks at its ends")
        elif earlier != index and "name" not in endpoint.model_fields_set:
            yield Problem(path, f"is missing, and endpoints[{earlier}] is already called {name!r}")
        elif earlier != index:
            yield Problem(path, f"{name!r} is the name of endpoints[{earlier}] too; each endpoint needs its own")


def _unknown(table: Mapping[str, Any], path: KeyPath, known: Collection[str]) -> Iterator[Problem]:
    for key in table:
        if key in known:
            continue
        if path and key in TOP_KEYS:
            yield Problem((*path, key), f"is no key of this table; {key} goes above the first [table] of the file")
        else:
            yield Problem((*path, key), f"unknown key{did_you_mean(key, known)}")


def _endpoint_tables(document: Mapping[str, Any]) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    endpoints = document.get("endpoints")
    for index, endpoint in enumerate(endpoints if isinstance(endpoints, list) else ()):
        if isinstance(endpoint, Mapping):
            yield ("endpoints", index), endpoint


def _known_part(loc: tuple[int | str, ...], document: object) -> KeyPath:
    """A pydantic location without the names of union members behind the last real part."""
    path: list[str | int] = []
    for part in loc:
        if isinstance(document, Mapping):
            document = document.get(part)
        elif isinstance(document, list) and isinstance(part, int) and part < len(document):
            document = document[part]
        else:
            break
        path.append(part)
    return tuple(path)
