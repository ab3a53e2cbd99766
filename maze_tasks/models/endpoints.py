"""Endpoints that fill holes, and the ensemble made of them (CONTRACTS section 1; PROTOCOL, "More configuration")."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    SecretStr,
    StringConstraints,
    ValidationError,
    model_validator,
)

from maze_tasks.models.reading import (
    U32,
    Flag,
    Json,
    Positive,
    Price,
    Shape,
    Span,
    choice,
    nullable,
    refusal,
    restated,
)

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # a token of RFC 9110, section 5.1
_UNFIT_IN_URL = re.compile(r"[\s\x00-\x1f\x7f\\]")


class ModelCapability(StrEnum):
    """What an endpoint is good at; routing asks for these."""

    CODE_COMPLETION = "CodeCompletion"
    LONG_CONTEXT = "LongContext"
    CONSTRAINED_GENERATION = "ConstrainedGeneration"
    FAST_INFERENCE = "FastInference"
    HIGH_QUALITY = "HighQuality"
    SECURITY_AWARE = "SecurityAware"


def _check_url(url: str) -> str:
    """`url`, if it is the address of an endpoint; messages never repeat it, for it may hold a password."""
    if _UNFIT_IN_URL.search(url):
        raise ValueError("should hold no white space, control characters or backslashes")
    try:
        parts = urlsplit(url)
        port_is_fit = parts.port != 0
    except ValueError:
        raise ValueError("should be a URL such as http://localhost:8001/v1 with a port of 1 to 65535") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_fit:
        raise ValueError("should be an http or https URL with a host, such as http://localhost:8001/v1")
    if "@" in parts.netloc:
        raise ValueError("should hold no user or password; name the variable that holds the key in api_key_env")
    if "?" in url or "#" in url:
        raise ValueError("should end with its path: paths are added to it, so it cannot carry a query or fragment")
    return url


def _check_env_name(name: str) -> str:
    if not _ENV_NAME.fullmatch(name):
        raise ValueError("should be the name of an environment variable, such as FAST_API_KEY, never a key itself")
    return name


def _check_header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError("should be the name of an HTTP header")
    return name


def _read_key(value: object) -> SecretStr | None:
    """A literal key; an empty one is none."""
    key = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(key, str):
        raise ValueError("should be text")  # noqa: TRY004 - pydantic reports ValueError only
    if not key:
        return None
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ValueError("should hold no white space, control characters or characters beyond ASCII")
    return SecretStr(key)


Url = Annotated[str, AfterValidator(_check_url)]
EnvName = Annotated[str, AfterValidator(_check_env_name)]
HeaderName = Annotated[str, AfterValidator(_check_header_name)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Capability = Annotated[ModelCapability, choice(ModelCapability, "capability")]
Seconds = Annotated[Span, Field(gt=0)]


class _WithSecrets(Shape):
    """A shape whose refusals carry nothing of what was given, not even for programs that print every detail."""

    @model_validator(mode="wrap")
    @classmethod
    def _refuse_without_values(cls, value: Any, handler: ModelWrapValidatorHandler[_WithSecrets]) -> _WithSecrets:
        try:
            return handler(value)
        except ValidationError as error:
            problems = restated(error)
        raise refusal(cls.__name__, problems)


class ModelEndpoint(_WithSecrets):
    """One model at one address.

    `endpoint_url` keeps its path, to which the protocol's own is added. `api_key_env` names the variable that holds the
    key; a literal `api_key` is kept in memory only and never written. `timeout_secs`, `spill_after_s` and `max_wait_s`
    are seconds, costs are USD per 1,000 tokens; of two endpoints the lower `priority` goes first. `extra_headers_env`
    maps header names to the variables that hold their values.
    """

    name: Name = "default"
    endpoint_url: Url
    model: Name = "meta-llama/Llama-3.1-8B-Instruct"
    api_key: Annotated[SecretStr | None, BeforeValidator(nullable(_read_key))] = Field(
        default=None, exclude=True, repr=False
    )
    api_key_env: EnvName | None = None
    protocol: Literal["openai", "ananke"] = "openai"
    timeout_secs: Seconds = 300.0
    capabilities: tuple[Capability, ...] = (ModelCapability.CODE_COMPLETION,)
    priority: U32 = 0
    cost_per_1k_tokens: Price = 0.0
    max_concurrency: Positive = 8
    requests_per_minute: Positive | None = None
    tokens_per_minute: Positive | None = None
    spill_after_s: Span = 5.0
    max_wait_s: Span = 30.0
    context_tokens: Positive | None = None
    constraint_dialect: Literal["none", "vllm", "sglang", "llamacpp", "ananke-sglang"] = "none"
    supports_n: Flag = False
    supports_logprobs: Flag = False
    supports_fim: Flag = False
    json_schema_form: Literal["json_schema", "json_object"] = "json_schema"
    input_cost_per_1k_tokens: Price | None = None
    output_cost_per_1k_tokens: Price | None = None
    extra_body: dict[str, Json] = Field(default_factory=dict)
    extra_headers_env: dict[HeaderName, EnvName] = Field(default_factory=dict)
    max_tokens_field: Name = "max_tokens"
    send_temperature: Flag = True
    verify_tls: Flag = True

    @property
    def input_price(self) -> float:
        """USD per 1,000 tokens of the prompt."""
        own = self.input_cost_per_1k_tokens
        return self.cost_per_1k_tokens if own is None else own

    @property
    def output_price(self) -> float:
        """USD per 1,000 tokens generated."""
        own = self.output_cost_per_1k_tokens
        return self.cost_per_1k_tokens if own is None else own

    def digest(self) -> str:
        """SHA-256 over all that is set and not secret, as 64 hexadecimal digits.

        Defaults are left out, so that a release that adds a setting does not make its workers differ from older ones.
        """
        return self._digest

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other values, which has another digest."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("_digest", None)
        return copied

    @cached_property
    def _digest(self) -> str:  # asked for by every attempt
        settings = self.model_dump(mode="json", exclude_defaults=True)
        text = json.dumps(settings, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()


class EnsembleConfig(_WithSecrets):
    """The endpoints there are and how they stand in for one another.

    `best_of_n` of None, 0 or 1 asks for one answer only; `max_fallback_attempts` counts candidates, the first included.
    That names are unique is the router's to say.
    """

    endpoints: tuple[ModelEndpoint, ...] = ()
    fallback_enabled: Flag = True
    best_of_n: U32 | None = None
    max_fallback_attempts: Positive = 3
