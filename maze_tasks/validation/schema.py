"""JSON values against JSON schemas: what servers that took a schema let through all the same (MEASURED)."""

from __future__ import annotations

import ast
import json
import math
import operator
from collections.abc import Iterator, Mapping
from typing import Any

from maze_tasks.models import Hole, JsonSchema
from maze_tasks.validation.patterns import matches

_MOST_PROBLEMS = 5  # told of one value
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_SIZES: tuple[tuple[str, type[str | list[Any] | dict[str, Any]], str, bool], ...] = (
    ("minLength", str, "characters", False),
    ("maxLength", str, "characters", True),
    ("minItems", list, "items", False),
    ("maxItems", list, "items", True),
    ("minProperties", dict, "properties", False),
    ("maxProperties", dict, "properties", True),
)
_DEEPEST = 100  # levels of a value that are looked at


def schemas_of(hole: Hole) -> list[JsonSchema]:
    """Every schema that a fill of a hole must satisfy."""
    own = [hole.spec.fill_schema] if hole.spec.fill_schema is not None else []
    return own + [one.json_schema for one in hole.constraints if one.json_schema is not None]


def json_value(code: str) -> tuple[bool, Any]:
    """Whether code is one JSON value, and which."""
    try:
        return True, json.loads(code, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False, None


def literal_value(code: str) -> tuple[bool, Any]:
    """Whether code is a literal of python that JSON has a form for, and which."""
    try:
        value = ast.literal_eval(code.strip())
        return True, json.loads(json.dumps(value, allow_nan=False))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False, None


def _refuse(name: str) -> None:
    raise ValueError(name)


def problems(value: object, schema: JsonSchema) -> list[str]:
    """What of a value breaks a schema, each with its place, such as ``$.items[2]: should be a number``.

    Of the keywords beyond those of the shape these are kept: enum, const, items, minimum, maximum, exclusiveMinimum,
    exclusiveMaximum, multipleOf, minLength, maxLength, pattern, minItems, maxItems, uniqueItems, minProperties,
    maxProperties, anyOf, oneOf, allOf and not. Others, ``$ref`` and ``format`` among them, are not judged. A schema
    that names no properties allows any.
    """
    whole = {
        "type": schema.schema_type,
        "properties": schema.properties,
        "required": list(schema.required),
        "additionalProperties": schema.additional_properties or not schema.properties,
    }
    found = []
    for problem in _problems(value, whole, "$", 0):
        found.append(problem)
        if len(found) == _MOST_PROBLEMS:
            break
    return found


def _problems(value: object, schema: object, place: str, depth: int) -> Iterator[str]:
    if schema is False:
        yield f"{place}: is not allowed"
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return
    kind = schema.get("type", schema.get("schema_type"))
    if kind is not None and not _has_type(value, kind):
        wanted = " or ".join(map(str, kind)) if isinstance(kind, list) else kind
        yield f"{place}: should be of type {wanted}, not {_type_of(value)}"
        return
    if "enum" in schema and isinstance(schema["enum"], list) and not any(_same(value, one) for one in schema["enum"]):
        yield f"{place}: should be one of {json.dumps(schema['enum'])[:120]}"
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{place}: should be {json.dumps(schema['const'])[:80]}"
    yield from _sizes(value, schema, place)
    if isinstance(value, dict):
        yield from _of_object(value, schema, place, depth)
    elif isinstance(value, list):
        yield from _of_array(value, schema, place, depth)
    elif isinstance(value, str):
        yield from _of_text(value, schema, place)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _of_number(value, schema, place)
    yield from _combined(value, schema, place, depth)


def _has_type(value: object, kind: object) -> bool:
    if isinstance(kind, list):
        return any(_has_type(value, one) for one in kind)
    if kind not in _TYPES:
        return True  # not a type of JSON: not judged
    if isinstance(value, bool) and kind != "boolean":
        return False
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[str(kind)])


