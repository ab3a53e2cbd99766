"""How shapes are read: the field types they share, and what a refusal says to people.

Every shape ignores unknown fields and takes ``null`` for a missing field (CONTRACTS section 1). Numbers are never
guessed from text, truth values never from numbers: a wrong type is the sign of a wrong file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from maze_tasks.names import HoleId

MAX_U32 = 2**32 - 1
MOST_S = 366 * 86_400  # a time or wait in seconds: beyond it something is mistyped, and Redis would be handed nonsense
MOST_USD = 1_000_000  # a budget: in nano-USD it is still a whole number everywhere
MOST_USD_1K = 1_000  # a price of a thousand tokens
MAX_U64 = 2**64 - 1
MAX_ID_CHARACTERS = 200
MAX_TEXT_CHARACTERS = 2**26  # of one text field; far above any file with holes
MAX_JSON_DEPTH = 100  # levels of free-form JSON; far below what serialising refuses


class Shape(BaseModel):
    """A value read from a file or a wire: frozen, unknown fields ignored, null the same as missing."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        protected_namespaces=(),
        hide_input_in_errors=True,
        # Without any limit pydantic lets the lone surrogates of JSON escapes through, which no encoder takes later.
        str_max_length=MAX_TEXT_CHARACTERS,
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_missing(cls, value: object) -> object:
        if type(value) is dict and None not in value.values():
            return value
        if isinstance(value, Mapping):
            return {name: given for name, given in value.items() if given is not None}
        return value


def explain(error: ValidationError) -> list[tuple[str, str]]:
    """What is wrong, for people: a pair of field path and reason for each problem.

    Paths look like ``endpoints[1].priority`` and are empty for the value as a whole. What was given is never repeated,
    for it may be a secret.
    """
    return [(field_path(item["loc"]), _reason(item["type"], item["msg"])) for item in _items(error)]


def field_path(place: Iterable[int | str]) -> str:
    """A place in nested values as text: ``("endpoints", 1, "name")`` is ``endpoints[1].name``."""
    path = ""
    for step in place:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path


def restated(error: ValidationError, below: tuple[int | str, ...] = ()) -> list[InitErrorDetails]:
    """The problems of `error` without the values given, each placed below `below`."""
    return [problem(item["type"], (*below, *item["loc"]), _reason(item["type"], item["msg"])) for item in _items(error)]


def refusal(what: str, problems: list[InitErrorDetails]) -> ValidationError:
    """The error that says `problems` of a `what`, and nothing of what was given."""
    return ValidationError.from_exception_data(what, problems, hide_input=True)


def problem(kind: str, place: tuple[int | str, ...], reason: str) -> InitErrorDetails:
    """One thing wrong at `place`; `kind` is one word for programs."""
    return InitErrorDetails(type=PydanticCustomError(kind, reason), loc=place, input=None)


def known_fields(shape: type[BaseModel]) -> frozenset[str]:
    """All names under which `shape` reads a field at its top level."""
    names: set[str] = set()
    for name, info in shape.model_fields.items():
        choices = getattr(info.validation_alias, "choices", ())
        names.update((name, *(choice for choice in choices if isinstance(choice, str))))
    return frozenset(names)


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """A suggestion such as ``; did you mean 'FastInference'?``, or nothing where no known name is near."""
    from difflib import get_close_matches  # only when something is wrong

    by_folded = {name.casefold(): str(name) for name in known}
    near = get_close_matches(given.casefold(), by_folded, n=1, cutoff=0.5)
    return f"; did you mean {by_folded[near[0]]!r}?" if near else ""


def choice(kind: type[StrEnum], what: str, also: Mapping[str, str] | None = None) -> BeforeValidator:
    """Reads a member of `kind`, one in lower case also from capitals, and refuses others with a suggestion.

    Args:
        kind: the names there are.
        what: what they name, for the message.
        also: other spellings, folded to lower case, and the names they stand for.
    """
    other = also or {}
    members = frozenset(kind)

    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        for name in (value, value.lower(), other.get(value.lower())):
            if name in members:
                return name
        known = ", ".join(kind)
        raise PydanticCustomError("unknown_name", _unknown(what, value, did_you_mean(value, [*kind, *other]), known))

    return BeforeValidator(read)


def _unknown(what: str, value: str, hint: str, known: str) -> str:
    return f"unknown {what} {value[:60]!r}{hint or ';'} known: {known}"


def _items(error: ValidationError) -> list[Any]:
    return error.errors(include_url=False, include_context=False, include_input=False)


def _reason(kind: str, message: str) -> str:
    if kind == "missing":
        return "is required"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return "should be an object"
    if kind == "tuple_type":
        return "should be a list"
    if kind == "string_unicode":
        return "should be valid Unicode"
    return message.removeprefix("Value error, ").removeprefix("Input ")


def _read_id(value: object) -> HoleId:
    if isinstance(value, str):
        if not 1 <= len(value) <= MAX_ID_CHARACTERS:
            raise ValueError(f"should have 1 to {MAX_ID_CHARACTERS} characters")
        if not _encodable(value):
            raise ValueError("should be valid Unicode")
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value <= MAX_U64:
            raise ValueError(f"should lie in 0..{MAX_U64} (64 bits without sign)")
        return value
    raise ValueError(f"should be a whole number in 0..2^64-1 or a text of 1 to {MAX_ID_CHARACTERS} characters")


def _encodable(text: str) -> bool:
    """False for the lone surrogates that JSON escapes can smuggle in and UTF-8 cannot carry."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read_json(value: object) -> Any:
    return _json(value, MAX_JSON_DEPTH)


def _json(value: object, levels: int) -> Any:
    """A copy of free-form JSON, so that nobody's later change reaches a frozen value."""
    if levels == 0:
        raise ValueError(f"is nested deeper than {MAX_JSON_DEPTH} levels")
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("holds a number that is not finite")
        return value
    if isinstance(value, str):
        return _json_text(value)
    if isinstance(value, Mapping):
        return {_json_text(key): _json(item, levels - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item, levels - 1) for item in value]
    raise ValueError(f"holds a {type(value).__name__}, which JSON has no form for")


def _json_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("holds a key that is not text")  # noqa: TRY004 - pydantic reports ValueError only
    if not _encodable(value):
        raise ValueError("holds text that is not valid Unicode")
    return value


def _read_number(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("should be a number")  # noqa: TRY004 - pydantic reports ValueError only
    if not math.isfinite(value):
        raise ValueError("should be a finite number")
    if value < 0:
        raise ValueError("should be greater than or equal to 0")
    return value


def nullable(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`read`, for a field that may also hold nothing."""
    return lambda value: None if value is None else read(value)


Id = Annotated[HoleId, PlainValidator(_read_id)]  # u64 or text; 5 and "5" differ
U32 = Annotated[int, Field(strict=True, ge=0, le=MAX_U32)]
U64 = Annotated[int, Field(strict=True, ge=0, le=MAX_U64)]
Positive = Annotated[int, Field(strict=True, ge=1, le=MAX_U32)]
Flag = Annotated[bool, Field(strict=True)]
Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)]
Span = Annotated[NonNegative, Field(le=MOST_S)]  # in seconds
Price = Annotated[NonNegative, Field(le=MOST_USD_1K)]  # in USD for a thousand tokens
Number = Annotated[int | float, PlainValidator(_read_number)]  # not negative; a whole number stays one
Json = Annotated[Any, PlainValidator(_read_json)]
