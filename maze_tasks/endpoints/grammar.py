"""Schemas and grammars in the notations that servers understand. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from maze_tasks.models.constraints import Grammar, JsonSchema

_ROOT = "root"  # where GBNF begins
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9]+")  # llama.cpp's names know letters, digits and dashes
_CHARACTER_CLASS = re.compile(r"\[(?:[^\]\\\n]|\\.)+\][*+?]?")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)+\"|'(?:[^'\\]|\\.)+'", re.DOTALL)
_EMPTY = frozenset({"", "ε", '""', "''"})
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def json_schema(schema: JsonSchema) -> dict[str, Any]:
    """`schema` as JSON Schema, its keys in the spelling of the standard.

    Source: CONTRACTS section 1 (``schema_type`` is also spelt ``type``, objects are closed unless they say otherwise).
    """
    standard: dict[str, Any] = {"type": schema.schema_type}
    if schema.properties:
        standard["properties"] = {name: _standard(value) for name, value in schema.properties.items()}
    if schema.required:
        standard["required"] = list(schema.required)
    if schema.schema_type == "object":
        standard["additionalProperties"] = schema.additional_properties
    return standard


def is_strict(schema: object) -> bool:
    """Whether a schema may be sent as strict: every object in it closed, and all its properties required.

    Source: OpenAI, "Structured Outputs", supported schemas; a strict schema that is not so is refused with 400.
    """
    if isinstance(schema, list):
        return all(map(is_strict, schema))
    if not isinstance(schema, Mapping):
        return True
    if schema.get("type") == "object" or "properties" in schema:
        properties, required = schema.get("properties", {}), schema.get("required", [])
        if not isinstance(properties, Mapping) or not isinstance(required, list):
            return False
        if schema.get("additionalProperties") is not False or set(properties) != set(map(str, required)):
            return False
    return all(map(is_strict, schema.values()))


def gbnf(grammar: Grammar) -> str | None:
    """`grammar` in GBNF, which llama.cpp, XGrammar (vLLM, SGLang) and Ananke read; None where it derives nothing.

    A symbol that heads a rule is that rule; a quoted symbol is the text inside, ``[...]`` a character class, any other
    symbol stands for itself. Rules of one name are alternatives; an optional rule may also be empty.
    Source: llama.cpp, grammars/README.md.
    """
    names = _rule_names(grammar)
    if grammar.start_symbol not in names:
        return None
    alternatives: dict[str, list[str]] = {symbol: [] for symbol in names}
    for rule in grammar.rules:
        body = " ".join(_term(symbol, names) for symbol in rule.rhs if symbol not in _EMPTY)
        alternatives[rule.lhs].append(body or '""')
        if rule.is_optional:
            alternatives[rule.lhs].append('""')
    lines = (f"{names[symbol]} ::= {' | '.join(dict.fromkeys(bodies))}" for symbol, bodies in alternatives.items())
    start = names[grammar.start_symbol]
    return "\n".join([f"{_ROOT} ::= {start}", *lines]) + "\n"


def _standard(schema: Any) -> Any:
    """A sub-schema with Ananke's spellings replaced by the standard's."""
    if not isinstance(schema, Mapping):
        return schema
    return dict(_standard_items(schema))


def _standard_items(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in schema.items():
        if key == "schema_type" and "type" not in schema:
            yield "type", value
        elif key == "additional_properties" and "additionalProperties" not in schema:
            yield "additionalProperties", value
        elif key == "properties" and isinstance(value, Mapping):
            yield key, {name: _standard(item) for name, item in value.items()}
        elif key == "items":
            yield key, _standard(value)
        else:
            yield key, value


def _rule_names(grammar: Grammar) -> dict[str, str]:
    """A name that GBNF allows for every symbol that heads a rule, no two alike."""
    names: dict[str, str] = {}
    taken = {_ROOT}
    for rule in grammar.rules:
        if rule.lhs in names:
            continue
        stem = _NOT_IN_A_NAME.sub("-", rule.lhs).strip("-").lower() or "rule"
        stem = stem if stem[0].isalpha() else f"r-{stem}"
        name, count = stem, 1
        while name in taken:
            count += 1
            name = f"{stem}-{count}"
        taken.add(name)
        names[rule.lhs] = name
    return names


def _term(symbol: str, names: Mapping[str, str]) -> str:
    """One symbol of a right-hand side."""
    if symbol in names:
        return names[symbol]
    if _CHARACTER_CLASS.fullmatch(symbol):
        return symbol
    text = symbol[1:-1] if _QUOTED.fullmatch(symbol) else symbol
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    return char if char.isprintable() else f"\\U{ord(char):08X}"