def _type_of(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    return next((name for name, types in _TYPES.items() if isinstance(value, types)), type(value).__name__)


def _same(one: object, other: object) -> bool:
    if isinstance(one, bool) is not isinstance(other, bool):
        return False
    return one == other


def _sizes(value: object, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    for keyword, kind, what, most in _SIZES:
        bound = schema.get(keyword)
        if isinstance(value, kind) and isinstance(bound, int) and not isinstance(bound, bool):
            size = len(value)
            if (size > bound) if most else (size < bound):
                yield f"{place}: has {size} {what}, should have at {'most' if most else 'least'} {bound}"


def _of_object(value: dict[str, Any], schema: Mapping[str, Any], place: str, depth: int) -> Iterator[str]:
    properties = schema.get("properties")
    properties = properties if isinstance(properties, Mapping) else {}
    required = schema.get("required")
    for name in required if isinstance(required, list | tuple) else ():
        if name not in value:
            yield f"{place}: lacks the required property {name!r}"
    more = schema.get("additionalProperties", schema.get("additional_properties", "schema_type" not in schema))
    for name, item in value.items():
        if name in properties:
            yield from _problems(item, properties[name], f"{place}.{name}", depth + 1)
        elif more is False and (properties or "additionalProperties" in schema):
            yield f"{place}: has the property {name[:60]!r}, which the schema does not name"
        elif isinstance(more, Mapping):
            yield from _problems(item, more, f"{place}.{name}", depth + 1)


def _of_array(value: list[Any], schema: Mapping[str, Any], place: str, depth: int) -> Iterator[str]:
    first = schema.get("prefixItems")
    first = first if isinstance(first, list) else []
    for number, item in enumerate(value):
        inner = first[number] if number < len(first) else schema.get("items")
        yield from _problems(item, inner, f"{place}[{number}]", depth + 1)
    if schema.get("uniqueItems") is True:
        texts = [json.dumps(item, sort_keys=True) for item in value]
        if len(set(texts)) < len(texts):
            yield f"{place}: has items that are equal"


def _of_text(value: str, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and matches(pattern, value)[0] == "no match":
        yield f"{place}: does not match the pattern {pattern[:80]}"


def _of_number(value: float, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    for keyword, wrong, words in (
        ("minimum", operator.lt, "at least"),
        ("maximum", operator.gt, "at most"),
        ("exclusiveMinimum", operator.le, "more than"),
        ("exclusiveMaximum", operator.ge, "less than"),
    ):
        bound = schema.get(keyword)
        if isinstance(bound, int | float) and not isinstance(bound, bool) and wrong(value, bound):
            yield f"{place}: should be {words} {bound}"
    step = schema.get("multipleOf")
    if isinstance(step, int | float) and not isinstance(step, bool) and step > 0 and not _multiple(value, step):
        yield f"{place}: should be a multiple of {step}"


def _multiple(value: float, step: float) -> bool:
    if isinstance(value, int) and isinstance(step, int):
        return value % step == 0
    try:
        ratio = value / step
    except OverflowError:
        return True
    return not math.isfinite(ratio) or math.isclose(ratio, round(ratio), rel_tol=1e-9, abs_tol=1e-9)


def _combined(value: object, schema: Mapping[str, Any], place: str, depth: int) -> Iterator[str]:
    def fits(one: object) -> bool:
        return next(_problems(value, one, place, depth + 1), None) is None

    for one in _list(schema.get("allOf")):
        yield from _problems(value, one, place, depth + 1)
    if (choices := _list(schema.get("anyOf"))) and not any(map(fits, choices)):
        yield f"{place}: fits none of the forms allowed"
    if (choices := _list(schema.get("oneOf"))) and sum(map(fits, choices)) != 1:
        yield f"{place}: should fit exactly one of the forms allowed"
    if isinstance(schema.get("not"), Mapping) and fits(schema["not"]):
        yield f"{place}: has a form that is not allowed"


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
