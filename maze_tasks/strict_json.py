"""JSON as it must be read from people's files: nothing that is ambiguous, endless or cannot be written again."""

from __future__ import annotations

import json
from typing import Any, Final

MAX_DEPTH: Final = 100  # levels of nesting; more than that is no hole and no configuration
_SHOWN = 40  # characters of a key in a message


class JsonProblem(ValueError):  # noqa: N818 - a finding, which the reader of a file turns into its own error
    """A text is not JSON that can be used.

    Args:
        reason: what is wrong, for people.
        line: line inside the text, from 1, if known.
        field: dotted path of the value that is wrong, if known.
    """

    def __init__(self, reason: str, *, line: int | None = None, field: str | None = None) -> None:
        self.reason, self.line, self.field = reason, line, field
        super().__init__(reason)


def parse_json(text: str) -> Any:
    """The value of a JSON text.

    Refused beyond what JSON itself refuses: a key given twice, NaN and numbers out of range, surrogates
    without their other half (they cannot be encoded again), nesting deeper than `MAX_DEPTH`.

    Args:
        text: the text.

    Raises:
        JsonProblem: the text is refused.
    """
    try:
        value = _DECODER.decode(text)
    except JsonProblem:
        raise
    except json.JSONDecodeError as error:
        raise JsonProblem(_syntax(error), line=error.lineno) from None
    except RecursionError:
        raise JsonProblem(f"nested deeper than {MAX_DEPTH} levels") from None
    except ValueError:  # Python's own limit on the digits of an integer
        raise JsonProblem("a number has too many digits") from None
    _check_depth(text, value)
    _check_surrogates(text, value)
    return value


def kind_of(value: object) -> str:
    """What JSON calls the type of a value, with its article."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list() | tuple():
            return "a list"
        case dict():
            return "an object"
    return type(value).__name__


def _syntax(error: json.JSONDecodeError) -> str:
    if error.pos >= len(error.doc.rstrip()):
        return "not JSON: it ends too early"
    if error.msg == "Invalid control character at" and error.doc[error.pos] == "\0":
        return f"not JSON: a NUL character at column {error.colno}"
    problem = error.msg.removesuffix(" at").removesuffix(" starting")
    return f"not JSON: {problem[0].lower()}{problem[1:]} at column {error.colno}"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise JsonProblem(f"the key {key[:_SHOWN]!r} stands there twice")
            seen.add(key)
    return found


def _no_constant(name: str) -> float:
    raise JsonProblem(f"{name} is not a number of JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise JsonProblem(f"the number {digits[:_SHOWN]} is out of range")
    return value


def _check_depth(text: str, value: object) -> None:
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [child for item in level for child in _children(item)]
        if not level:
            return
    raise JsonProblem(f"nested deeper than {MAX_DEPTH} levels")


def _children(value: object) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _check_surrogates(text: str, value: object) -> None:
    if "\\ud" not in text and "\\uD" not in text:
        return
    todo: list[tuple[str, object]] = [("", value)]
    while todo:
        place, item = todo.pop()
        if isinstance(item, str) and _is_torn(item):
            raise JsonProblem("half of a surrogate pair (\\ud800 to \\udfff), which is no character", field=place)
        if isinstance(item, dict):
            if any(_is_torn(key) for key in item):
                raise JsonProblem("a key holds half of a surrogate pair", field=place)
            todo += [(f"{place}.{key}".lstrip("."), child) for key, child in item.items()]
        elif isinstance(item, list):
            todo += [(f"{place}[{index}]", child) for index, child in enumerate(item)]


def _is_torn(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
