"""Everything a process is told from outside, once, as one frozen value."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from maze_tasks.config.toml_lines import KeyPath, line_of
from maze_tasks.config.urls import broker_address, redact_url
from maze_tasks.errors import ConfigError
from maze_tasks.models import EnsembleConfig, ModelEndpoint, RefinementConfig, Templates, default_templates
from maze_tasks.models.reading import MOST_USD, U32, Flag, NonNegative, Positive, Shape, Span, field_path
from maze_tasks.names import DEFAULT_NAMESPACE
from maze_tasks.simulate.settings import SimulatedEndpoint
from maze_tasks.verification.profiles import VerifyProfile

STATE_FOLDER = ".maze"
DEFAULT_FILE = "maze.toml"

_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")  # what HTTP can carry everywhere


def _single_round() -> RefinementConfig:
    """Ten rounds of paid calls are asked for, not assumed (PROTOCOL, "More configuration")."""
    return RefinementConfig(max_iterations=1)


class PromptFiles(Shape):
    """Files whose texts take the place of the package's own; names are relative to the configuration's folder.

    Args:
        system_file: what goes ahead of every prompt.
        template_file: the layout of the prompts of holes that bring none.
    """

    system_file: str | None = Field(default=None, min_length=1)
    template_file: str | None = Field(default=None, min_length=1)


class Settings(Shape):
    """The configuration as the rest of the program sees it.

    `load_settings` makes one from a file and the environment; a program may make its own. No dump or repr of it
    holds a key, but `redis_url` and `broker_url` may hold passwords: show `dump_public`.

    Args:
        endpoints: the ensemble; the first is the default of routing. Never empty when loaded.
        fallback_enabled: whether candidates after the first are tried.
        max_fallback_attempts: candidates to try, the primary included.
        best_of_n: answers to ask for at once; None, 0 and 1 mean one.
        spread: whether those answers are asked of several candidates, one each, instead of one candidate.
        redis_url: the store; None means an embedded server.
        broker_url: Celery's broker; None means the store's server. `require_broker_url` is what to use.
        namespace: prefix of all keys and queues.
        budget_usd: most that a run may spend, in USD.
        deadline_s: longest that a run may take, in seconds.
        expire_days: days after which a finished run is forgotten.
        max_retries: deliberate repeats at the last candidate after a passing failure.
        lease_s: seconds after which a silent worker's attempt is given to another.
        scorer: what ranks the answers of best-of-N.
        cache: whether replies that were paid for are used again, within a run and over runs.
        cache_days: days that a reply is kept.
        events: whether workers send Celery events, which Flower needs.
        refinement: rounds and their temperatures.
        prompt: files with texts of the user's own.
        templates: the texts of prompts, read from these files.
        simulate: how `maze simulate` plays each endpoint, by endpoint name.
        verify: commands that judge fills, by profile name; only the worker's own count.
        verify_with: the profile that judges the fills of a run; None means that none does.
        verify_sandbox: what the commands run in; ``none`` is unsafe.
        verify_folder: folder of unpacked trees and working copies, local to the machine; None means the cache folder.
        snapshots: folder of the trees that fills are judged on, shared by the workers; None means in the state folder.
        snapshot_exclude: globs of what these trees leave out, written as in ``.gitignore``.
        config_path: the file this was read from, absolute; None where there was none.
        warnings: what the reader of the file should be told, one sentence each.
        lines: lines of the file by path, for messages.
    """

    model_config = ConfigDict(extra="forbid")

    endpoints: tuple[ModelEndpoint, ...] = ()
    fallback_enabled: Flag = True
    max_fallback_attempts: Positive = 3
    best_of_n: U32 | None = None
    spread: Flag = False
    redis_url: str | None = Field(default=None, repr=False)
    broker_url: str | None = Field(default=None, repr=False)
    namespace: str = Field(default=DEFAULT_NAMESPACE, min_length=1, max_length=100)
    budget_usd: Annotated[NonNegative, Field(le=MOST_USD)] | None = None
    deadline_s: Span | None = None
    expire_days: Annotated[NonNegative, Field(gt=0, le=3650)] = 7.0
    max_retries: Annotated[U32, Field(le=100)] = 2
    lease_s: Annotated[NonNegative, Field(ge=1, le=3600)] = 15.0
    scorer: Literal["evidence", "agreement", "confidence", "smallest", "speed"] = "evidence"
    cache: Flag = True
    cache_days: Annotated[NonNegative, Field(gt=0, le=3650)] = 7.0
    events: Flag = False
    refinement: RefinementConfig = Field(default_factory=_single_round)
    prompt: PromptFiles = Field(default=PromptFiles())
    templates: Templates = Field(default_factory=default_templates, repr=False)
    simulate: Mapping[str, SimulatedEndpoint] = Field(default={})
    verify: Mapping[str, VerifyProfile] = Field(default={})
    verify_with: str | None = None
    verify_sandbox: Literal["bubblewrap", "none"] = "bubblewrap"
    verify_folder: str | None = None
    snapshots: str | None = None
    snapshot_exclude: tuple[str, ...] = ()
    config_path: Path | None = None
    warnings: tuple[str, ...] = ()
    lines: Mapping[KeyPath, int] = Field(default={}, exclude=True, repr=False)

    @property
    def embedded(self) -> bool:
        """Whether a private server is started for the run."""
        return self.redis_url is None

    @property
    def ensemble(self) -> EnsembleConfig:
        """The part of the configuration that the original knows."""
        return EnsembleConfig(
            endpoints=self.endpoints,
            fallback_enabled=self.fallback_enabled,
            best_of_n=self.best_of_n,
            max_fallback_attempts=self.max_fallback_attempts,
        )

    @property
    def state_dir(self) -> Path:
        """Folder of an embedded run's data: ``.maze`` beside the configuration.

        Configurations of other names share a folder without sharing their runs: ``.maze/<stem>``.
        """
        if self.config_path is None:
            return Path.cwd() / STATE_FOLDER
        folder = self.config_path.parent / STATE_FOLDER
        return folder if self.config_path.name == DEFAULT_FILE else folder / self.config_path.stem

    @property
    def snapshot_dir(self) -> Path:
        """Folder of the trees that fills are judged on."""
        return self.state_dir / "snapshots" if self.snapshots is None else self._beside(self.snapshots)

    @property
    def verify_dir(self) -> Path | None:
        """Folder of working copies, None for the user's cache."""
        return None if self.verify_folder is None else self._beside(self.verify_folder)

    def _beside(self, path: str) -> Path:
        """A path that is relative to the configuration."""
        return (self.config_path.parent if self.config_path is not None else Path.cwd()) / path

    @property
    def literal_key_names(self) -> tuple[str, ...]:
        """Endpoints whose key stands in the configuration itself: it does not travel to workers elsewhere."""
        return tuple(endpoint.name for endpoint in self.endpoints if endpoint.api_key is not None)

    def require_redis_url(self) -> str:
        """Address of the store's server.

        Raises:
            ConfigError: there is none, since the run is embedded.
        """
        if self.redis_url is None:
            raise self._error("is needed here: without it the run has a private server", ("redis_url",))
        return self.redis_url

    def require_broker_url(self) -> str:
        """Address of the broker as kombu spells it, the store's server where no other is named.

        Raises:
            ConfigError: there is none, since the run is embedded.
        """
        return broker_address(self.broker_url or self.require_redis_url())

    def endpoint(self, name: str) -> ModelEndpoint:
        """The endpoint of that name.

        Args:
            name: an endpoint's `name`.

        Raises:
            ConfigError: there is none.
        """
        for endpoint in self.endpoints:
            if endpoint.name == name:
                return endpoint
        known = ", ".join(endpoint.name for endpoint in self.endpoints) or "none"
        raise self._error(f"no endpoint is named {name!r}; configured: {known}", ("endpoints",))

    def api_key(self, endpoint: ModelEndpoint, env: Mapping[str, str] | None = None) -> str | None:
        """The key to send to an endpoint, None where it takes none.

        Args:
            endpoint: one of `endpoints`.
            env: the environment; None means that of the process.

        Raises:
            ConfigError: the variable that `api_key_env` names is not set, or holds what no header can carry.
        """
        if endpoint.api_key is not None:
            return endpoint.api_key.get_secret_value()
        if endpoint.api_key_env is None:
            return None
        return self._secret(endpoint, endpoint.api_key_env, ("api_key_env",), env)

    def extra_headers(self, endpoint: ModelEndpoint, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """Values of the headers that `extra_headers_env` names.

        Args:
            endpoint: one of `endpoints`.
            env: the environment; None means that of the process.

        Raises:
            ConfigError: as for `api_key`.
        """
        return {
            header: self._secret(endpoint, variable, ("extra_headers_env", header), env)
            for header, variable in endpoint.extra_headers_env.items()
        }

    def dump_public(self) -> dict[str, Any]:
        """Everything that may be shown, as JSON values: no keys, no passwords."""
        shown = self.model_dump(mode="json", exclude={"warnings"})
        for field in ("redis_url", "broker_url"):
            if shown[field] is not None:
                shown[field] = redact_url(shown[field])
        shown["templates"] = self.templates.digest
        return shown

    def digest(self) -> str:
        """Fingerprint of what decides how holes are tried: 64 hexadecimal digits.

        Two configurations with one digest route, ask, retry and select alike. Addresses of Redis, keys, names of files
        and the order of keys do not count.
        """
        facts = {
            "endpoints": [endpoint.digest() for endpoint in self.endpoints],
            "refinement": self.refinement.model_dump(mode="json", exclude_defaults=True),
            **{name: getattr(self, name) for name in ("fallback_enabled", "max_fallback_attempts", "max_retries")},
            "best_of_n": max(self.best_of_n or 1, 1),
            "scorer": self.scorer,
        }
        if self.spread and facts["best_of_n"] != 1:
            facts["spread"] = True
        if not self.cache:
            facts["cache"] = False
        limits = {"budget_usd": self.budget_usd, "deadline_s": self.deadline_s}
        facts |= {name: limit for name, limit in limits.items() if limit is not None}
        # The package's own texts do not count, so that a release that rewords them still knows its runs.
        if self.templates != default_templates():
            facts["templates"] = self.templates.digest
        text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def _secret(self, endpoint: ModelEndpoint, variable: str, field: KeyPath, env: Mapping[str, str] | None) -> str:
        value = (os.environ if env is None else env).get(variable, "").strip()
        index = next((i for i, known in enumerate(self.endpoints) if known.name == endpoint.name), 0)
        if not value:
            raise self._error(f"the environment variable {variable} is not set", ("endpoints", index, *field))
        if not _HEADER_VALUE.fullmatch(value):
            raise self._error(
                f"the environment variable {variable} holds characters that no HTTP header can carry",
                ("endpoints", index, *field),
            )
        return value

    def _error(self, message: str, path: KeyPath) -> ConfigError:
        file = None if self.config_path is None else str(self.config_path)
        return ConfigError(message, file=file, line=line_of(self.lines, path), field=field_path(path))
